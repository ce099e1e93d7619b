//! The tasks of the routing, as their events tell of them (contract section 5).

use model::Task;
use serde::{Deserialize, Serialize};

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

/// What an event tells of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Enqueued,
    Reserved,
    /// It has changed to the state that it names.
    Changed,
}

impl Tasks {
    /// Takes in what an event tells of a task.
    pub(super) fn take(&mut self, at: i64, step: Step, task: &StoredTask<'_>) {
        let Some(id) = task.task_id else { return };
        let place = self.0.iter().rposition(|seen| *seen.id == *id).unwrap_or_else(|| {
            self.0.push(Seen { id: id.into(), ..Seen::default() });
            self.0.len() - 1
        });
        let Some(seen) = self.0.get_mut(place) else { return };
        first(&mut seen.queue, task.queue);
        first(&mut seen.direction, task.direction);
        first(&mut seen.mode, task.mode);
        match (step, task.state) {
            (Step::Enqueued, _) => {
                seen.enqueued_at.get_or_insert(at);
            }
            (Step::Reserved, _) | (Step::Changed, Some("RESERVED")) => {
                seen.reserved_at.get_or_insert(at);
                last(&mut seen.agent, task.agent_id);
            }
            (Step::Changed, Some("ACTIVE")) => {
                if task.agent_id.is_some() {
                    seen.answered_at.get_or_insert(at);
                }
                last(&mut seen.agent, task.agent_id);
            }
            (Step::Changed, Some("WRAP_UP")) => {
                seen.wrap_up_at.get_or_insert(at);
            }
            (Step::Changed, Some("CLOSED")) => {
                seen.closed_at = Some(at);
                seen.disposition = task.reason.map(Into::into);
            }
            (Step::Changed, _) => {}
        }
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// All of them, but for the first `skipped` ones.
    pub(super) fn shown(&self, skipped: usize) -> Vec<Task<'_>> {
        self.0.iter().skip(skipped).map(Seen::shown).collect()
    }
}

impl Seen {
    fn shown(&self) -> Task<'_> {
        let length = |from: Option<i64>, to: Option<i64>| Some((to? - from?).max(0));
        Task {
            task_id: &self.id,
            queue: self.queue.as_deref(),
            direction: self.direction.as_deref(),
            mode: self.mode.as_deref(),
            enqueued_at: self.enqueued_at,
            reserved_at: self.reserved_at,
            agent_id: self.agent.as_deref(),
            answered_at: self.answered_at,
            wrap_up_at: self.wrap_up_at,
            closed_at: self.closed_at,
            disposition: self.disposition.as_deref(),
            ring_ms: length(self.reserved_at, self.answered_at.or(self.closed_at)),
            handle_ms: length(self.answered_at, self.wrap_up_at.or(self.closed_at)),
            wrap_up_ms: length(self.wrap_up_at, self.closed_at),
        }
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

    #[test]
    fn a_task_is_enqueued_offered_taken_wrapped_up_and_done() {
        let mut tasks = Tasks::default();
        tasks.take(1, Step::Enqueued, &StoredTask { queue: Some("web"), ..task(None, None, None) });
        tasks.take(3, Step::Reserved, &task(None, None, Some("ann")));
        tasks.take(8, Step::Changed, &task(Some("ACTIVE"), None, Some("ann")));
        tasks.take(20, Step::Changed, &task(Some("WRAP_UP"), None, None));
        tasks.take(50, Step::Changed, &task(Some("CLOSED"), Some("DONE"), None));
        let [shown] = &tasks.shown(0)[..] else { panic!() };
        assert_eq!(
            (shown.queue, shown.agent_id, shown.disposition),
            (Some("web"), Some("ann"), Some("DONE"))
        );
        assert_eq!((shown.ring_ms, shown.handle_ms, shown.wrap_up_ms), (Some(5), Some(12), Some(30)));
    }

    #[test]
    fn a_task_that_nobody_takes_rings_until_it_is_closed() {
        let mut tasks = Tasks::default();
        tasks.take(3, Step::Reserved, &task(None, None, Some("ann")));
        tasks.take(5, Step::Changed, &task(Some("ACTIVE"), None, None));
        tasks.take(33, Step::Changed, &task(Some("CLOSED"), Some("RONA"), None));
        let [shown] = &tasks.shown(0)[..] else { panic!() };
        assert_eq!((shown.answered_at, shown.ring_ms, shown.handle_ms), (None, Some(30), None));
    }
}
