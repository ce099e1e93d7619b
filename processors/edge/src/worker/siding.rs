//! The siding: topics of one conversation each, and requests to erase. They are not partitioned like the state, so they
//! belong to no lane; their records are moved to where they belong, in the worker's transaction.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use engine::{Mover, UnknownSchema};
use rdkafka::TopicPartitionList;
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::{Offset, topic_partition_list::TopicPartitionListElem};

use super::{Shared, now_ms};
use crate::consumer::{End, MessageHeaders, source_record};
use crate::reading::Place;
use crate::schemas::Schemas;

/// Finds the conversation that a topic belongs to.
type ConversationOf = dyn Fn(&str) -> Option<String> + Send + Sync;

/// Which topics belong to one conversation each, and which holds requests to erase.
#[derive(Clone)]
pub struct Patterns {
    /// What to subscribe to, as the client writes patterns. They may match more.
    pub subscriptions: Vec<String>,
    /// The conversation of a topic; none for one that belongs to no conversation.
    pub conversation_of: Arc<ConversationOf>,
    /// Where requests to erase come from, if anywhere.
    pub erasures: Option<String>,
}

/// What the records of a topic of the siding are.
enum Load {
    /// Events of this conversation, unless they say another one.
    EventsOf(String),
    /// Requests to erase.
    Erasures,
}

impl Patterns {
    /// Whether the topic holds events of one conversation.
    pub(super) fn is_event_topic(&self, topic: &str) -> bool {
        matches!(self.load_of(topic), Some(Load::EventsOf(_)))
    }

    /// What the records of this topic are; none where it does not belong to the siding.
    fn load_of(&self, topic: &str) -> Option<Load> {
        if self.erasures.as_deref() == Some(topic) {
            return Some(Load::Erasures);
        }
        (self.conversation_of)(topic).map(Load::EventsOf)
    }
}

/// One partition of such a topic.
struct Track {
    load: Load,
    /// Whether it is known where it begins.
    is_begun: bool,
    /// The first offset taken since the last commit.
    from: Option<i64>,
    /// Records below this offset were taken already.
    next: i64,
    /// The consumer has still to be put back.
    is_misplaced: bool,
    /// The schema without which the next record cannot be read. Until it is known nothing is taken.
    awaits: Option<u32>,
    /// Records that were there when last looked at, and not taken yet.
    lag: i64,
}

/// All of them that this worker reads.
pub(super) struct Siding {
    pub(super) mover: Mover,
    patterns: Patterns,
    schemas: Schemas,
    tracks: HashMap<String, BTreeMap<i32, Track>>,
}

impl Siding {
    pub(super) fn new(shared: &Shared) -> Self {
        Self {
            mover: Mover::new(Arc::clone(&shared.topology), shared.partitions, shared.limits.clone()),
            patterns: shared.patterns.clone(),
            schemas: shared.schemas.clone(),
            tracks: HashMap::new(),
        }
    }

    /// Takes a partition over, if its topic belongs here.
    pub(super) fn assigned(&mut self, element: &TopicPartitionListElem<'_>) {
        let Some(load) = self.patterns.load_of(element.topic()) else { return };
        let (is_begun, is_misplaced) = (false, true);
        let track = Track { load, is_begun, from: None, next: 0, is_misplaced, awaits: None, lag: 0 };
        self.tracks.entry(element.topic().to_owned()).or_default().insert(element.partition(), track);
    }

    /// Gives a partition up.
    pub(super) fn revoked(&mut self, element: &TopicPartitionListElem<'_>) {
        if let Some(partitions) = self.tracks.get_mut(element.topic()) {
            partitions.remove(&element.partition());
            if partitions.is_empty() {
                self.tracks.remove(element.topic());
            }
        }
    }

    /// Takes a record, if it is of one of its partitions; `false` otherwise.
    pub(super) fn take(&mut self, message: &BorrowedMessage<'_>) -> bool {
        if self.tracks.is_empty() {
            return false;
        }
        let partitions = self.tracks.get_mut(message.topic());
        let Some(track) = partitions.and_then(|partitions| partitions.get_mut(&message.partition())) else {
            return false;
        };
        let offset = message.offset();
        if track.awaits.is_some()
            && let Some(id) =
                message.payload().and_then(|value| self.mover.unknown_schema(message.topic(), value))
        {
            // Asked for together, schemas are waited for once, not once for each record.
            self.schemas.ask_ahead(id);
        }
        if track.is_misplaced || offset < track.next {
            return true;
        }
        let headers = MessageHeaders(message);
        let conversation = match &track.load {
            Load::EventsOf(conversation) => Some(conversation.as_str()),
            Load::Erasures => None,
        };
        let record = source_record(message, &headers, conversation);
        match self.mover.process(&record, now_ms()) {
            Ok(()) => {
                track.from.get_or_insert(offset);
                track.next = offset + 1;
            }
            Err(UnknownSchema(id)) => {
                self.schemas.ask(id);
                track.next = offset;
                track.is_misplaced = true;
                track.awaits = Some(id);
            }
        }
        true
    }

    /// Whether a partition stands still for a schema.
    pub(super) fn awaits_schema(&self) -> bool {
        self.tracks.values().flat_map(BTreeMap::values).any(|track| track.awaits.is_some())
    }

    /// The transaction holds all that was staged.
    pub(super) fn committed(&mut self) -> engine::Tally {
        self.all().for_each(|(_, _, track)| track.from = None);
        self.mover.committed()
    }

    /// What was staged is dropped; the consumer has to go back.
    pub(super) fn rewind(&mut self) {
        self.mover.aborted();
        for (_, _, track) in self.all() {
            if let Some(from) = track.from.take() {
                track.next = from;
                track.is_misplaced = true;
            }
        }
    }

    /// Partitions of which it is not known yet where they begin.
    pub(super) fn to_begin(&self) -> TopicPartitionList {
        let mut all = TopicPartitionList::new();
        for (topic, partitions) in &self.tracks {
            for (partition, _) in partitions.iter().filter(|(_, track)| !track.is_begun) {
                all.add_partition(topic, *partition);
            }
        }
        all
    }

    /// Whether there are such.
    pub(super) fn is_beginning(&self) -> bool {
        self.tracks.values().flat_map(BTreeMap::values).any(|track| !track.is_begun)
    }

    /// It is known by now where a partition begins.
    pub(super) fn begin(&mut self, (topic, partition): &Place, next: i64) {
        if let Some(track) = self.track(topic, *partition) {
            track.next = next;
            track.is_begun = true;
            track.is_misplaced = true;
        }
    }

    /// Where it goes on in each partition.
    pub(super) fn wanted(&self) -> impl Iterator<Item = (Place, i64)> {
        self.tracks.iter().flat_map(|(topic, partitions)| {
            let begun = partitions.iter().filter(|(_, track)| track.is_begun);
            begun.map(|(partition, track)| ((topic.clone(), *partition), track.next))
        })
    }

    /// A partition goes on at another offset; `false` if it is none of its own.
    pub(super) fn pass_over(&mut self, (topic, partition): &Place, next: i64) -> bool {
        let track = self.track(topic, *partition);
        track.map(|track| track.next = next).is_some()
    }

    fn track(&mut self, topic: &str, partition: i32) -> Option<&mut Track> {
        self.tracks.get_mut(topic)?.get_mut(&partition)
    }

    /// Where the consumer has still to be put, in all partitions that it can be put in. What waits for a schema is taken again when
    /// that is known; what comes of it until then is passed over.
    pub(super) fn misplaced(&mut self) -> TopicPartitionList {
        let schemas = self.schemas.clone();
        let mut places = TopicPartitionList::new();
        let misplaced = |track: &Track| track.is_misplaced && track.is_begun;
        for (topic, partition, track) in self.all().filter(|(_, _, track)| misplaced(track)) {
            track.awaits = track.awaits.filter(|id| schemas.is_awaited(*id));
            if track.awaits.is_none()
                && let Err(error) = places.add_partition_offset(topic, partition, Offset::Offset(track.next))
            {
                tracing::debug!(%error, topic, partition, "no offset");
            }
        }
        places
    }

    /// The consumer stands in its place in a partition.
    pub(super) fn is_placed(&mut self, (topic, partition): &Place) {
        if let Some(track) = self.track(topic, *partition) {
            track.is_misplaced = false;
        }
    }

    /// All partitions that it reads.
    pub(super) fn places(&self) -> TopicPartitionList {
        let mut places = TopicPartitionList::new();
        for (topic, partitions) in &self.tracks {
            partitions.keys().for_each(|partition| {
                places.add_partition(topic, *partition);
            });
        }
        places
    }

    /// The consumer has to be put in its place again in all partitions.
    pub(super) fn displace_all(&mut self) {
        self.all().for_each(|(_, _, track)| track.is_misplaced = true);
    }

    /// Notes the end of a partition; `false` if it is none of its own.
    pub(super) fn saw_end(&mut self, topic: &str, partition: i32, end: End) -> bool {
        let Some(track) = self.track(topic, partition) else { return false };
        track.lag = if end.is_drained { 0 } else { (end.stable - track.next).max(0) };
        true
    }

    /// Records that are still to be taken, with the topic, or the pattern of all such topics, that they are counted under.
    pub(super) fn lags(&self) -> impl Iterator<Item = (&str, i64)> {
        let (mut events, mut requests) = (None, None);
        for track in self.tracks.values().flat_map(BTreeMap::values) {
            let sum = match track.load {
                Load::EventsOf(_) => &mut events,
                Load::Erasures => &mut requests,
            };
            *sum = Some(sum.unwrap_or(0) + track.lag);
        }
        let pattern = self.patterns.subscriptions.first().zip(events);
        let erasures = self.patterns.erasures.as_ref().zip(requests);
        pattern.into_iter().chain(erasures).map(|(name, lag)| (name.as_str(), lag))
    }

    fn all(&mut self) -> impl Iterator<Item = (&str, i32, &mut Track)> {
        let topics = self.tracks.iter_mut();
        topics.flat_map(|(topic, partitions)| {
            partitions.iter_mut().map(move |(partition, track)| (topic.as_str(), *partition, track))
        })
    }
}

/// What the group gave, divided.
pub(super) struct Divided {
    /// Partitions that lanes take.
    pub(super) lanes: TopicPartitionList,
    /// Partitions of the siding.
    pub(super) siding: TopicPartitionList,
    /// Partitions that only match a subscription.
    pub(super) strange: TopicPartitionList,
    /// Partitions of the input that the state has no place for.
    pub(super) misfits: TopicPartitionList,
}

/// Divides what the group gave.
pub(super) fn divided(partitions: &TopicPartitionList, shared: &Shared) -> Divided {
    let list = TopicPartitionList::new;
    let mut divided = Divided { lanes: list(), siding: list(), strange: list(), misfits: list() };
    for element in partitions.elements() {
        let list = if shared.inputs.iter().any(|input| input == element.topic()) {
            if element.partition() < shared.partitions { &mut divided.lanes } else { &mut divided.misfits }
        } else if shared.patterns.load_of(element.topic()).is_some() {
            &mut divided.siding
        } else {
            &mut divided.strange
        };
        list.add_partition(element.topic(), element.partition());
    }
    divided
}
