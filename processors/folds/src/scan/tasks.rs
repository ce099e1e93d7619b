// SPDX-License-Identifier: Apache-2.0

//! Routing tasks, from their events (contract section 5).

use std::borrow::Cow;

use model::{Dimension, Figure, Histogram, Task};
use serde::{Deserialize, Serialize};

use super::amount::{Amount, Amounts};
use super::entry::StoredTask;

/// All tasks, in the order of their first appearance.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tasks(Vec<Seen>);

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Seen {
    id: Box<str>,
    queue: Option<Box<str>>,
    direction: Option<Box<str>>,
    mode: Option<Box<str>>,
    enqueued_at: Option<i64>,
    reserved_at: Option<i64>,
    agent: Option<Box<str>>,
    answered_at: Option<i64>,
    wrap_up_at: Option<i64>,
    closed_at: Option<i64>,
    disposition: Option<Box<str>>,
}

/// Change of a task by an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Enqueued,
    Reserved,
    /// The task changed to the state in the event.
    Changed,
}

impl Tasks {
    /// Applies an event's change of a task.
    pub(super) fn take(&mut self, at: i64, step: Step, task: &StoredTask<'_>, amounts: &mut Amounts<'_>) {
        let Some(id) = task.task_id else { return };
        let place = self.0.iter().rposition(|seen| *seen.id == *id).unwrap_or_else(|| {
            self.0.push(Seen { id: id.into(), ..Seen::default() });
            self.0.len() - 1
        });
        let Some(seen) = self.0.get_mut(place) else { return };
        let before = seen.work();
        seen.take(at, step, task);
        let after = seen.work();
        if before != after {
            // A later event changes what a task was: of the agent who was asked last, closed when it was closed last.
            before.inspect(|work| work.tell(-1, amounts));
            after.inspect(|work| work.tell(1, amounts));
        }
    }

    /// Number of tasks.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// All tasks but the first `skipped` ones.
    pub(super) fn shown(&self, skipped: usize) -> Vec<Task<'_>> {
        self.0.iter().skip(skipped).map(Seen::shown).collect()
    }
}

impl Seen {
    fn take(&mut self, at: i64, step: Step, task: &StoredTask<'_>) {
        first(&mut self.queue, task.queue);
        first(&mut self.direction, task.direction);
        first(&mut self.mode, task.mode);
        match (step, task.state) {
            (Step::Enqueued, _) => {
                self.enqueued_at.get_or_insert(at);
            }
            (Step::Reserved, _) | (Step::Changed, Some("RESERVED")) => {
                self.reserved_at.get_or_insert(at);
                last(&mut self.agent, task.agent_id);
            }
            (Step::Changed, Some("ACTIVE")) => {
                if task.agent_id.is_some() {
                    self.answered_at.get_or_insert(at);
                }
                last(&mut self.agent, task.agent_id);
            }
            (Step::Changed, Some("WRAP_UP")) => {
                self.wrap_up_at.get_or_insert(at);
            }
            (Step::Changed, Some("CLOSED")) => {
                self.closed_at = Some(at);
                self.disposition = task.reason.map(Into::into);
            }
            (Step::Changed, _) => {}
        }
    }

    /// What it was for its agent, and its queue; `None` while one of them is not known.
    fn work(&self) -> Option<Work> {
        let id = model::queue_agent_id(self.queue.as_deref()?, self.agent.as_deref()?);
        let shown = self.shown();
        let done = self.closed_at.map(|at| Done {
            at,
            how: disposition(self.disposition.as_deref()),
            ring_ms: shown.ring_ms,
            handle_ms: shown.handle_ms,
            wrap_up_ms: shown.wrap_up_ms,
        });
        Some(Work { id, reserved_at: self.reserved_at, answered_at: self.answered_at, done })
    }

    fn shown(&self) -> Task<'_> {
        let length = |from: Option<i64>, to: Option<i64>| Some((to? - from?).max(0));
        Task {
            task_id: Cow::Borrowed(&self.id),
            queue: self.queue.as_deref().map(Cow::Borrowed),
            direction: self.direction.as_deref().map(Cow::Borrowed),
            mode: self.mode.as_deref().map(Cow::Borrowed),
            enqueued_at: self.enqueued_at,
            reserved_at: self.reserved_at,
            agent_id: self.agent.as_deref().map(Cow::Borrowed),
            answered_at: self.answered_at,
            wrap_up_at: self.wrap_up_at,
            closed_at: self.closed_at,
            disposition: self.disposition.as_deref().map(Cow::Borrowed),
            ring_ms: length(self.reserved_at, self.answered_at.or(self.closed_at)),
            handle_ms: length(self.answered_at, self.wrap_up_at.or(self.closed_at)),
            wrap_up_ms: length(self.wrap_up_at, self.closed_at),
        }
    }
}

/// What a task contributes to the figures of its agent at its queue.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Work {
    id: String,
    reserved_at: Option<i64>,
    answered_at: Option<i64>,
    done: Option<Done>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Done {
    at: i64,
    /// The figure of its disposition.
    how: Figure,
    ring_ms: Option<i64>,
    handle_ms: Option<i64>,
    wrap_up_ms: Option<i64>,
}

impl Work {
    /// Gives it so many times: once, or once less.
    fn tell(&self, times: i64, amounts: &mut Amounts<'_>) {
        const OF: Dimension = Dimension::QueueAgent;
        let mut figure = |figure, at, value| amounts(Amount::at(OF, &self.id, figure, at, times * value));
        if let Some(at) = self.reserved_at {
            figure(Figure::Offered, at, 1);
        }
        if let Some(at) = self.answered_at {
            figure(Figure::Answered, at, 1);
        }
        let Some(done) = self.done else { return };
        figure(done.how, done.at, 1);
        for (of, ms) in [
            (Figure::RingMs, done.ring_ms),
            (Figure::HandleMs, done.handle_ms),
            (Figure::WrapUpMs, done.wrap_up_ms),
        ] {
            figure(of, done.at, ms.unwrap_or(0));
        }
        for (histogram, ms) in [(Histogram::RingMs, done.ring_ms), (Histogram::HandleMs, done.handle_ms)] {
            if let Some(ms) = ms {
                let one = Amount::counted(OF, &self.id, histogram, done.at, ms);
                amounts(Amount { value: times, ..one });
            }
        }
    }
}

/// The figure that counts how a task ended.
fn disposition(reason: Option<&str>) -> Figure {
    match reason {
        Some("DONE" | "WRAP_UP_APPLIED" | "WRAP_UP_NOT_APPLIED" | "WRAP_UP_EXPIRED") => Figure::Done,
        Some("RONA") => Figure::Ronas,
        Some("CANCELLED") => Figure::Cancelled,
        Some("TRANSFERRED") => Figure::Transferred,
        _ => Figure::Otherwise,
    }
}

fn first(known: &mut Option<Box<str>>, said: Option<&str>) {
    if known.is_none() {
        *known = said.map(Into::into);
    }
}

fn last(known: &mut Option<Box<str>>, said: Option<&str>) {
    if let Some(said) = said {
        *known = Some(said.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task<'a>(
        state: Option<&'a str>,
        reason: Option<&'a str>,
        agent_id: Option<&'a str>,
    ) -> StoredTask<'a> {
        StoredTask { task_id: Some("t"), state, reason, agent_id, ..StoredTask::default() }
    }

    fn take(tasks: &mut Tasks, at: i64, step: Step, task: &StoredTask<'_>) {
        tasks.take(at, step, task, &mut |_| ());
    }

    #[test]
    fn a_task_is_enqueued_offered_taken_wrapped_up_and_done() {
        let mut tasks = Tasks::default();
        take(&mut tasks, 1, Step::Enqueued, &StoredTask { queue: Some("web"), ..task(None, None, None) });
        take(&mut tasks, 3, Step::Reserved, &task(None, None, Some("ann")));
        take(&mut tasks, 8, Step::Changed, &task(Some("ACTIVE"), None, Some("ann")));
        take(&mut tasks, 20, Step::Changed, &task(Some("WRAP_UP"), None, None));
        take(&mut tasks, 50, Step::Changed, &task(Some("CLOSED"), Some("DONE"), None));
        let [shown] = &tasks.shown(0)[..] else { panic!() };
        assert_eq!(
            (shown.queue.as_deref(), shown.agent_id.as_deref(), shown.disposition.as_deref()),
            (Some("web"), Some("ann"), Some("DONE"))
        );
        assert_eq!((shown.ring_ms, shown.handle_ms, shown.wrap_up_ms), (Some(5), Some(12), Some(30)));
    }

    #[test]
    fn a_task_that_nobody_takes_rings_until_it_is_closed() {
        let mut tasks = Tasks::default();
        take(&mut tasks, 3, Step::Reserved, &task(None, None, Some("ann")));
        take(&mut tasks, 5, Step::Changed, &task(Some("ACTIVE"), None, None));
        take(&mut tasks, 33, Step::Changed, &task(Some("CLOSED"), Some("RONA"), None));
        let [shown] = &tasks.shown(0)[..] else { panic!() };
        assert_eq!((shown.answered_at, shown.ring_ms, shown.handle_ms), (None, Some(30), None));
    }
}
