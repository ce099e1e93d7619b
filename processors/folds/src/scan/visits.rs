//! Queue visits: tasks that wait for an agent.

use std::sync::Arc;

use model::{Dimension, Figure, VisitOutcome};
use serde::{Deserialize, Serialize};

use super::ScanSettings;
use super::amount::{Amount, Amounts};
use super::entry::StoredTask;
use super::form::Shared;

/// All visits, in the order of opening.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Visits {
    list: Vec<Visit>,
    /// The places of the open ones, in the order of opening.
    open: Vec<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Visit {
    pub(super) task: Box<str>,
    queue: Option<Shared>,
    pub(super) direction: Option<Box<str>>,
    pub(super) mode: Option<Box<str>>,
    pub(super) enqueued_at: i64,
    /// When it ended, and how: the code of a [`VisitOutcome`].
    ended: Option<(i64, u8)>,
}

impl Visits {
    /// A task is enqueued: a visit, unless the task has had one.
    pub(super) fn enqueue(&mut self, at: i64, task: &StoredTask<'_>, amounts: &mut Amounts<'_>) {
        let Some(id) = task.task_id else { return };
        if self.list.iter().any(|visit| *visit.task == *id) {
            return;
        }
        if let Some(queue) = task.queue {
            amounts(Amount::one(Dimension::Queue, queue, Figure::Offered, at));
        }
        self.open.push(self.list.len());
        self.list.push(Visit {
            task: id.into(),
            queue: task.queue.map(Into::into),
            direction: task.direction.map(Into::into),
            mode: task.mode.map(Into::into),
            enqueued_at: at,
            ended: None,
        });
    }

    /// Ends all open visits.
    pub(super) fn end_all(
        &mut self,
        at: i64,
        outcome: VisitOutcome,
        settings: &ScanSettings,
        amounts: &mut Amounts<'_>,
    ) {
        for place in self.open.drain(..) {
            if let Some(visit) = self.list.get_mut(place) {
                visit.end(at, outcome, settings, amounts);
            }
        }
    }

    /// Ends the open visit of a task.
    pub(super) fn end_of(
        &mut self,
        task: &StoredTask<'_>,
        at: i64,
        outcome: VisitOutcome,
        settings: &ScanSettings,
        amounts: &mut Amounts<'_>,
    ) {
        let Some(id) = task.task_id else { return };
        let list = &mut self.list;
        self.open.retain(|place| match list.get_mut(*place) {
            Some(visit) if *visit.task == *id => {
                visit.end(at, outcome, settings, amounts);
                false
            }
            Some(_) => true,
            None => false,
        });
    }

    pub(super) fn any_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// The queue's name of the open visit opened last.
    pub(super) fn queue(&self) -> Option<Arc<str>> {
        let visit = self.list.get(*self.open.last()?)?;
        visit.queue.as_ref().map(|queue| Arc::clone(&queue.0))
    }

    /// The open ones, in the order of opening.
    pub(super) fn open(&self) -> impl DoubleEndedIterator<Item = &Visit> {
        self.open.iter().filter_map(|place| self.list.get(*place))
    }

    pub(super) fn list(&self) -> &[Visit] {
        &self.list
    }
}

impl Visit {
    fn end(&mut self, at: i64, outcome: VisitOutcome, settings: &ScanSettings, amounts: &mut Amounts<'_>) {
        self.ended = Some((at, outcome.code()));
        let Some(queue) = self.queue() else { return };
        let wait = at - self.enqueued_at;
        let figure = match outcome {
            VisitOutcome::Answered => Figure::Answered,
            VisitOutcome::Abandoned => Figure::Abandoned,
            VisitOutcome::NoAgent => Figure::NoAgent,
            VisitOutcome::Cancelled => Figure::Cancelled,
        };
        amounts(Amount::one(Dimension::Queue, queue, figure, at));
        amounts(Amount::at(Dimension::Queue, queue, Figure::WaitMs, at, wait));
        if outcome == VisitOutcome::Answered && wait <= settings.service_level_ms {
            amounts(Amount::one(Dimension::Queue, queue, Figure::AnsweredInTarget, at));
        }
    }

    pub(super) fn queue(&self) -> Option<&str> {
        self.queue.as_ref().map(|queue| &*queue.0)
    }

    pub(super) fn ended_at(&self) -> Option<i64> {
        self.ended.map(|(at, _)| at)
    }

    pub(super) fn wait_ms(&self) -> Option<i64> {
        self.ended_at().map(|at| at - self.enqueued_at)
    }

    pub(super) fn outcome(&self) -> Option<VisitOutcome> {
        self.ended.and_then(|(_, outcome)| VisitOutcome::from_code(outcome))
    }
}
