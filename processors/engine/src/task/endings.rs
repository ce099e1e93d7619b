// SPDX-License-Identifier: Apache-2.0

//! Forgetting and erasing during the flush, within the commit's budget (contract section 9).

use std::ops::ControlFlow;
use std::sync::Arc;

use super::Task;
use super::prepare::leaders_of;
use crate::asked::Look;
use crate::budget::Budget;
use crate::ending::{self, ENDING, Ending, How};
use crate::error::ProcessError;
use crate::news::Said;
use crate::overlay;
use crate::record::Sink;
use crate::requests::{OwnedScope, Slice};
use crate::store::StoreError;

impl Task {
    /// Progress of the search for data of customers to be erased; `None` if no search is due.
    pub(super) fn search(&self) -> Result<Option<Look>, ProcessError> {
        if self.asked.ms(self.staged.asked_ms).is_none() {
            return Ok(None);
        }
        let look = overlay::read(&*self.store, &self.staged.writes, Look::KEY, |look| {
            look.map(Look::read).transpose()
        })?;
        Ok(look?)
    }

    /// Continues the search for data of customers to be erased; returns whether it is complete. It reads committed state, so it
    /// starts in the commit after the request, when all earlier events are committed.
    pub(super) fn look_on(&mut self, sink: &mut dyn Sink, budget: &mut Budget) -> Result<bool, ProcessError> {
        let Some(mut look) = self.search()? else { return Ok(true) };
        if !overlay::read_committed(&*self.store, Look::KEY, |look| look.is_some())? {
            return Ok(false);
        }
        let topology = Arc::clone(&self.topology);
        let nodes = topology.nodes();
        let silence: Vec<Vec<Said>> = nodes.iter().map(|_| Vec::new()).collect();
        let first = nodes.iter().position(|node| node.processor.namespace() == look.next).unwrap_or(0);
        for node in nodes.iter().skip(first) {
            let Some(erasures) = node.processor.as_handle_erasures() else { continue };
            let leaders = leaders_of(node, nodes, &silence);
            let (mut says, mut more) = (Vec::new(), Vec::new());
            let mut emitter = self.emitter(node, &leaders, (&mut says, &mut more), (sink, budget));
            let slice = match emitter.has_budget() {
                true => erasures.look_for_asked(&look.from, &mut emitter)?,
                false => Slice::GoesOn(std::mem::take(&mut look.from)),
            };
            if let Slice::GoesOn(from) = slice {
                look = Look { next: node.processor.namespace(), from, ..look };
                self.staged.writes.put(Look::KEY, &look.write());
                return Ok(false);
            }
            look.from.clear();
        }
        match look.again {
            true => self.staged.writes.put(Look::KEY, &Look::begin().write()),
            false => self.staged.writes.delete(Look::KEY),
        }
        Ok(!look.again)
    }

    /// Forgets or erases what is listed, one after the other; returns whether all is done. While a search for data to erase is
    /// in progress, nothing is forgotten, because that would write dead letters.
    pub(super) fn end(
        &mut self,
        sink: &mut dyn Sink,
        budget: &mut Budget,
        only_erase: bool,
    ) -> Result<bool, ProcessError> {
        /// Number of list entries taken at once.
        const AT_ONCE: usize = 256;
        if !self.is_ending && self.staged.writes.under(ENDING, ENDING).next().is_none() {
            return Ok(true);
        }
        loop {
            let listed = self.listed(AT_ONCE, only_erase)?;
            if listed.is_empty() {
                return Ok(!only_erase);
            }
            for (scope, ending) in listed {
                if !budget.has_any() || !self.end_one(&scope, ending, sink, budget)? {
                    return Ok(false);
                }
            }
        }
    }

    /// Some list entries.
    fn listed(&mut self, most: usize, only_erase: bool) -> Result<Vec<(OwnedScope, Ending)>, ProcessError> {
        let mut listed = Vec::new();
        let mut problem = None;
        overlay::scan(&*self.store, &mut self.staged.writes, ENDING, ENDING, &mut |key, value| {
            match (ending::scope_of(key), Ending::read(value)) {
                (Some(_), Ok(ending)) if only_erase && ending.how == How::Forget => {}
                (Some(scope), Ok(ending)) => listed.push((scope, ending)),
                (None, Ok(_)) => {
                    problem = Some(StoreError::Corrupt("what is to end is of no known kind".to_owned()));
                }
                (_, Err(what)) => problem = Some(what),
            }
            if listed.len() < most && problem.is_none() {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        })?;
        problem.map_or(Ok(listed), |problem| Err(problem.into()))
    }

    /// Forgets or erases one entry within the budget; returns whether it is complete.
    fn end_one(
        &mut self,
        scope: &OwnedScope,
        ending: Ending,
        sink: &mut dyn Sink,
        budget: &mut Budget,
    ) -> Result<bool, ProcessError> {
        let topology = Arc::clone(&self.topology);
        let nodes = topology.nodes();
        let silence: Vec<Vec<Said>> = nodes.iter().map(|_| Vec::new()).collect();
        let Ending { how, next, mut from } = ending;
        let last = nodes.iter().position(|node| node.processor.namespace() == next);
        let left = last.map_or(nodes.len(), |last| last + 1);
        for node in nodes.iter().take(left).rev() {
            let Some(forgets) = node.processor.as_forget() else { continue };
            let leaders = leaders_of(node, nodes, &silence);
            let (mut says, mut more) = (Vec::new(), Vec::new());
            let mut emitter = self.emitter(node, &leaders, (&mut says, &mut more), (sink, budget));
            let slice = match how {
                How::Forget => forgets.forget(&scope.scope(), &from, &mut emitter)?,
                How::Erase => forgets.erase(&scope.scope(), &from, &mut emitter)?,
            };
            if let Slice::GoesOn(from) = slice {
                let ending = Ending { how, next: node.processor.namespace(), from };
                self.staged.writes.put(&ending::key(&scope.scope()), &ending.write());
                return Ok(false);
            }
            from.clear();
        }
        budget.spend(0);
        self.staged.writes.delete(&ending::key(&scope.scope()));
        self.staged.erases |= how == How::Erase;
        Ok(true)
    }
}
