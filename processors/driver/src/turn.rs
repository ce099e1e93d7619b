// SPDX-License-Identifier: Apache-2.0

//! The turn: the order of work when no job is queued.

use std::fmt::Display;
use std::time::Duration;

use crate::action::Action;
use crate::assigned::AssignedTask;
use crate::event::Event;
use crate::job::{Job, Outcome, Pending};
use crate::settings::Pace;
use crate::{Driver, Now, Stop};

/// The parts of a turn, in order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Part {
    #[default]
    Group,
    Gaps,
    Tasks,
    Queries,
    Slow,
    Poll,
    Commit,
    /// No further turn follows.
    Over,
}

/// The wait for records that the client has not fetched yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum FetchWait {
    /// It has not waited since the last record.
    #[default]
    Open,
    /// The next poll waits.
    Next,
    /// No record came.
    Over,
}

/// The state of the turn, and of the records taken since the last commit.
#[derive(Default)]
pub(crate) struct Turn {
    part: Part,
    /// Whether the consumer was polled in this turn; only the first poll waits.
    has_polled: bool,
    fetch_wait: FetchWait,
    /// When the first record of this turn arrived.
    began: Option<Duration>,
    /// How long the turn has waited for the coordinator to finish the last transaction.
    waited: Duration,
    /// When the first record after the last commit was staged.
    pub(crate) staged_since: Option<Duration>,
    taken: u32,
    /// Records taken since the last commit.
    pub(crate) batch: usize,
    /// The time of the last commit.
    pub(crate) committed_at: Duration,
    look_at: Duration,
}

impl Turn {
    pub(crate) fn is_time_to_look(&mut self, now: Now, pace: &Pace) -> bool {
        let is_time = now.elapsed >= self.look_at;
        if is_time {
            self.look_at = now.elapsed + pace.look_every;
        }
        is_time
    }

    /// Ends the turns.
    pub(crate) fn end(&mut self) {
        self.part = Part::Over;
    }
}

impl<E: Display> Driver<E> {
    /// The next part of the turn.
    pub(crate) fn go_round(&mut self) -> Outcome<E> {
        match self.turn.part {
            Part::Group if self.now.stop != Stop::No => {
                // A last commit, so that the next owner does not repeat the work.
                self.turn.end();
                self.do_first([Job::Commit, Job::FollowGroup, Job::Leave]);
                Ok(None)
            }
            Part::Group => {
                self.turn = Turn {
                    part: Part::Gaps,
                    has_polled: false,
                    fetch_wait: FetchWait::Open,
                    began: None,
                    waited: Duration::ZERO,
                    ..self.turn
                };
                self.follow_group()
            }
            Part::Gaps => {
                self.turn.part = Part::Tasks;
                self.find_gaps()
            }
            Part::Tasks => {
                self.turn.part = Part::Queries;
                self.bring_tasks_up()
            }
            Part::Queries => {
                self.turn.part = Part::Slow;
                if self.settings.watched.is_none() {
                    return Ok(None);
                }
                self.ask(Action::AnswerQueries, Pending::Queries)
            }
            Part::Slow => {
                self.turn.part = Part::Poll;
                self.look_around()
            }
            Part::Poll => self.poll(),
            Part::Commit => {
                self.turn.part = Part::Group;
                if let Some(began) = self.turn.began {
                    let latency = self.now.elapsed.saturating_sub(began).saturating_sub(self.turn.waited);
                    self.report(Event::Polled { latency });
                }
                // Work left by the last commit continues with this one, even without a record.
                self.tasks.values_mut().for_each(AssignedTask::go_on);
                self.do_first([Job::Commit]);
                Ok(None)
            }
            Part::Over => self.finish(),
        }
    }

    /// Advances tasks from assigned to live: store, committed offsets, state, position.
    fn bring_tasks_up(&mut self) -> Outcome<E> {
        if !self.any_task_waits() {
            self.do_first([Job::BeginUnaligned, Job::Seek]);
            return Ok(None);
        }
        let schemas = &self.schemas;
        self.tasks.values_mut().for_each(|task| task.retain_awaited(|id| schemas.is_awaited(id)));
        self.unaligned.retain_awaited(|id| schemas.is_awaited(id));
        self.do_first([
            Job::BeginUnaligned,
            Job::Open,
            Job::FetchCommitted,
            Job::Restore,
            Job::Seek,
            Job::Readiness,
        ]);
        Ok(None)
    }

    fn any_task_waits(&self) -> bool {
        !self.unopened.is_empty()
            || !self.positions.is_certain()
            || self.unaligned.awaits_schema()
            || self.unaligned.is_beginning()
            || self.tasks.values().any(|task| !task.is_live())
    }

    fn poll(&mut self) -> Outcome<E> {
        // Decisions of the group precede records.
        if !self.rebalances.is_empty() {
            return self.follow_group();
        }
        let timeout = if !self.turn.has_polled {
            self.poll_timeout()
        } else if self.turn.fetch_wait == FetchWait::Next {
            self.turn.fetch_wait = FetchWait::Over;
            self.settings.pace.busy
        } else {
            Duration::ZERO
        };
        self.turn.has_polled = true;
        self.ask(Action::Poll { timeout }, Pending::Poll)
    }

    /// How long a turn waits for its first record.
    fn poll_timeout(&self) -> Duration {
        let pace = &self.settings.pace;
        if self.restores.is_reading() {
            // The restore waits for its own records.
            Duration::ZERO
        } else if self.any_task_waits()
            || self.has_more_to_send
            || self.tasks.values().any(AssignedTask::has_more)
        {
            pace.busy
        } else {
            pace.idle
        }
    }

    /// Whether to wait for records that are known to exist, because the client has not fetched them yet. A commit of the few
    /// records before them would cost as much as one of many.
    fn waits_for_fetch(&self) -> bool {
        self.turn.fetch_wait == FetchWait::Open
            && self.turn.staged_since.is_some()
            && self.tasks.values().any(AssignedTask::is_behind)
            && !self.is_commit_due()
    }

    /// No record is available, and all decisions of the group have arrived. Commits what is staged, unless more records are on
    /// their way or the coordinator is still finishing the last transaction.
    pub(crate) fn ran_dry(&mut self) {
        self.positions.is_reassigned = false;
        if self.waits_for_fetch() {
            self.turn.fetch_wait = FetchWait::Next;
            return;
        }
        let wait = wait_after(
            self.now.elapsed.saturating_sub(self.turn.committed_at),
            self.settings.pace.between_commits,
            self.settings.commit_interval,
        );
        if self.turn.staged_since.is_some() && !wait.is_zero() && self.now.stop == Stop::No {
            self.turn.waited += wait;
            self.do_first([Job::Do(Action::Sleep(wait))]);
        } else {
            self.end_of_poll();
        }
    }

    /// Continues the turn with its commit.
    pub(crate) fn end_of_poll(&mut self) {
        self.turn.part = Part::Commit;
    }

    /// Counts a record of this size, taken or skipped. Decides whether to commit.
    pub(crate) fn took_one(&mut self, bytes: usize) {
        let now = self.now.elapsed;
        let pace = &self.settings.pace;
        self.turn.began.get_or_insert(now);
        self.turn.staged_since.get_or_insert(now);
        self.turn.fetch_wait = FetchWait::Open;
        self.turn.taken = self.turn.taken.wrapping_add(1);
        self.turn.batch += 1;
        let looks =
            bytes >= pace.large_record_bytes || self.turn.taken.is_multiple_of(pace.records_between_looks);
        if self.effort.is_enough(self.turn.batch) || (looks && self.is_commit_due()) {
            self.end_of_poll();
        }
    }

    fn is_commit_due(&self) -> bool {
        let staged: usize = self.tasks.values().map(|task| task.task.staged_bytes()).sum();
        let staged = staged + self.unaligned.repartitioner.staged_bytes();
        let since = self.turn.staged_since.map(|since| self.now.elapsed.saturating_sub(since));
        staged >= self.effort.bytes(self.settings.commit_bytes_max)
            || since.is_some_and(|since| since >= self.settings.commit_interval)
            || self.now.stop != Stop::No
    }
}

/// The remaining wait between two transactions. It never exceeds the commit interval, which bounds how long a record waits for
/// its commit.
fn wait_after(since_commit: Duration, between_commits: Duration, commit_interval: Duration) -> Duration {
    between_commits.min(commit_interval).saturating_sub(since_commit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_waits_for_the_last_one_but_no_longer_than_the_commit_interval() {
        let ms = Duration::from_millis;
        let wait = |since, interval| wait_after(ms(since), Pace::default().between_commits, ms(interval));
        assert_eq!(wait(2, 100), ms(3));
        assert_eq!(wait(5, 100), ms(0));
        assert_eq!(wait(0, 1), ms(1));
        assert_eq!(wait(1, 1), ms(0));
    }
}
