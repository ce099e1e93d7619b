// SPDX-License-Identifier: Apache-2.0

//! Decides what a worker does, as a state machine without I/O.
//!
//! A worker reads some partitions of the input with a consumer, lets the engine's tasks fold them, and commits what they
//! stage with a transactional producer. [`Driver`] decides all of it: which partitions to take and give up, when to restore,
//! where to seek, which record to take, when to commit, what to do after a failure, when timers may fire, how to shut down.
//! It does nothing itself: [`Driver::next`] says what has to be done as an [`Action`], [`Driver::respond`] takes the
//! [`Answer`]. The caller carries actions out and decides nothing: `edge` does so on Kafka, the simulation in `testkit` on its
//! own broker. Time is an argument, so the same answers at the same times give the same actions.
//!
//! ```text
//!            Action                     Action
//!   edge  ◀──────────  Driver  ──────────▶  simulation
//!  rdkafka ──────────▶  │ ▲   ◀──────────  testkit/sim
//!            Answer     ▼ │     Answer
//!                   engine::Task
//! ```
//!
//! A *job* is a piece of work in the queue; a job may put others before the rest. When the queue is empty, the parts of a
//! *turn* follow each other: the group's decisions, gaps, starting tasks, interactive queries, periodic work, records, the
//! commit.

mod action;
mod assigned;
mod assignment;
mod catch_up;
mod damage;
#[cfg(feature = "defects")]
mod defect;
mod dispatch;
mod division;
mod error;
mod event;
mod extents;
mod gaps;
mod job;
mod letters;
mod open;
mod partitions;
mod positions;
mod readiness;
mod restore;
mod settings;
mod shutdown;
mod take;
mod timers;
mod transaction;
mod turn;
mod unaligned;

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use engine::{Damages, Effort};

pub use action::{
    Action, Answer, EndOffset, Extent, Failure, GroupOffset, GroupOffsets, Position, Range, Rebalance,
    Remedy, Sought, TopicPartition,
};
pub use assigned::AssignedTask;
#[cfg(feature = "defects")]
pub use defect::Defect;
pub use error::{Damaged, DriverError, damaged_by};
pub use event::{Change, Event, Outcome};
pub use settings::{Pace, Schemas, Settings, TopicKind, TopicKinds};
pub use unaligned::UnalignedLags;

use catch_up::CatchUp;
use job::{Job, Pending, Unopened};
use partitions::PartitionCounts;
use positions::Positions;
use restore::Restores;
use transaction::Transaction;
use turn::Turn;
use unaligned::Unaligned;

/// Whether the worker is to stop.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Stop {
    /// It continues.
    #[default]
    No,
    /// It commits what it has taken, and leaves the group.
    Requested,
    /// It commits what it has taken and leaves the group, without waiting for anything else.
    Overdue,
}

/// The time and the stop request at a call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Now {
    /// The time since a fixed moment, by a monotonic clock.
    pub elapsed: Duration,
    /// The wall clock, in epoch milliseconds. It may jump.
    pub epoch_ms: i64,
    /// Whether the worker is to stop.
    pub stop: Stop,
}

/// Decides what one worker does. `E` is the caller's error.
pub struct Driver<E> {
    settings: Settings,
    schemas: Box<dyn Schemas>,
    input_topics: Topics,
    now: Now,
    turn: Turn,
    jobs: VecDeque<Job<E>>,
    /// The purpose of the next answer.
    pending: Option<Pending>,
    /// Decisions of the group to carry out.
    rebalances: VecDeque<Rebalance>,
    events: VecDeque<Event>,
    tasks: BTreeMap<i32, AssignedTask>,
    unopened: Vec<Unopened>,
    unaligned: Unaligned,
    damages: Damages,
    /// Whether the group has sent an assignment, even an empty one.
    has_joined: bool,
    restores: Restores,
    positions: Positions,
    counts: PartitionCounts,
    catch_up: CatchUp,
    transaction: Transaction<E>,
    /// How many records go into one transaction.
    effort: Effort,
    /// Whether a listener of interactive queries still has changes to receive.
    has_more_to_send: bool,
    /// Why the worker stops, unless it was asked to.
    failure: Option<DriverError<E>>,
    /// Consecutive failures without a remedy.
    failures: u32,
    /// The defect to simulate.
    #[cfg(feature = "defects")]
    defect: Option<Defect>,
}

/// The topics between the tasks.
struct Topics {
    repartition: Arc<str>,
    changelog: Arc<str>,
}

impl<E: Display> Driver<E> {
    /// A new driver. Its first actions create the producer and subscribe.
    #[must_use]
    pub fn new(settings: Settings, schemas: Box<dyn Schemas>) -> Self {
        let topology = &settings.topology;
        let input_topics = Topics {
            repartition: topology.name(topology.repartition()).into(),
            changelog: topology.name(topology.changelog()).into(),
        };
        Self {
            unaligned: Unaligned::new(&settings),
            transaction: Transaction::new(settings.first_transaction),
            settings,
            schemas,
            input_topics,
            now: Now::default(),
            turn: Turn::default(),
            jobs: VecDeque::from([Job::InitProducer, Job::Do(Action::Subscribe), Job::Joining]),
            pending: None,
            rebalances: VecDeque::new(),
            events: VecDeque::new(),
            tasks: BTreeMap::new(),
            unopened: Vec::new(),
            damages: Damages::default(),
            has_joined: false,
            restores: Restores::default(),
            positions: Positions::default(),
            counts: PartitionCounts::default(),
            catch_up: CatchUp::default(),
            effort: Effort::default(),
            has_more_to_send: false,
            failure: None,
            failures: 0,
            #[cfg(feature = "defects")]
            defect: None,
        }
    }

    /// The next action.
    pub fn next(&mut self, now: Now) -> Action<E> {
        self.now = now;
        loop {
            let outcome = match self.jobs.pop_front() {
                Some(job) => self.run(job),
                None => self.go_round(),
            };
            match outcome {
                Ok(Some(action)) => return action,
                Ok(None) => {}
                Err(error) => self.fail(error),
            }
        }
    }

    /// Takes a decision of the group. Call it for each decision in order, before answering the action that delivered it.
    pub fn rebalance(&mut self, decision: Rebalance) {
        self.rebalances.push_back(decision);
    }

    /// The next event, oldest first.
    pub fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// The tasks of the worker's partitions, starting or running.
    pub fn tasks(&self) -> impl Iterator<Item = &AssignedTask> {
        self.tasks.values()
    }

    /// The task of a partition.
    #[must_use]
    pub fn task(&self, partition: i32) -> Option<&AssignedTask> {
        self.tasks.get(&partition)
    }

    /// Records of unaligned topics not taken yet.
    #[must_use]
    pub fn unaligned_lags(&self) -> UnalignedLags {
        self.unaligned.lags()
    }

    /// Changelog records left to read for each restore, as far as known.
    pub fn restoring(&self) -> impl Iterator<Item = (i32, i64)> {
        self.restores.remaining()
    }

    /// The committed position in each repartition partition. No task reads below it again.
    pub fn consumed(&self) -> impl Iterator<Item = (i32, i64)> {
        let topic = &self.input_topics.repartition;
        let live = self.tasks.values().filter(|task| task.is_live());
        #[cfg(feature = "defects")]
        let committed = |task: &AssignedTask| {
            if self.has(Defect::DeletesUncommitted) { task.taken(topic) } else { task.committed(topic) }
        };
        #[cfg(not(feature = "defects"))]
        let committed = |task: &AssignedTask| task.committed(topic);
        live.filter_map(move |task| Some((task.partition(), committed(task)?)))
    }

    /// Whether the driver only waits for a record, a timer or a decision of the group.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.jobs.is_empty()
            && self.rebalances.is_empty()
            && self.unopened.is_empty()
            && self.positions.is_certain()
            && self.catch_up.is_done()
            && self.is_clean()
            && self.unaligned.is_live()
            && self.tasks.values().all(|task| {
                task.is_live() && !task.has_more() && task.is_due(self.now.epoch_ms).is_ok_and(|due| !due)
            })
    }

    /// Whether nothing is staged.
    fn is_clean(&self) -> bool {
        self.unaligned.is_clean() && self.tasks.values().all(|task| task.task.is_clean())
    }

    fn report(&mut self, event: Event) {
        self.events.push_back(event);
    }

    /// Milliseconds since the driver's start of time.
    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.now.elapsed.as_millis()).unwrap_or(u64::MAX)
    }
}
