// SPDX-License-Identifier: Apache-2.0

//! Queue visits: waits for an agent. A visit consists of its tasks: if a task was closed because an agent let it ring, the next
//! task continues the visit.

use std::sync::Arc;

use model::{Dimension, Figure, Histogram, VisitOutcome, Waits};
use serde::{Deserialize, Serialize};

use super::ScanSettings;
use super::amount::{Amount, Amounts};
use super::cycles::Cycles;
use super::entry::StoredTask;
use super::form::Shared;

/// Directions of tasks in which an agent waits for another agent.
const AGENTS: [&str; 5] = ["CONSULT", "CONSULT_TRANSFER", "CONSULT_CONFERENCE", "SILENT_MONITOR", "BARGE_IN"];

/// The directions of visits that are transfers.
pub(super) const TRANSFERS: [&str; 2] = ["DIRECT_TRANSFER", "CONSULT_TRANSFER"];
/// The direction of visits in which an agent waits for advice.
pub(super) const CONSULT: &str = "CONSULT";

/// Who waits for a task of this direction.
pub(super) fn waits_of(direction: Option<&str>) -> Waits {
    if direction.is_some_and(|direction| AGENTS.contains(&direction)) {
        Waits::Agent
    } else {
        Waits::Customer
    }
}

/// All visits, in the order of opening.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Visits {
    list: Vec<Visit>,
    /// Indexes of the open visits, in the order of opening.
    open: Vec<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Visit {
    /// Its tasks, in the order of arrival; at least one.
    tasks: Vec<Box<str>>,
    queue: Option<Shared>,
    pub(super) direction: Option<Box<str>>,
    pub(super) mode: Option<Box<str>>,
    pub(super) session: Option<Box<str>>,
    timer: Option<Box<str>>,
    pub(super) enqueued_at: i64,
    /// The agent to whom the task is offered.
    reserved: Option<Box<str>>,
    /// Whether its task was closed and another one is expected.
    goes_on: bool,
    pub(super) ronas: i64,
    /// Number of the cycle in which it was opened; `None` if the conversation was closed.
    cycle: Option<u64>,
    ended: Option<Ended>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Ended {
    at: i64,
    /// Code of a [`VisitOutcome`].
    outcome: u8,
    /// The agent who answered.
    agent: Option<Box<str>>,
}

/// How a visit ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How<'a> {
    /// This agent answered.
    Answered(&'a str),
    NoAgent,
    /// The task was closed for a reason of its own.
    Cancelled,
    /// The waiting customer or agent has left, or no longer waits.
    Gone,
}

impl How<'_> {
    fn outcome(self, waits: Waits) -> VisitOutcome {
        match (self, waits) {
            (How::Answered(_), _) => VisitOutcome::Answered,
            (How::NoAgent, _) => VisitOutcome::NoAgent,
            (How::Gone, Waits::Customer) => VisitOutcome::Abandoned,
            (How::Cancelled, _) | (How::Gone, Waits::Agent) => VisitOutcome::Cancelled,
        }
    }
}

/// Context of an end: the time, the settings, the conversation's cycles and the figures.
pub(super) struct At<'t, 'm> {
    pub(super) at: i64,
    pub(super) settings: &'t ScanSettings,
    pub(super) cycles: &'t mut Cycles,
    pub(super) amounts: &'t mut Amounts<'m>,
}

impl Visits {
    /// Enqueues a task: opens a visit, or continues one, unless the task is already in an open visit. `session` is the event's
    /// session.
    pub(super) fn enqueue(&mut self, task: &StoredTask<'_>, session: Option<&str>, to: &mut At<'_, '_>) {
        let Some(id) = task.task_id else { return };
        let waits = waits_of(task.direction);
        let known = self.find_open(|visit| visit.tasks.iter().any(|other| **other == *id));
        if let Some(visit) = known {
            visit.goes_on = false;
            return;
        }
        if let Some(visit) = self.find_open(|visit| visit.goes_on_with(task, waits)) {
            visit.tasks.push(id.into());
            visit.goes_on = false;
            return;
        }
        if waits == Waits::Customer {
            to.cycles.queue();
        }
        if let Some(queue) = task.queue {
            begun(queue, task.direction, waits, to);
        }
        self.open.push(self.list.len());
        self.list.push(Visit {
            tasks: vec![id.into()],
            queue: task.queue.map(Into::into),
            direction: task.direction.map(Into::into),
            mode: task.mode.map(Into::into),
            session: task.session_id.or(session).map(Into::into),
            timer: task.timer_id.map(Into::into),
            enqueued_at: to.at,
            reserved: None,
            goes_on: false,
            ronas: 0,
            cycle: to.cycles.current(),
            ended: None,
        });
    }

    /// Offers a task to an agent.
    pub(super) fn offer(&mut self, task: &StoredTask<'_>, agent: &str) {
        if let Some(visit) = self.of_task(task) {
            visit.reserved = Some(agent.into());
        }
    }

    /// Closes a task whose wait continues; `is_rona` says whether its agent let it ring.
    pub(super) fn go_on(&mut self, task: &StoredTask<'_>, is_rona: bool, to: &mut At<'_, '_>) {
        if let Some(visit) = self.of_task(task) {
            visit.goes_on = true;
            visit.reserved = None;
            if is_rona {
                visit.ronas += 1;
                visit.tell_rona(to);
            }
        }
    }

    /// Ends the open visit of a task.
    pub(super) fn end_of(&mut self, task: &StoredTask<'_>, how: How<'_>, to: &mut At<'_, '_>) {
        let Some(id) = task.task_id else { return };
        self.end_where(|visit| visit.is_at(id), how, to);
    }

    /// Ends the open visits of a waiting customer or agent.
    pub(super) fn end_for(&mut self, waits: Waits, how: How<'_>, to: &mut At<'_, '_>) {
        self.end_where(|visit| visit.waits() == waits, how, to);
    }

    /// An agent answers: ends the open visits that are offered to this agent, else those of `waits` that are offered to no
    /// agent.
    pub(super) fn answer(&mut self, agent: &str, waits: Waits, to: &mut At<'_, '_>) {
        let is_offered = |visit: &Visit| visit.reserved.as_deref() == Some(agent);
        let how = How::Answered(agent);
        if self.open().any(is_offered) {
            self.end_where(is_offered, how, to);
        } else {
            self.end_where(|visit| visit.waits() == waits && visit.reserved.is_none(), how, to);
        }
    }

    /// Ends all open visits of a session.
    pub(super) fn end_of_session(&mut self, session: &str, to: &mut At<'_, '_>) {
        self.end_where(|visit| visit.session.as_deref() == Some(session), How::Gone, to);
    }

    /// Ends all open visits.
    pub(super) fn end_all(&mut self, to: &mut At<'_, '_>) {
        self.end_where(|_| true, How::Gone, to);
    }

    fn end_where(&mut self, ends: impl Fn(&Visit) -> bool, how: How<'_>, to: &mut At<'_, '_>) {
        let list = &mut self.list;
        self.open.retain(|place| match list.get_mut(*place) {
            Some(visit) if ends(visit) => {
                visit.end(how, to);
                false
            }
            Some(_) => true,
            None => false,
        });
    }

    fn of_task(&mut self, task: &StoredTask<'_>) -> Option<&mut Visit> {
        let id = task.task_id?;
        self.find_open(|visit| visit.is_at(id))
    }

    /// The first open visit, in the order of opening, that satisfies the predicate.
    fn find_open(&mut self, is_it: impl Fn(&Visit) -> bool) -> Option<&mut Visit> {
        let list = &self.list;
        let place = self.open.iter().find(|place| list.get(**place).is_some_and(&is_it))?;
        self.list.get_mut(*place)
    }

    pub(super) fn any_of_customer(&self) -> bool {
        self.open_of_customer().next().is_some()
    }

    /// Queue name of the customer's open visit that was opened last.
    pub(super) fn queue(&self) -> Option<Arc<str>> {
        let visit = self.open_of_customer().next_back()?;
        visit.queue.as_ref().map(|queue| Arc::clone(&queue.0))
    }

    /// The customer's open visits, in the order of opening.
    pub(super) fn open_of_customer(&self) -> impl DoubleEndedIterator<Item = &Visit> {
        self.open().filter(|visit| visit.waits() == Waits::Customer)
    }

    /// The open visits, in the order of opening.
    fn open(&self) -> impl DoubleEndedIterator<Item = &Visit> {
        self.open.iter().filter_map(|place| self.list.get(*place))
    }

    pub(super) fn list(&self) -> &[Visit] {
        &self.list
    }
}

/// Says that a visit of a queue was opened.
fn begun(queue: &str, direction: Option<&str>, waits: Waits, to: &mut At<'_, '_>) {
    let mut one = |figure| (to.amounts)(Amount::one(Dimension::Queue, queue, figure, to.at));
    if waits == Waits::Customer {
        one(Figure::Offered);
    }
    match direction {
        Some(CONSULT) => one(Figure::Consults),
        Some(direction) if TRANSFERS.contains(&direction) => one(Figure::TransfersIn),
        _ => {}
    }
}

/// Says how a customer's visit of a queue ended.
fn ended(queue: &str, outcome: VisitOutcome, wait_ms: i64, to: &mut At<'_, '_>) {
    let (at, in_target) = (to.at, to.settings.is_in_target(queue, wait_ms));
    let mut tell = |figure, value| (to.amounts)(Amount::at(Dimension::Queue, queue, figure, at, value));
    tell(Figure::WaitMs, wait_ms);
    let histogram = match outcome {
        VisitOutcome::Answered => {
            tell(Figure::Answered, 1);
            tell(Figure::AnsweredInTarget, i64::from(in_target));
            tell(Figure::AnsweredWaitMs, wait_ms);
            Histogram::AnsweredWaitMs
        }
        VisitOutcome::Abandoned => {
            tell(Figure::Abandoned, 1);
            tell(Figure::AbandonedInTarget, i64::from(in_target));
            tell(Figure::AbandonedWaitMs, wait_ms);
            Histogram::AbandonedWaitMs
        }
        VisitOutcome::NoAgent => return tell(Figure::NoAgent, 1),
        VisitOutcome::Cancelled => return tell(Figure::Cancelled, 1),
    };
    (to.amounts)(Amount::counted(Dimension::Queue, queue, histogram, at, wait_ms));
}

impl Visit {
    /// Whether the visit waits for another task, and this task continues the same wait.
    fn goes_on_with(&self, task: &StoredTask<'_>, waits: Waits) -> bool {
        let is_same = match (self.timer.as_deref(), task.timer_id) {
            (Some(own), Some(timer)) => own == timer,
            _ => self.queue() == task.queue,
        };
        self.goes_on && self.waits() == waits && is_same
    }

    /// Whether a task is the visit's current one: its last.
    fn is_at(&self, task: &str) -> bool {
        self.tasks.last().is_some_and(|last| **last == *task)
    }

    fn end(&mut self, how: How<'_>, to: &mut At<'_, '_>) {
        let outcome = how.outcome(self.waits());
        let agent = match how {
            How::Answered(agent) => Some(agent.into()),
            How::NoAgent | How::Cancelled | How::Gone => None,
        };
        self.ended = Some(Ended { at: to.at, outcome: outcome.code(), agent });
        if self.waits() == Waits::Agent {
            return;
        }
        to.cycles.visit_ended(self.cycle, outcome);
        let Some(queue) = self.queue() else { return };
        ended(queue, outcome, to.at - self.enqueued_at, to);
    }

    /// Says that an agent let it ring.
    fn tell_rona(&self, to: &mut At<'_, '_>) {
        let Some(queue) = self.queue().filter(|_| self.waits() == Waits::Customer) else { return };
        (to.amounts)(Amount::one(Dimension::Queue, queue, Figure::Ronas, to.at));
        if to.settings.is_in_target(queue, to.at - self.enqueued_at) {
            (to.amounts)(Amount::one(Dimension::Queue, queue, Figure::RonasInTarget, to.at));
        }
    }

    /// Its first task.
    pub(super) fn task(&self) -> &str {
        self.tasks.first().map_or("", |task| task)
    }

    pub(super) fn waits(&self) -> Waits {
        waits_of(self.direction.as_deref())
    }

    pub(super) fn queue(&self) -> Option<&str> {
        self.queue.as_ref().map(|queue| &*queue.0)
    }

    pub(super) fn ended_at(&self) -> Option<i64> {
        self.ended.as_ref().map(|ended| ended.at)
    }

    pub(super) fn wait_ms(&self) -> Option<i64> {
        self.ended_at().map(|at| at - self.enqueued_at)
    }

    pub(super) fn outcome(&self) -> Option<VisitOutcome> {
        self.ended.as_ref().and_then(|ended| VisitOutcome::from_code(ended.outcome))
    }

    /// The agent who answered.
    pub(super) fn agent(&self) -> Option<&str> {
        self.ended.as_ref().and_then(|ended| ended.agent.as_deref())
    }
}
