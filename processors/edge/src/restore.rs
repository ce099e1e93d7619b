//! Reads tasks' state back from the changelog, a little in each turn of the worker's loop, so that the group never misses
//! its member and restored tasks work meanwhile.
//!
//! The state is complete when the reader has come past the very last record that lay in the changelog when the partition
//! was taken over. The last of them may belong to a transaction of the former owner that is not finished yet; so first
//! the end of the finished transactions has to reach that record, and only then the reader is pointed there. It is done when
//! the client says "end of partition", after control records that are never handed out, and stands where the end was: a
//! leader that is new may end too early, see [`has_passed`].

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::{Message, Offset, TopicPartitionList};
use tracing::Span;

use crate::clients;
use crate::errors::{self, EdgeError, Remedy};
use crate::reading::{Extent, Place, ReadsToTheEnd, begins, ends, has_passed};
use crate::settings::Settings;
use crate::spans;

const QUESTION_TIMEOUT: Duration = Duration::from_millis(500);
const END_TIMEOUT: Duration = Duration::from_millis(100);
const LIMITS_TIMEOUT: Duration = Duration::from_millis(200);
/// So many partitions are asked for by themselves in one turn: each may cost [`END_TIMEOUT`].
const ONE_BY_ONE: usize = 8;
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(50);
/// A reader that hears nothing for this long is pointed to its places anew.
const SILENCE_MAX: Duration = Duration::from_secs(5);
/// So long the end of an unfinished transaction is waited for in silence: longer than its time-out, and than brokers take to
/// notice that it is over.
const UNFINISHED_MAX: Duration = Duration::from_secs(30);
/// How much of a turn is spent on restoring.
const RECORDS_A_TURN: usize = 2_000;

/// How far one partition is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The end of the changelog is not known yet.
    Measure,
    /// The changelog ends with an unfinished transaction.
    AwaitStable { end: i64 },
    /// Being read.
    Read { end: i64 },
}

#[derive(Debug)]
struct Progress {
    next: i64,
    stage: Stage,
    read: u64,
    /// When the wait for the end of an unfinished transaction is too long; none where nothing is awaited, or it was said.
    impatient_at: Option<Instant>,
    span: Span,
}

impl Progress {
    /// Says once that a transaction stays open, since nothing here can end it.
    fn tell_unfinished(&mut self, changelog: &str, partition: i32, offset: i64) {
        if self.impatient_at.is_some_and(|at| Instant::now() >= at) {
            self.impatient_at = None;
            tracing::error!(
                topic = changelog,
                partition,
                offset,
                "the state of this partition cannot be read on: a transaction stays open, longer than it may; \
                 docs/runbook/hanging-transactions.md tells what to do"
            );
        }
    }
}

/// Something for the worker to do.
#[derive(Debug)]
pub(crate) enum Restored<'a> {
    /// Put this record into the state.
    Record { partition: i32, offset: i64, key: &'a [u8], value: Option<&'a [u8]> },
    /// The store knows more than the changelog holds: it belongs to another changelog. Wipe it.
    Stale { partition: i32 },
    /// The changelog has lost records that are not in the store. What they held is gone.
    Gone { partition: i32, from: i64, to: i64 },
    /// The state is complete up to this offset.
    Done { partition: i32, offset: i64 },
}

/// The restores of one worker.
pub(crate) struct Restorer {
    reader: BaseConsumer<ReadsToTheEnd>,
    ends: BaseConsumer<ReadsToTheEnd>,
    changelog: String,
    partitions: BTreeMap<i32, Progress>,
    ask_again_at: Instant,
    heard_at: Instant,
    /// How many partitions were asked for by themselves.
    asked: usize,
}

impl Restorer {
    pub(crate) fn new(settings: &Settings, worker: &str, changelog: &str) -> Result<Self, EdgeError> {
        let reader = |committed| {
            let settings = settings.reader(worker, committed);
            clients::consumer(&settings, ReadsToTheEnd).map_err(EdgeError::Settings)
        };
        Ok(Self {
            reader: reader(true)?,
            ends: reader(false)?,
            changelog: changelog.to_owned(),
            partitions: BTreeMap::new(),
            ask_again_at: Instant::now(),
            heard_at: Instant::now(),
            asked: 0,
        })
    }

    /// Whether nothing is being restored.
    pub(crate) fn is_idle(&self) -> bool {
        self.partitions.is_empty()
    }

    /// Whether records are being read, so that a turn waits for them by itself.
    pub(crate) fn is_reading(&self) -> bool {
        self.partitions.values().any(|progress| matches!(progress.stage, Stage::Read { .. }))
    }

    /// Begins with a partition whose store stands at `from`.
    pub(crate) fn begin(&mut self, partition: i32, from: i64) {
        self.partitions.insert(
            partition,
            Progress {
                next: from,
                stage: Stage::Measure,
                read: 0,
                impatient_at: None,
                span: spans::restore(partition),
            },
        );
        self.ask_again_at = Instant::now();
    }

    /// Gives partitions up; they belong to somebody else. All at once: the client aborts the process when its assignment
    /// is replaced again before it has stopped what was replaced before.
    pub(crate) fn forget(&mut self, partitions: impl IntoIterator<Item = i32>) {
        let mut any = false;
        for partition in partitions {
            any |= self.partitions.remove(&partition).is_some();
        }
        if any {
            self.point_reader();
        }
    }

    /// The end that a partition has now; none where the cluster does not answer at once. Asked by a client that fetches
    /// nothing: behind a fetch the answer would wait for its end.
    pub(crate) fn end_of(&self, topic: &str, partition: i32) -> Option<i64> {
        clients::attend(&self.ends);
        match self.ends.fetch_watermarks(topic, partition, END_TIMEOUT) {
            Ok((_, end)) => Some(end),
            Err(error) => {
                tracing::debug!(%error, topic, partition, "the end is not known yet");
                find_leaders(&self.ends, topic);
                None
            }
        }
    }

    /// Where partitions begin and end, for those of which it is known by now. Asked by a client that fetches nothing, as above.
    pub(crate) fn spans(&mut self, places: &[Place]) -> BTreeMap<Place, Extent> {
        let begins = self.begins(places);
        let ends = self.limits(places, ends);
        let span = |(place, begin): (Place, i64)| {
            let span = Extent { begin, end: ends.get(&place).copied()? };
            Some((place, span))
        };
        begins.into_iter().filter_map(span).collect()
    }

    /// Where partitions begin, for those of which it is known by now.
    pub(crate) fn begins(&mut self, places: &[Place]) -> BTreeMap<Place, i64> {
        self.limits(places, begins)
    }

    /// One question for all. One partition without a leader is enough for there to be no answer: then some are asked for by
    /// themselves, others the next time. The client asks where the leaders were: who leads those partitions now it asks only when
    /// it is made to.
    fn limits(&mut self, places: &[Place], ask: AskForLimits) -> BTreeMap<Place, i64> {
        clients::attend(&self.ends);
        let known = |answers: Vec<(Place, KafkaResult<i64>)>| {
            answers.into_iter().filter_map(|(place, limit)| Some((place, limit.ok()?)))
        };
        let limits: BTreeMap<Place, i64> = match ask(&self.ends, listed(places), LIMITS_TIMEOUT) {
            Ok(answers) => known(answers).collect(),
            Err(error) => {
                tracing::debug!(%error, "where partitions begin and end is not known yet");
                let some = places.iter().cycle().skip(self.asked % places.len().max(1));
                let some = some.take(places.len().min(ONE_BY_ONE));
                self.asked = self.asked.wrapping_add(ONE_BY_ONE);
                let one = |place| ask(&self.ends, listed([place]), END_TIMEOUT).unwrap_or_default();
                some.flat_map(|place| known(one(place))).collect()
            }
        };
        let unknown = places.iter().filter(|place| !limits.contains_key(*place));
        let topics: BTreeSet<&str> = unknown.map(|(topic, _)| topic.as_str()).take(ONE_BY_ONE).collect();
        topics.into_iter().for_each(|topic| find_leaders(&self.ends, topic));
        limits
    }

    /// How many partitions a topic has; none where the cluster does not answer at once.
    pub(crate) fn partitions_of(&self, topic: &str) -> Option<i32> {
        clients::attend(&self.ends);
        let metadata = self.ends.fetch_metadata(Some(topic), END_TIMEOUT).ok()?;
        let found = metadata.topics().iter().find(|found| found.name() == topic)?;
        i32::try_from(found.partitions().len()).ok()
    }

    /// Records still to be read of a partition, as far as that is known.
    pub(crate) fn remaining(&self) -> impl Iterator<Item = (i32, i64)> {
        self.partitions.iter().map(|(partition, progress)| match progress.stage {
            Stage::Measure => (*partition, 0),
            Stage::AwaitStable { end } | Stage::Read { end } => (*partition, (end - progress.next).max(0)),
        })
    }

    /// One turn: asks what has to be asked, reads some records, tells the worker.
    ///
    /// # Errors
    /// The cluster denies the rights to read the changelog, or `handle` failed: stop, or give the error on.
    pub(crate) fn turn(
        &mut self,
        handle: &mut dyn FnMut(Restored<'_>) -> Result<(), EdgeError>,
    ) -> Result<(), EdgeError> {
        if Instant::now() >= self.ask_again_at {
            self.ask(handle)?;
            self.ask_again_at = Instant::now() + ASK_AGAIN_AFTER;
        }
        if self.is_reading() {
            if self.heard_at.elapsed() > SILENCE_MAX {
                self.point_reader();
            }
            self.read(handle)?;
        }
        Ok(())
    }

    fn ask(
        &mut self,
        handle: &mut dyn FnMut(Restored<'_>) -> Result<(), EdgeError>,
    ) -> Result<(), EdgeError> {
        let mut pointed_anew = false;
        clients::attend(&self.ends);
        if !self.is_reading() {
            clients::attend(&self.reader);
        }
        let waiting: Vec<i32> = self
            .partitions
            .iter()
            .filter(|(_, progress)| !matches!(progress.stage, Stage::Read { .. }))
            .map(|(partition, _)| *partition)
            .collect();
        for partition in waiting {
            let Some(progress) = self.partitions.get_mut(&partition) else { continue };
            if progress.stage == Stage::Measure {
                let Some((low, end)) =
                    answer(self.ends.fetch_watermarks(&self.changelog, partition, QUESTION_TIMEOUT))?
                else {
                    find_leaders(&self.ends, &self.changelog);
                    continue;
                };
                if progress.next > end {
                    handle(Restored::Stale { partition })?;
                    progress.next = low;
                }
                if progress.next < low {
                    handle(Restored::Gone { partition, from: progress.next, to: low })?;
                    progress.next = low;
                }
                progress.stage = Stage::AwaitStable { end };
                progress.impatient_at = Some(Instant::now() + UNFINISHED_MAX);
            }
            let Stage::AwaitStable { end } = progress.stage else { continue };
            if progress.next >= end {
                spans::restored(&progress.span, progress.read);
                handle(Restored::Done { partition, offset: progress.next })?;
                self.partitions.remove(&partition);
                continue;
            }
            let stable = answer(self.reader.fetch_watermarks(&self.changelog, partition, QUESTION_TIMEOUT))?;
            match stable {
                Some((_, stable_end)) if stable_end >= end => {
                    progress.stage = Stage::Read { end };
                    pointed_anew = true;
                }
                Some((_, stable_end)) => progress.tell_unfinished(&self.changelog, partition, stable_end),
                None => find_leaders(&self.reader, &self.changelog),
            }
        }
        if pointed_anew {
            self.point_reader();
        }
        Ok(())
    }

    /// Points the reader to all that is being read, and nothing else.
    fn point_reader(&mut self) {
        self.heard_at = Instant::now();
        let mut places = TopicPartitionList::new();
        for (partition, progress) in &self.partitions {
            if matches!(progress.stage, Stage::Read { .. }) {
                let added =
                    places.add_partition_offset(&self.changelog, *partition, Offset::Offset(progress.next));
                if let Err(error) = added {
                    tracing::warn!(%error, partition, "cannot point the restore to its place");
                }
            }
        }
        let done = if places.count() == 0 { self.reader.unassign() } else { self.reader.assign(&places) };
        if let Err(error) = done {
            tracing::warn!(%error, "cannot point the restore to its places");
        }
    }

    fn read(
        &mut self,
        handle: &mut dyn FnMut(Restored<'_>) -> Result<(), EdgeError>,
    ) -> Result<(), EdgeError> {
        let mut done = false;
        for turn in 0..RECORDS_A_TURN {
            // Only the first poll of a turn waits, and only a little: there are other tasks.
            let wait = if turn == 0 { Duration::from_millis(5) } else { Duration::ZERO };
            match self.reader.poll(wait) {
                None => break,
                Some(Ok(message)) => {
                    self.heard_at = Instant::now();
                    let partition = message.partition();
                    if let Some(progress) = self.partitions.get_mut(&partition)
                        && message.offset() >= progress.next
                    {
                        let offset = message.offset();
                        progress.next = offset + 1;
                        progress.read += 1;
                        let key = message.key().unwrap_or_default();
                        handle(Restored::Record { partition, offset, key, value: message.payload() })?;
                    }
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    self.heard_at = Instant::now();
                    done |= self.finish(partition, handle)?;
                }
                Some(Err(error)) => match errors::of_poll(&error) {
                    Remedy::Stop => return Err(EdgeError::kafka("cannot read the changelog", error)),
                    Remedy::Retry | Remedy::Abort | Remedy::Rebuild => {
                        tracing::warn!(%error, "reading the changelog");
                        break;
                    }
                },
            }
        }
        if done {
            self.point_reader();
        }
        Ok(())
    }

    /// The client has come to an end of a partition: whether it is the one that it was to come to.
    fn finish(
        &mut self,
        partition: i32,
        handle: &mut dyn FnMut(Restored<'_>) -> Result<(), EdgeError>,
    ) -> Result<bool, EdgeError> {
        let Some(Progress { next, stage: Stage::Read { end }, read, span, .. }) =
            self.partitions.get(&partition)
        else {
            return Ok(false);
        };
        if next < end && !has_passed(&self.reader, &self.changelog, partition, *end) {
            tracing::info!(partition, next, end, "a new leader of the changelog does not know its end yet");
            return Ok(false);
        }
        let offset = (*next).max(*end);
        spans::restored(span, *read);
        handle(Restored::Done { partition, offset })?;
        self.partitions.remove(&partition);
        Ok(true)
    }
}

/// A question for where partitions begin, or end.
type AskForLimits = fn(
    &BaseConsumer<ReadsToTheEnd>,
    TopicPartitionList,
    Duration,
) -> KafkaResult<Vec<(Place, KafkaResult<i64>)>>;

fn listed<'p>(places: impl IntoIterator<Item = &'p Place>) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    for (topic, partition) in places {
        list.add_partition(topic, *partition);
    }
    list
}

/// What was not answered may have been asked of a broker that is gone. A client that fetches nothing from a topic keeps on
/// asking there, for minutes, and does not look by itself for who leads the partition now.
fn find_leaders(client: &BaseConsumer<ReadsToTheEnd>, topic: &str) {
    if let Err(error) = client.fetch_metadata(Some(topic), QUESTION_TIMEOUT) {
        tracing::debug!(%error, topic, "who leads the partitions is not known yet");
    }
}

/// An answer, or nothing where the question has to be put again.
fn answer<T>(result: KafkaResult<T>) -> Result<Option<T>, EdgeError> {
    match result {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if errors::of_poll(&error) == Remedy::Stop => {
            Err(EdgeError::kafka("cannot read the changelog", error))
        }
        Err(error) => {
            tracing::debug!(%error, "the changelog's end is not known yet");
            Ok(None)
        }
    }
}
