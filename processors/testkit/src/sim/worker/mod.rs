// SPDX-License-Identifier: Apache-2.0

//! A worker: the real driver, with its actions carried out on the simulated broker, one per step. Anything may happen in
//! between.

mod changelog;
mod client;
mod collected;
mod consumer;
mod producer;
mod questions;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use driver::{
    Action, Answer, Defect, Driver, DriverError, Event, Failure, Now, Outcome, Pace, Remedy, Schemas,
    Settings, Stop, TopicKind, TopicPartition,
};
use engine::{ProcessError, StateStore, TaskError};
use model::Limits;

use super::broker::{PartitionId, Record, Refused};
use super::disk::Disk;
use super::faults::Fault;
use super::rng::Rng;
use super::topology::Topics;
use super::world::World;
use client::Client;

/// How much faster the driver's clock runs than the broker's, so that seconds take some steps.
const SPEED: u32 = 20;
/// When a stop is overdue.
const OVERDUE_MS: u64 = 600;
/// In a thousand: how often the registry has an answer about a schema.
const DECIDED: usize = 300;
/// How many bytes may be staged.
const COMMIT_BYTES_MAX: usize = 1 << 16;

/// The error of the simulated cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Error(String);

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// A call of the producer that failed.
fn failure(what: &str, remedy: Remedy) -> Failure<Error> {
    Failure { remedy, error: Error(what.to_owned()), letters_too_large: false }
}

/// The failure for a refused producer request.
fn refused(refused: Refused) -> Failure<Error> {
    let remedy = match refused {
        Refused::Busy | Refused::Unstable => Remedy::Retry,
        Refused::StaleMember => Remedy::Abort,
        Refused::Fenced | Refused::NoTransaction => Remedy::Rebuild,
    };
    failure(&format!("{refused:?}"), remedy)
}

/// The schemas that a worker waits for. The registry answers at random.
#[derive(Clone)]
struct Registry(Arc<Mutex<(Vec<u32>, Rng)>>);

impl Registry {
    fn locked(&self) -> MutexGuard<'_, (Vec<u32>, Rng)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Schemas for Registry {
    fn request(&self, id: u32) {
        self.locked().0.push(id);
    }

    fn request_ahead(&self, id: u32) -> bool {
        self.request(id);
        true
    }

    fn is_awaited(&self, id: u32) -> bool {
        let mut locked = self.locked();
        let (awaited, rng) = &mut *locked;
        if rng.chance(DECIDED) {
            awaited.retain(|other| *other != id);
        }
        awaited.contains(&id)
    }
}

pub(super) struct Worker {
    pub(super) name: String,
    /// It pauses until then.
    pub(super) pauses_until_ms: u64,
    driver: Driver<Error>,
    /// The action for the next step.
    action: Option<Action<Error>>,
    client: Client,
    disk: Disk,
    /// Whether it is a program with another state format.
    is_foreign: bool,
    epoch: i32,
    /// Whether the coordinator knows the transaction.
    has_sent: bool,
    /// Batches of it to write.
    batches: VecDeque<(PartitionId, Vec<Record>)>,
    /// The end offsets of the changelogs after it.
    changelog_ends: BTreeMap<i32, i64>,
    /// Whether an inferred batch is in no log.
    is_inferred: bool,
    /// The changelog partitions being read, with positions.
    reading: BTreeMap<i32, i64>,
    stops_since_ms: Option<u64>,
    /// How it ended.
    ended: Option<Result<(), DriverError<Error>>>,
}

impl Worker {
    pub(super) fn new(name: String, disk: Disk, is_foreign: bool, world: &mut World) -> Self {
        let topics = &world.topics;
        let kinds = kinds(topics);
        world.marks += 1;
        let settings = Settings {
            name: name.clone(),
            // Unique for each life of a worker.
            first_transaction: u128::from(world.marks) << 32,
            topology: Arc::clone(if is_foreign { &topics.of_another_form } else { &topics.topology }),
            limits: Limits::default(),
            partitions: topics.partitions,
            kinds,
            commit_interval: Duration::from_millis(100),
            commit_bytes_max: COMMIT_BYTES_MAX,
            budget: world.budget.clone(),
            watched: None,
            pace: Pace { records_between_looks: 2, ..Pace::default() },
        };
        let registry = Registry(Arc::new(Mutex::new((Vec::new(), Rng::new(world.rng.next())))));
        Self {
            name,
            pauses_until_ms: 0,
            driver: Driver::new(settings, Box::new(registry)).with_defect(world.defect),
            action: None,
            client: Client::default(),
            disk,
            is_foreign,
            epoch: -1,
            has_sent: false,
            batches: VecDeque::new(),
            changelog_ends: BTreeMap::new(),
            is_inferred: false,
            reading: BTreeMap::new(),
            stops_since_ms: None,
            ended: None,
        }
    }

    /// Requests the stop.
    pub(super) fn stop(&mut self, now_ms: u64) {
        self.stops_since_ms.get_or_insert(now_ms);
    }

    /// Whether it met an error without a remedy, so that the program ends.
    pub(super) fn has_failed(&self) -> bool {
        matches!(self.ended, Some(Err(_)))
    }

    /// Ends all waiting.
    pub(super) fn stop_waiting(&mut self) {
        self.pauses_until_ms = 0;
    }

    pub(super) fn is_gone(&self) -> bool {
        self.ended.is_some()
    }

    fn now(&self, world: &World) -> Now {
        let now_ms = world.broker.now_ms;
        let stop = match self.stops_since_ms {
            None => Stop::No,
            Some(since_ms) if now_ms > since_ms + OVERDUE_MS => Stop::Overdue,
            Some(_) => Stop::Requested,
        };
        Now { elapsed: Duration::from_millis(now_ms) * SPEED, epoch_ms: world.wall_ms, stop }
    }

    /// Carries out the next action.
    ///
    /// # Errors
    /// A rule was violated.
    pub(super) fn step(&mut self, world: &mut World) -> Result<(), String> {
        self.client.heartbeat(&mut world.broker);
        if self.ended.is_some() {
            return Ok(());
        }
        let now = self.now(world);
        let action = match self.action.take() {
            Some(action) => action,
            None => self.driver.next(now),
        };
        self.carry_out(action, world)?;
        self.follow_events(world)
    }

    /// Carries out an action; the answer may follow in a later step.
    fn carry_out(&mut self, action: Action<Error>, world: &mut World) -> Result<(), String> {
        let answer = match action {
            Action::Poll { .. } => return self.poll(world),
            Action::Flush => match self.flush(world) {
                Some(answer) => answer,
                None => {
                    self.action = Some(Action::Flush);
                    return Ok(());
                }
            },
            Action::Finish(result) => {
                self.ended = Some(self.judged(result, world)?);
                return Ok(());
            }
            Action::SendOffsets { offsets, metadata } => self.send_offsets(&offsets, metadata, world)?,
            Action::OpenStore(partition) => Answer::Store(Ok(self.open_store(partition, world))),
            Action::CloseStore(partition) => {
                self.disk.closed(partition);
                Answer::Done(Ok(()))
            }
            Action::Sleep(wait) => {
                let wait_ms = u64::try_from((wait / SPEED).as_millis()).unwrap_or(0);
                self.pauses_until_ms = self.pauses_until_ms.max(world.broker.now_ms + wait_ms);
                Answer::Done(Ok(()))
            }
            action => self.ask_cluster(action, world),
        };
        let now = self.now(world);
        self.driver.respond(answer, now);
        Ok(())
    }

    fn ask_cluster(&mut self, action: Action<Error>, world: &mut World) -> Answer<'static, Error> {
        match action {
            Action::InitProducer => self.init_producer(world),
            Action::Send => self.send(world),
            Action::CommitTransaction => self.commit(world),
            Action::AbortTransaction => self.abort(world),
            Action::BeginTransaction => {
                self.has_sent = false;
                Answer::Transaction(Ok(()))
            }
            Action::FetchMembership => self.membership(world),
            Action::FetchChangelogExtent(partition) => self.changelog_extent(partition, world),
            Action::FetchStableOffset(partition) => self.stable_offset(partition, world),
            Action::AssignChangelog(positions) => {
                self.reading = positions.into_iter().collect();
                Answer::Done(Ok(()))
            }
            Action::ReadChangelog => self.read_changelog(world),
            action => self.ask_consumer(action, world),
        }
    }

    /// Opens a store; `None` while another worker has it open.
    fn open_store(&self, partition: i32, world: &mut World) -> Option<Box<dyn StateStore>> {
        // The stamp on disk has the format.
        let is_kept = world.keeps_stores && !self.is_foreign;
        let store = self.disk.open(partition, is_kept, &mut world.faults)?;
        Some(Box::new(store))
    }

    /// Whether a worker may end with this error.
    fn judged(
        &self,
        result: Result<(), DriverError<Error>>,
        world: &mut World,
    ) -> Result<Result<(), DriverError<Error>>, String> {
        let name = &self.name;
        match &result {
            Ok(()) => world.note(format_args!("{name}: has left")),
            Err(DriverError::Task(TaskError::Fatal { source: ProcessError::OtherForm { .. }, .. }))
                if self.is_foreign =>
            {
                world.faults.count(Fault::RefusedForm);
                world.note(format_args!("{name}: refuses a state of another form"));
            }
            Err(DriverError::Store { partition, source }) => {
                world.faults.count(Fault::BrokenStore);
                world.note(format_args!("{name}: ends, the store of {partition} is broken: {source}"));
            }
            Err(error) => return Err(format!("{name}: {error}")),
        }
        Ok(result)
    }

    /// Keeps, counts or judges the driver's events.
    fn follow_events(&mut self, world: &mut World) -> Result<(), String> {
        while let Some(event) = self.driver.next_event() {
            let name = &self.name;
            match event {
                Event::Gap { partition, from, to } => {
                    world.said.insert((place(&world.topics, &partition), from, to));
                    world.faults.count(Fault::Gap);
                    world.note(format_args!("{name}: {partition} is gone from {from} up to {to}"));
                }
                Event::Decided { is_committed } => match (is_committed, world.broker.decided(name)) {
                    (true, Some(false)) => {
                        return Err(format!("{name} takes an aborted transaction for committed"));
                    }
                    (false, Some(true)) => world.faults.count(Fault::TakenForAborted),
                    _ => {}
                },
                Event::StateDamaged { wait_ms, .. } if wait_ms > 0 => {
                    world.faults.count(Fault::DelayedRestore);
                }
                Event::Revoked { is_lost: true, .. } => world.faults.count(Fault::LostPartitions),
                Event::Restored { partition, .. } if self.is_foreign => {
                    return Err(format!(
                        "{name}: takes the state of {partition}, of another form, for its own"
                    ));
                }
                Event::WrongPhase { .. } => return Err(format!("{name}: {event:?}")),
                Event::TransactionEnded(Outcome::Committed) => self.delete_consumed(world),
                Event::ReadAnew(partition) => {
                    world.faults.count(Fault::ReadAnew);
                    world.note(format_args!("{name}: reads {partition:?} again"));
                }
                Event::LeaderBehind { .. } => world.faults.count(Fault::BelievedEnd),
                Event::Unreadable { is_held: true, .. } => world.faults.count(Fault::UnreadablePartition),
                event => world.note(format_args!("{name}: {event:?}")),
            }
        }
        Ok(())
    }

    /// Deletes consumed records of the repartition topic, which no task reads again.
    fn delete_consumed(&self, world: &mut World) {
        for (partition, before) in self.driver.consumed() {
            world.broker.remove_below(PartitionId { topic: world.topics.repartition(), partition }, before);
        }
    }

    /// Whether it has nothing left to do.
    pub(super) fn is_at_rest(&self, world: &World) -> bool {
        self.action.is_none()
            && self.driver.is_idle()
            && self.client.is_settled()
            && self.client.readable(&world.broker).is_empty()
    }

    /// The number of group partitions it holds.
    pub(super) fn held(&self) -> usize {
        self.client.held()
    }

    /// The partitions with a live task here.
    pub(super) fn live(&self) -> impl Iterator<Item = i32> {
        self.driver.tasks().filter(|task| task.is_live()).map(driver::AssignedTask::partition)
    }
}

/// The content of each topic.
fn kinds(topics: &Topics) -> driver::TopicKinds {
    let topics = topics.clone();
    Arc::new(move |name| match topics.number(name) {
        number if number == topics.input => TopicKind::Input,
        number if number == topics.erasures() => TopicKind::Erasures,
        number if number == topics.agent_states() => TopicKind::AgentStates,
        number if topics.of_conversations().contains(&number) => topics
            .conversation_of(number)
            .map_or(TopicKind::Other, |id| TopicKind::Conversation(id.to_owned())),
        _ => TopicKind::Other,
    })
}

fn place(topics: &Topics, TopicPartition { topic, partition }: &TopicPartition) -> PartitionId {
    PartitionId { topic: topics.number(topic), partition: *partition }
}

fn named(topics: &Topics, PartitionId { topic, partition }: PartitionId) -> TopicPartition {
    TopicPartition::new(topics.name(topic), partition)
}

/// Whether the worker has this defect.
fn has(world: &World, defect: Defect) -> bool {
    world.defect == Some(defect)
}
