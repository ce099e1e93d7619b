//! Records that are gone before anybody has read them: retention or a `DeleteRecords` was faster. The client says only that
//! somewhere an offset is not there any more; here it is found out where, what is lost is said and counted, and the reading goes on
//! with what is left.
//!
//! A hole between two offsets is no loss: markers of transactions and what compaction has removed leave such holes. Lost is what
//! lies below the partition's first offset and has not been read.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use engine::SourceOffset;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaResult;

use super::{Shared, Worker};
use crate::errors::EdgeError;
use crate::reading::{Extent, Place, committed_offset};

const OFFSETS_TIMEOUT: Duration = Duration::from_millis(300);
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(100);
/// What is not known may stay so as long as a partition has no leader, and each question costs time.
const ASK_AGAIN_FOR_PLACES: Duration = Duration::from_secs(1);

/// What has become of the place where a partition was to be read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    /// It is there.
    There,
    /// What lay there is gone; the first record that may be there has this offset.
    Gone { begin: i64 },
    /// The partition ends before it: the topic was deleted and created again, or has lost its end.
    Shorter,
}

fn look_for(span: Extent, next: i64) -> Found {
    if next < span.begin {
        Found::Gone { begin: span.begin }
    } else if next > span.end {
        Found::Shorter
    } else {
        Found::There
    }
}

/// Unread records that are gone.
pub(super) struct Gap<'p> {
    pub(super) place: &'p Place,
    pub(super) from: i64,
    pub(super) to: i64,
}

impl Worker {
    /// The client has stopped reading some partition, since its offset is not there; it does not say which. So all that are read
    /// are looked at, and the consumer is put in its place in all of them; until then nothing is taken. Called between two
    /// transactions: what was taken before is committed by now, or dropped.
    ///
    /// # Errors
    /// The repartition topic is shorter than what was taken of it: [`EdgeError::WorkLost`].
    pub(super) fn find_places(&mut self) -> Result<(), EdgeError> {
        if !self.unplaced.is_stopped {
            return Ok(());
        }
        self.displace_all();
        if Instant::now() < self.ask_places_at {
            return Ok(());
        }
        let lanes = self.lanes.values().filter(|lane| lane.is_restored());
        let mut wanted: BTreeMap<Place, i64> = lanes.flat_map(super::Lane::wanted).collect();
        wanted.extend(self.siding.wanted());
        match self.look_for(&wanted) {
            Ok(None) => self.unplaced.is_stopped = false,
            Ok(Some(repartition)) => return Err(EdgeError::WorkLost(repartition)),
            Err(error) => {
                tracing::debug!(%error, "where partitions begin and end is not known yet");
                self.ask_places_at = Instant::now() + ASK_AGAIN_FOR_PLACES;
            }
        }
        self.tell_health();
        Ok(())
    }

    /// Gives the repartition topic where that has become shorter. Its changes of windows have no id: read again, they would be added
    /// again.
    fn look_for(&mut self, wanted: &BTreeMap<Place, i64>) -> KafkaResult<Option<String>> {
        let places: Vec<Place> = wanted.keys().cloned().collect();
        let spans = self.restorer.spans(&places);
        let found =
            |(place, next): (&Place, &i64)| Some((place.clone(), look_for(*spans.get(place)?, *next)));
        let found: Vec<(Place, Found)> = wanted.iter().filter_map(found).collect();
        let gone = found.iter().filter(|(_, found)| matches!(found, Found::Gone { .. }));
        let committed = self.committed_of(gone.map(|(place, _)| place))?;
        let mut shorter = Vec::new();
        for (place, found) in &found {
            match found {
                Found::There => {}
                Found::Gone { begin } => {
                    let next = wanted.get(place).copied().unwrap_or(0);
                    // Others may have read it meanwhile: then this worker has lost the partition and does not know it yet.
                    let from = next.max(committed.get(place).copied().flatten().unwrap_or(0));
                    if from < *begin {
                        tell_gap(&self.shared, &Gap { place, from, to: *begin });
                    }
                    self.pass_over(place, *begin);
                }
                Found::Shorter => shorter.push(place.clone()),
            }
        }
        let repartition = self.shared.topology.name(self.shared.topology.repartition());
        if shorter.iter().any(|(topic, _)| topic == repartition) {
            return Ok(Some(repartition.to_owned()));
        }
        for place in shorter {
            let begin = spans.get(&place).map_or(0, |span| span.begin);
            self.read_anew(&place, begin);
        }
        // Of the others the next look will tell.
        if found.len() < wanted.len() { Err(unknown()) } else { Ok(None) }
    }

    /// What the group has committed of partitions, by now.
    fn committed_of<'p>(
        &self,
        places: impl Iterator<Item = &'p Place>,
    ) -> KafkaResult<BTreeMap<Place, Option<i64>>> {
        let mut question = TopicPartitionList::new();
        for (topic, partition) in places {
            question.add_partition(topic, *partition);
        }
        if question.count() == 0 {
            return Ok(BTreeMap::new());
        }
        let answer = self.consumer.committed_offsets(question, OFFSETS_TIMEOUT)?;
        let of = |element: &rdkafka::topic_partition_list::TopicPartitionListElem<'_>| {
            Ok(((element.topic().to_owned(), element.partition()), committed_offset(element)?))
        };
        answer.elements().iter().map(of).collect()
    }

    fn pass_over(&mut self, place: &Place, begin: i64) {
        let (topic, partition) = place;
        if self.siding.pass_over(place, begin) {
            return;
        }
        if let Some(lane) = self.lanes.get_mut(partition) {
            lane.set_committed(topic, Some(begin));
            // Committed at once: the partition may stay idle, and the next start would say it again.
            lane.task.go_on(SourceOffset { topic: topic.clone(), partition: *partition, next: begin });
        }
    }

    /// A topic that was deleted and created again has other records at the old offsets. All of its partitions that lanes read are
    /// read from their beginnings, though only the shorter ones show it: what was folded already is known by its id.
    fn read_anew(&mut self, place: &Place, begin: i64) {
        let (topic, partition) = place;
        tracing::warn!(
            topic,
            partition,
            "the topic was deleted and created again, or has lost records: it is read from its beginning"
        );
        if self.siding.pass_over(place, begin) {
            return;
        }
        for lane in self.lanes.values_mut() {
            lane.begin_anew(topic);
        }
    }

    /// Where the partitions begin of which the group has never committed anything, and which lanes are about to read. Those that
    /// are not told are asked for again later.
    pub(super) fn begins_of_unread(&mut self) -> BTreeMap<Place, i64> {
        let misplaced = self.lanes.values().filter(|lane| lane.is_misplaced());
        let unread: Vec<Place> = misplaced.flat_map(super::Lane::unread).collect();
        self.begins_of(&unread)
    }

    /// Finds out where partitions of the siding begin: where the group's last commit left off, or with the first record that there
    /// is.
    pub(super) fn begin_siding(&mut self) {
        if !self.siding.is_beginning() || Instant::now() < self.ask_begins_at {
            return;
        }
        let answer = match self.consumer.committed_offsets(self.siding.to_begin(), OFFSETS_TIMEOUT) {
            Ok(answer) => answer,
            Err(error) => {
                tracing::debug!(%error, "the committed offsets are not known yet");
                self.ask_begins_at = Instant::now() + ASK_AGAIN_AFTER;
                return;
            }
        };
        let mut unread = Vec::new();
        for element in answer.elements() {
            let place = (element.topic().to_owned(), element.partition());
            match committed_offset(&element) {
                Ok(Some(next)) => self.siding.begin(&place, next),
                Ok(None) => unread.push(place),
                Err(error) => {
                    tracing::debug!(%error, topic = place.0, "the committed offset is not known yet");
                    self.ask_begins_at = Instant::now() + ASK_AGAIN_AFTER;
                }
            }
        }
        for (place, begin) in self.begins_of(&unread) {
            tell_begin(&place.0, place.1, begin);
            self.siding.begin(&place, begin);
        }
    }

    fn begins_of(&mut self, places: &[Place]) -> BTreeMap<Place, i64> {
        if places.is_empty() || Instant::now() < self.ask_begins_at {
            return BTreeMap::new();
        }
        let begins = self.restorer.begins(places);
        if begins.len() < places.len() {
            self.ask_begins_at = Instant::now() + ASK_AGAIN_FOR_PLACES;
        }
        begins
    }
}

fn unknown() -> rdkafka::error::KafkaError {
    rdkafka::error::KafkaError::OffsetFetch(rdkafka::types::RDKafkaErrorCode::UnknownPartition)
}

/// Says and counts what is lost.
pub(super) fn tell_gap(shared: &Shared, gap: &Gap<'_>) {
    let Gap { place: (topic, partition), from, to } = gap;
    let lost = u64::try_from(to - from).unwrap_or(0);
    shared.metrics.input_gap(shared.counted_as(topic), lost);
    let what = what_is_lost(shared, topic);
    let runbook = "docs/runbook/alerts/CxTimelinesInputLost.md tells what to do";
    if what.is_worse {
        tracing::error!(topic, partition, from, to, lost, "{}; {runbook}", what.words);
    } else {
        tracing::warn!(topic, partition, from, to, lost, "{}; {runbook}", what.words);
    }
}

struct Loss {
    /// Whether it cannot be seen in the input.
    is_worse: bool,
    words: &'static str,
}

fn what_is_lost(shared: &Shared, topic: &str) -> Loss {
    let topology = &shared.topology;
    let is_inner = |inner| topic == topology.name(inner);
    let (is_worse, words) = if is_inner(topology.repartition()) {
        (
            true,
            "records on their way between partitions were removed before they were read: figures of windows and moved \
             events are lost for good, though the input was read",
        )
    } else if is_inner(topology.changelog()) {
        (true, "the changelog has lost records: the state of this partition is not what it was")
    } else if shared.patterns.erasures.as_deref() == Some(topic) {
        (true, "requests to erase were removed before they were read: they are not carried out")
    } else {
        (false, "events were removed from the input before they were read: they are lost")
    };
    Loss { is_worse, words }
}

/// Says where a partition begins that the group has never read, if that is not its very beginning. What lay before is nobody's
/// loss: a new group takes what there is.
pub(super) fn tell_begin(topic: &str, partition: i32, begin: i64) {
    if begin > 0 {
        tracing::info!(
            topic,
            partition,
            begin,
            "the group reads this partition for the first time: what lay before this offset was removed earlier"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lies_below_the_first_offset_is_gone() {
        let span = Extent { begin: 10, end: 20 };
        assert_eq!(look_for(span, 9), Found::Gone { begin: 10 });
        assert_eq!(look_for(span, 10), Found::There);
        assert_eq!(look_for(span, 20), Found::There, "nothing more has come yet");
        assert_eq!(look_for(span, 21), Found::Shorter);
    }

    #[test]
    fn all_may_be_gone() {
        let empty = Extent { begin: 20, end: 20 };
        assert_eq!(look_for(empty, 5), Found::Gone { begin: 20 });
        assert_eq!(look_for(empty, 20), Found::There);
    }
}
