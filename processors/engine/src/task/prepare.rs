// SPDX-License-Identifier: Apache-2.0

//! Flush: what a transaction writes.

use std::sync::Arc;

use super::Task;
use crate::budget::Budget;
use crate::emitter::Emitter;
use crate::error::{ProcessError, TaskError};
use crate::form;
use crate::marks::Marks;
use crate::news::{Leader, News, Said};
use crate::record::{OutputRecord, Route, Sink};
use crate::requests::{Request, Retracted};
use crate::staged::Staged;
use crate::state::State;
use crate::store::check_key;
use crate::topology::Node;

impl Task {
    /// Passes everything staged to the transaction: the processors' output, messages to other partitions, the changelog and
    /// dead letters.
    ///
    /// # Errors
    /// See [`TaskError`]; the caller aborts the transaction in every case.
    pub fn prepare(&mut self, sink: &mut dyn Sink) -> Result<(), TaskError> {
        self.prepare_within(sink, &mut Budget::default())
    }

    /// Like [`prepare`](Self::prepare), with a budget for work that no record caused: expiry, forgetting and erasing. The rest
    /// continues in the next commit ([`has_more`](Self::has_more)).
    ///
    /// # Errors
    /// As [`prepare`](Self::prepare).
    pub fn prepare_within(&mut self, sink: &mut dyn Sink, budget: &mut Budget) -> Result<(), TaskError> {
        self.hand_over(sink, budget).map_err(|source| self.error(source))
    }

    fn hand_over(&mut self, sink: &mut dyn Sink, budget: &mut Budget) -> Result<(), ProcessError> {
        let Staged { outbox, tally, .. } = &mut self.staged;
        // First: a record that a processor withdraws at the commit must come before the withdrawal.
        outbox.send(self.topology.repartition(), sink, tally)?;
        self.flush(sink, budget)?;
        self.stream_time.stage(self.staged.stream_time_ms, &mut self.staged.writes);
        self.recent.stage(&mut self.staged.writes);
        if let Some(form) = self.topology.state_form().filter(|_| !self.has_form) {
            let processors = self.topology.signature().into_bytes();
            form.clone().with(form::PROCESSORS, processors).stage(&mut self.staged.writes);
        }
        let Staged { writes, dead_letters, tally, .. } = &mut self.staged;
        let changelog = self.topology.changelog();
        // Before any of it is in the changelog, from which it would come back.
        check_key(writes.longest_key())?;
        writes.arrange();
        for (key, value) in writes.iter() {
            let route = Route::Partition(self.partition);
            tally.output(changelog.index());
            sink.send(OutputRecord {
                topic: changelog,
                route,
                key: Some(key),
                value,
                timestamp_ms: None,
                headers: &[],
            })?;
        }
        for letter in dead_letters.iter() {
            tally.output(self.topology.dead_letters().index());
            letter.send(self.topology.letter_topic(), sink)?;
        }
        Ok(())
    }

    /// Calls the flush of each processor in the order of the topology, so that downstream processors receive the notes of
    /// upstream ones. Then forgets and erases in reverse order.
    fn flush(&mut self, sink: &mut dyn Sink, budget: &mut Budget) -> Result<(), ProcessError> {
        let topology = Arc::clone(&self.topology);
        let nodes = topology.nodes();
        // Data to be erased must not become a dead letter just before; everything else can wait.
        let is_looking = self.search()?.is_some();
        let now_ms = self.stream_time.for_expiry(self.staged.stream_time_ms).filter(|_| !is_looking);
        let punctuates_ms = self.staged.punctuates_ms;
        let mut marks = std::mem::take(&mut self.staged.marks);
        marks.iter_mut().for_each(Marks::tidy);
        let unmarked = Marks::default();
        let mut said: Vec<Vec<Said>> = Vec::with_capacity(nodes.len());
        let mut requests: Vec<Request> = Vec::new();
        // One half is for expiry, the other for the removals that follow from it.
        let mut expiry = budget.share(2);
        let mut caused = Budget::unbounded();
        for (index, node) in nodes.iter().enumerate() {
            let leaders = leaders_of(node, nodes, &said);
            let news = News { marked: marks.get(index).unwrap_or(&unmarked), leaders: &leaders };
            let mut says = Vec::new();
            if let Some(now) = now_ms
                && let Some(expires) = node.processor.as_expire()
            {
                let mut part = expiry.share(nodes.len() - index);
                let mut emitter = self.emitter(node, &leaders, (&mut says, &mut requests), (sink, &mut part));
                expires.expire(now, &mut emitter)?;
                expiry.give_back(&part);
            }
            if !news.is_empty() {
                let mut emitter =
                    self.emitter(node, &leaders, (&mut says, &mut requests), (sink, &mut caused));
                node.processor.flush(&news, &mut emitter)?;
            }
            if let Some(now) = punctuates_ms
                && let Some(timers) = node.processor.as_punctuate()
            {
                let mut emitter =
                    self.emitter(node, &leaders, (&mut says, &mut requests), (sink, &mut expiry));
                timers.punctuate(now, &mut emitter)?;
            }
            drop(leaders);
            said.push(says);
        }
        self.staged.marks = marks;
        self.retract(&requests, sink)?;
        budget.give_back(&expiry);
        let is_looked = self.look_on(sink, budget)?;
        let is_ended = self.end(sink, budget, is_looking)?;
        self.staged.is_ending = !is_ended;
        self.staged.is_left = !is_looked || !is_ended || budget.was_short();
        Ok(())
    }

    fn retract(&mut self, requests: &[Request], sink: &mut dyn Sink) -> Result<(), ProcessError> {
        if requests.is_empty() {
            return Ok(());
        }
        let topology = Arc::clone(&self.topology);
        let nodes = topology.nodes();
        let silence: Vec<Vec<Said>> = nodes.iter().map(|_| Vec::new()).collect();
        let mut caused = Budget::unbounded();
        for node in nodes.iter().rev() {
            let Some(forgets) = node.processor.as_forget() else { continue };
            let leaders = leaders_of(node, nodes, &silence);
            let (mut says, mut more) = (Vec::new(), Vec::new());
            let mut emitter = self.emitter(node, &leaders, (&mut says, &mut more), (sink, &mut caused));
            for request in requests {
                let event = Retracted { scope: request.scope.scope(), event_id: &request.event_id };
                forgets.retract(&event, &mut emitter)?;
            }
        }
        Ok(())
    }

    pub(super) fn emitter<'t>(
        &'t mut self,
        node: &'t Node,
        leaders: &'t [Leader<'t>],
        (said, requests): (&'t mut Vec<Said>, &'t mut Vec<Request>),
        (sink, budget): (&'t mut dyn Sink, &'t mut Budget),
    ) -> Emitter<'t> {
        let Staged { writes, tally, stream_time_ms, dead_letters, .. } = &mut self.staged;
        let state = State {
            namespace: node.processor.namespace(),
            processor: node.processor.name(),
            outputs: node.writes.as_deref(),
            partition: self.partition,
            partitions: self.partitions,
            stream_time_ms: self.stream_time.for_expiry(*stream_time_ms),
            clock_ms: self.stream_time.clock(*stream_time_ms, self.record_ms),
            store: &*self.store,
            writes,
            budget,
            tally,
            scratch: &mut self.scratch,
        };
        Emitter {
            state,
            leaders,
            repartition: self.topology.repartition(),
            said,
            requests,
            dead_letters,
            now_ms: self.now_ms,
            is_followed: node.is_followed,
            is_ending: self.is_ending,
            sink,
        }
    }
}

pub(super) fn leaders_of<'t>(node: &Node, nodes: &[Node], said: &'t [Vec<Said>]) -> Vec<Leader<'t>> {
    let leader = |index: &usize| {
        let processor = &nodes.get(*index)?.processor;
        Some(Leader { name: processor.name(), namespace: processor.namespace(), said: said.get(*index)? })
    };
    node.leaders.iter().filter_map(leader).collect()
}
