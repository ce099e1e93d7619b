//! A worker: one thread with its own consumer, its own transactional producer and the tasks of its partitions. Nothing is
//! shared on the way of a record.

mod commit;
mod damage;
mod enquiries;
mod gaps;
mod lane;
mod misfits;
mod places;
mod rebalance;
mod siding;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use engine::{Damages, Effort, Task, TaskError, Topology};
use model::Limits;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{BorrowedMessage, Message};

use crate::catch_up::{Asking, CatchUp, Topics};
use crate::clients;
use crate::consumed::Consumed;
use crate::consumer::{MessageHeaders, Notes, source_record};
use crate::desk::{Counter, Desk};
use crate::errors::{self, Damaged, EdgeError, Remedy};
use crate::health::Health;
use crate::metrics::{Client, Metrics};
use crate::peers::Peers;
use crate::producer::{OutputTopics, TransactionalProducer};
use crate::restore::Restorer;
use crate::schemas::Schemas;
use crate::settings::Settings;
use crate::stop::Stop;
use crate::stores::Stores;
use lane::Lane;
use misfits::Misfits;
use places::Unplaced;
pub use siding::Patterns;
use siding::Siding;

/// How long the loop sleeps when there is nothing at all to do; a record ends the sleep.
const IDLE: Duration = Duration::from_millis(100);
/// The same, while a lane waits for an answer of the cluster.
const ASK_AGAIN: Duration = Duration::from_millis(5);
/// A transaction begins so long after the commit of the last one, if the input does not fill the time anyway. The coordinator
/// answers a commit before it has told the partitions of it, and until then refuses the next transaction's first partitions:
/// the client asks again after 20 ms, whatever is set. At 1,000 events a second that was every sixth transaction.
const COMMITS_APART: Duration = Duration::from_millis(5);
/// How many records are taken between two looks at the clock.
const RECORDS_BETWEEN_LOOKS: u32 = 64;
/// After a record of so many bytes it is looked at once: a few of them may be more than a transaction is to hold.
const LARGE_BYTES: usize = 64 << 10;
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long the consumer may take to connect before it subscribes all the same.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// What all workers of a pipeline have in common.
#[derive(Clone)]
pub struct Shared {
    /// How to reach the cluster.
    pub settings: Settings,
    /// The processors.
    pub topology: Arc<Topology>,
    /// Limits on input.
    pub limits: Limits,
    /// Where state lies.
    pub stores: Stores,
    /// The input topics that are partitioned like the state.
    pub inputs: Vec<String>,
    /// Input topics of one conversation each.
    pub patterns: Patterns,
    /// How many partitions the input has, and so the repartition topic and the changelog.
    pub partitions: i32,
    /// The output topics, in the order of the topology.
    pub outputs: OutputTopics,
    /// Schemas that records were written with.
    pub schemas: Schemas,
    /// Where to count.
    pub metrics: Metrics,
    /// Where to say how it goes.
    pub health: Health,
    /// When to stop.
    pub stop: Stop,
    /// Where others ask about the tasks; none: nobody does.
    pub desk: Option<Desk>,
    /// Who else there is; none: nobody wants to know.
    pub peers: Option<Peers>,
    /// How far the repartition topic is taken, where what was taken is to be deleted.
    pub consumed: Option<Consumed>,
    /// How many workers have committed their last transaction and only have to leave the group.
    pub leaving: Arc<AtomicUsize>,
}

impl Shared {
    /// What a topic is counted under: a topic of one conversation under the pattern of all of them.
    fn counted_as<'s>(&'s self, topic: &'s str) -> &'s str {
        let pattern = || self.patterns.subscriptions.first().map(String::as_str);
        if self.patterns.is_event_topic(topic) { pattern().unwrap_or(topic) } else { topic }
    }

    /// The names that all that is read is counted under.
    pub(crate) fn read_as(&self) -> impl Iterator<Item = &str> {
        let Self { inputs, patterns, topology, .. } = self;
        let own = inputs.iter().chain(patterns.subscriptions.first()).chain(&patterns.erasures);
        let inner = [topology.repartition(), topology.changelog()].map(|topic| topology.name(topic));
        own.map(String::as_str).chain(inner)
    }
}

pub(crate) struct Worker {
    name: String,
    shared: Shared,
    consumer: BaseConsumer<Notes>,
    producer: TransactionalProducer,
    restorer: Restorer,
    lanes: BTreeMap<i32, Lane>,
    siding: Siding,
    counter: Option<Counter>,
    /// Partitions whose store another worker of this process has not let go of yet, or whose state was damaged and has to wait
    /// until it is restored, with their topic.
    unopened: Vec<(i32, String)>,
    /// States that could not be read, and when they may be restored again.
    damages: Damages,
    started: Instant,
    /// Whether the group has assigned anything yet, be it nothing.
    joined: bool,
    /// The number of the last transaction; begins with the time of the start, so that it was never used before.
    transactions: u128,
    /// When the first record was staged since the last commit.
    staged_since: Option<Instant>,
    taken: u32,
    /// How many records were taken since the last commit.
    batch: usize,
    /// How much goes into one transaction.
    effort: Effort,
    /// When the last transaction was committed.
    committed_at: Instant,
    ask_offsets_at: Instant,
    unplaced: Unplaced,
    ask_places_at: Instant,
    ask_begins_at: Instant,
    misfits: Misfits,
    looked_at: Instant,
    catch_up: CatchUp,
}

impl Worker {
    /// Runs a worker until the stop.
    ///
    /// # Errors
    /// What has no remedy: the error says what an operator can do.
    pub(crate) fn run(name: String, shared: Shared) -> Result<(), EdgeError> {
        let stop = shared.stop.clone();
        let outputs = shared.outputs.clone();
        shared.health.set_worker(&name, false, "reaching the cluster");
        let consumer = clients::consumer(&shared.settings.consumer(&name), Notes::default())
            .map_err(EdgeError::Settings)?;
        reach(&consumer, &shared.inputs);
        let started =
            TransactionalProducer::start(&shared.settings, &name, (outputs, &shared.topology), &|| {
                stop.is_requested()
            })?;
        let Some(producer) = started else { return Ok(()) };
        let patterns = &shared.patterns;
        let inputs = shared.inputs.iter().chain(&patterns.subscriptions).chain(&patterns.erasures);
        let inputs: Vec<&str> = inputs.map(String::as_str).collect();
        reach(&consumer, &shared.inputs);
        consumer.subscribe(&inputs).map_err(|error| EdgeError::kafka("cannot subscribe", error))?;
        let changelog = shared.topology.name(shared.topology.changelog());
        let restorer = Restorer::new(&shared.settings, &name, changelog)?;
        shared.health.set_worker(&name, false, "joining the group");
        let siding = Siding::new(&shared);
        let counter = shared.desk.as_ref().map(|desk| desk.counter(&name));
        let now = Instant::now();
        let mut worker = Self {
            name,
            shared,
            consumer,
            producer,
            restorer,
            lanes: BTreeMap::new(),
            siding,
            counter,
            unopened: Vec::new(),
            damages: Damages::default(),
            started: now,
            joined: false,
            transactions: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros(),
            staged_since: None,
            taken: 0,
            batch: 0,
            effort: Effort::default(),
            committed_at: now,
            ask_offsets_at: now,
            unplaced: Unplaced::default(),
            ask_places_at: now,
            ask_begins_at: now,
            misfits: Misfits::new(now),
            looked_at: now,
            catch_up: CatchUp::default(),
        };
        let result = worker.turns();
        if result.is_ok() {
            worker.shared.leaving.fetch_add(1, Ordering::AcqRel);
        }
        worker.leave();
        result
    }

    fn turns(&mut self) -> Result<(), EdgeError> {
        while !self.shared.stop.is_requested() {
            self.turn()?;
        }
        // A last commit, so that the next owner has nothing to do again.
        self.commit()
    }

    /// One turn of the loop: the group's decisions, restores, then records until the input runs dry or it is time to commit.
    fn turn(&mut self) -> Result<(), EdgeError> {
        self.follow_group()?;
        self.find_places()?;
        self.bring_lanes_up()?;
        self.attend()?;
        self.look_around()?;
        let mut began = None;
        let mut rested = Duration::ZERO;
        let mut wait = self.patience();
        loop {
            let Some(result) = self.consumer.poll(wait) else {
                self.ran_dry();
                let Some(rest) = self.rest() else { break };
                std::thread::sleep(rest);
                rested += rest;
                continue;
            };
            let message = match result {
                Ok(message) => message,
                Err(error) if errors::is_displaced(&error) => {
                    self.unplaced.is_stopped = true;
                    break;
                }
                Err(error) => {
                    tolerate(error, self.consumer.context())?;
                    break;
                }
            };
            began.get_or_insert_with(Instant::now);
            // What the group has decided meanwhile comes before any record.
            let rebalances = self.consumer.context().take_rebalances();
            let taken = take(
                &mut self.lanes,
                &mut self.siding,
                (&self.shared.schemas, &self.shared.topology),
                &message,
            )?;
            let is_large = message.payload_len() >= LARGE_BYTES;
            drop(message);
            match taken {
                Taken::Done => {}
                Taken::Damaged(damaged) => self.restore_anew(damaged)?,
                Taken::Unread { partition, schema } => self.await_schema(partition, schema)?,
                Taken::SeenEnough(partition) => self.pause(partition)?,
            }
            if !rebalances.is_empty() {
                self.carry_out(rebalances)?;
            }
            self.taken = self.taken.wrapping_add(1);
            self.batch += 1;
            wait = Duration::ZERO;
            if self.staged_since.is_none() {
                self.staged_since = Some(Instant::now());
            }
            let looks = is_large || self.taken.is_multiple_of(RECORDS_BETWEEN_LOOKS);
            if self.effort.is_enough(self.batch) || (looks && self.is_commit_due()) {
                break;
            }
        }
        if let Some(began) = began {
            self.shared.metrics.processing_latency(began.elapsed().saturating_sub(rested));
        }
        // The input ran dry, or it is time. What the last commit has left goes on with it, or without any record.
        self.lanes.values_mut().for_each(Lane::go_on);
        self.commit()
    }

    /// How long a turn may wait for its first record.
    fn patience(&self) -> Duration {
        if self.restorer.is_reading() {
            // The restore waits for its own records.
            Duration::ZERO
        } else if self.any_lane_waits() || self.has_more_to_tell() || self.lanes.values().any(Lane::has_more)
        {
            ASK_AGAIN
        } else {
            IDLE
        }
    }

    /// How long what is staged has to wait until the coordinator is done with the last transaction; none: not any more.
    fn rest(&self) -> Option<Duration> {
        let rest = rest_after(self.committed_at.elapsed(), self.shared.settings.commit_interval);
        let waits = self.staged_since.is_some() && !rest.is_zero() && !self.shared.stop.is_requested();
        waits.then_some(rest)
    }

    fn is_commit_due(&self) -> bool {
        let settings = &self.shared.settings;
        let staged: usize = self.lanes.values().map(|lane| lane.task.staged_bytes()).sum();
        staged + self.siding.mover.staged_bytes() >= self.effort.bytes(settings.commit_bytes_max)
            || self.staged_since.is_some_and(|since| since.elapsed() >= settings.commit_interval)
            || self.shared.stop.is_requested()
    }

    fn any_lane_waits(&self) -> bool {
        !self.unopened.is_empty()
            || self.unplaced.is_any()
            || self.siding.awaits_schema()
            || self.siding.is_beginning()
            || self.lanes.values().any(|lane| !lane.is_live())
    }

    /// Milliseconds since this worker began.
    fn running_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// A task with its store; none while another worker has the store.
    fn new_task(&self, partition: i32) -> Result<Option<Task>, EdgeError> {
        let Shared { stores, topology, limits, partitions, .. } = &self.shared;
        let store = stores.for_task(partition).map_err(|source| EdgeError::Store { partition, source })?;
        Ok(store.map(|store| Task::new(partition, *partitions, Arc::clone(topology), limits.clone(), store)))
    }

    /// Leaves the group; the partitions go to others at once.
    fn leave(mut self) {
        // What the group decided last has to be answered, or the close waits for the answer.
        if let Err(error) = self.follow_group() {
            tracing::debug!(%error, "answering the group before leaving it");
        }
        self.give_back_repartition();
        self.consumer.context().close();
        for (partition, lane) in std::mem::take(&mut self.lanes) {
            lane.close();
            self.shared.stores.closed(partition);
        }
        self.shared.metrics.clients_gone(&self.name);
        self.report_tasks();
        self.shared.health.set_worker(&self.name, false, "left the group");
        drop(self.consumer);
    }

    /// What was taken of the repartition topic and committed is read by no task again.
    fn note_consumed(&self) {
        let Some(consumed) = &self.shared.consumed else { return };
        let repartition = self.shared.topology.name(self.shared.topology.repartition());
        for lane in self.lanes.values().filter(|lane| lane.is_live()) {
            if let Some(committed) = lane.committed(repartition) {
                consumed.note(lane.partition(), committed);
            }
        }
    }

    /// Lets be done what is due though nothing comes. The clock is read before the ends are asked for: whatever is read up to
    /// them, nothing is missing that was there at that time. Before the group has caught up something may be on its way from
    /// another partition.
    fn look_at_clock(&mut self) -> Result<(), EdgeError> {
        if !self.catch_up.is_done() {
            return Ok(());
        }
        let now_ms = now_ms();
        let mut damaged = Vec::new();
        for lane in self.lanes.values_mut() {
            let restorer = &self.restorer;
            match lane.ask_for_ends(now_ms, |topic, partition| restorer.end_of(topic, partition)) {
                Ok(()) => lane.ring_when_read(),
                Err(error) => damaged.push(errors::of_task(error)?),
            }
        }
        damaged.into_iter().try_for_each(|damaged| self.restore_anew(damaged))
    }

    /// Lets stores do what is due by the clock.
    fn tend_stores(&mut self) -> Result<(), EdgeError> {
        let mut damaged = Vec::new();
        for lane in self.lanes.values_mut().filter(|lane| lane.is_live()) {
            if let Err(error) = lane.task.tend() {
                damaged.push(errors::of_task(error)?);
            }
        }
        damaged.into_iter().try_for_each(|damaged| self.restore_anew(damaged))
    }

    /// What is looked at every now and then only.
    fn look_around(&mut self) -> Result<(), EdgeError> {
        if self.looked_at.elapsed() < LOOK_EVERY {
            return Ok(());
        }
        self.looked_at = Instant::now();
        self.look_for_misfits();
        self.note_consumed();
        if !self.damages.is_empty() {
            // What was well for long enough is ready again.
            self.tell_health();
        }
        self.show_figures();
        self.tend_stores()?;
        self.follow_catching_up()?;
        self.look_at_clock()
    }

    /// Once the group has read what there was, things may expire.
    fn follow_catching_up(&mut self) -> Result<(), EdgeError> {
        let Shared { settings, inputs, patterns, topology, partitions, .. } = &self.shared;
        let is_input = |topic: &str, partition| {
            let is_lanes = inputs.iter().any(|input| input == topic) && partition < *partitions;
            is_lanes || patterns.is_event_topic(topic)
        };
        let repartition = topology.name(topology.repartition());
        let topics = Topics { is_input: &is_input, repartition, partitions: *partitions };
        let asking = Asking { settings, worker: &self.name };
        if self.catch_up.turn(asking, topics)? {
            tracing::info!(worker = self.name, "caught up");
            self.lanes.values_mut().for_each(|lane| lane.task.caught_up());
        }
        Ok(())
    }

    fn show_figures(&mut self) {
        let metrics = &self.shared.metrics;
        for lane in self.lanes.values() {
            let state = lane.task.state();
            let size = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
            metrics.state_size(lane.partition(), size(state.records), size(state.bytes));
        }
        for (partition, remaining) in self.restorer.remaining() {
            metrics.restore_remaining(partition, remaining);
        }
        for ((topic, partition), end) in self.consumer.context().take_ends() {
            if self.siding.saw_end(&topic, partition, end) {
                continue;
            }
            if let Some(lane) = self.lanes.get_mut(&partition) {
                lane.saw_end(&topic, end);
            }
        }
        let figures = (self.consumer.context().take_figures(), self.producer.take_figures());
        metrics.client(&self.name, Client::Consumer, figures.0);
        metrics.client(&self.name, Client::Producer, figures.1);
        self.siding.lags().for_each(|(topic, lag)| metrics.lag(topic, 0, lag));
        self.report_tasks();
    }
}

/// What is left of the wait between two transactions. It is never longer than the commit interval, which bounds how long a record
/// may wait for its commit.
fn rest_after(since_commit: Duration, commit_interval: Duration) -> Duration {
    COMMITS_APART.min(commit_interval).saturating_sub(since_commit)
}

/// What became of a message.
enum Taken {
    /// It was taken, or nobody waits for it.
    Done,
    /// The state of a partition turned out to be damaged.
    Damaged(Damaged),
    /// It cannot be read before its schema is known.
    Unread { partition: i32, schema: u32 },
    /// This partition waits for schemas, and has looked far enough for those that it will need.
    SeenEnough(i32),
}

/// What a lane that waits for a schema does with a record that comes: has the record's own schema asked for, too.
fn look_ahead(
    lane: &mut Lane,
    (schemas, topology): (&Schemas, &Topology),
    message: &BorrowedMessage<'_>,
) -> Taken {
    let unknown = message.payload().and_then(|value| topology.unknown_schema(message.topic(), value));
    if lane.look_ahead(unknown.filter(|id| schemas.ask_ahead(*id))) {
        Taken::SeenEnough(lane.partition())
    } else {
        Taken::Done
    }
}

/// Hands a message to its task, or to the siding.
fn take(
    lanes: &mut BTreeMap<i32, Lane>,
    siding: &mut Siding,
    (schemas, topology): (&Schemas, &Topology),
    message: &BorrowedMessage<'_>,
) -> Result<Taken, EdgeError> {
    if siding.take(message) {
        return Ok(Taken::Done);
    }
    let Some(lane) = lanes.get_mut(&message.partition()) else { return Ok(Taken::Done) };
    if lane.awaits_schema() {
        return Ok(look_ahead(lane, (schemas, topology), message));
    }
    if !lane.expects(message.topic(), message.offset()) {
        lane.refused(message.topic(), message.offset());
        return Ok(Taken::Done);
    }
    let headers = MessageHeaders(message);
    let record = source_record(message, &headers, None);
    match lane.task.process(&record, now_ms()) {
        Ok(()) => {
            lane.took(record.topic, record.offset);
            Ok(Taken::Done)
        }
        Err(TaskError::UnknownSchema { partition, id }) => Ok(Taken::Unread { partition, schema: id }),
        Err(error) => errors::of_task(error).map(Taken::Damaged),
    }
}

/// Lets the consumer reach a broker. A subscription that finds no connection is looked at again after one to two seconds
/// only. The first answer tells the client the broker's name, with which it connects once more: that is why the consumer is
/// there before the producer, whose start gives it the time, and is asked a second time before it subscribes.
fn reach(consumer: &BaseConsumer<Notes>, inputs: &[String]) {
    if let Err(error) = consumer.fetch_metadata(inputs.first().map(String::as_str), CONNECT_TIMEOUT) {
        tracing::debug!(%error, "reaching the cluster before the subscription");
    }
}

/// Errors of a poll that pass by themselves are only noted: the client has told them already, with its reason.
fn tolerate(error: rdkafka::error::KafkaError, notes: &Notes) -> Result<(), EdgeError> {
    let refused = notes.take_refused();
    if refused.is_none() && errors::of_poll(&error) != Remedy::Stop {
        tracing::debug!(%error, "reading the input");
        return Ok(());
    }
    let refused = refused.map(|reason| format!(" ({reason})")).unwrap_or_default();
    Err(EdgeError::kafka(format!("cannot read the input{refused}"), error))
}

/// Now, in epoch milliseconds.
fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_waits_for_the_last_one_but_no_longer_than_the_commit_interval() {
        let ms = Duration::from_millis;
        assert_eq!(rest_after(ms(2), ms(100)), ms(3));
        assert_eq!(rest_after(ms(5), ms(100)), ms(0));
        assert_eq!(rest_after(ms(0), ms(1)), ms(1));
        assert_eq!(rest_after(ms(1), ms(1)), ms(0));
    }
}
