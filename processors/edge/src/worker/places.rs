//! Where the consumer stands in its partitions. It is put where the last commit left off once a partition is assigned and its state
//! restored, after an aborted transaction, and where the client has stopped by itself.

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};

use super::Worker;
use super::gaps::tell_begin;
use crate::consumer::Notes;
use crate::errors::EdgeError;
use crate::reading::Place;

const SEEK_TIMEOUT: Duration = Duration::from_secs(1);

/// Why the consumer cannot be put in its place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Unplaced {
    /// The client has stopped reading some partition, since its offset is not there any more. It does not say which.
    pub(super) is_stopped: bool,
    /// A partition was assigned once more. With that the client forgets that the group may have taken everything away meanwhile,
    /// and the worker would commit for a group that knows it no more. That news lies in the client's queue: nothing is taken
    /// before the queue has run dry.
    is_assigned_again: bool,
}

impl Unplaced {
    pub(super) fn is_any(self) -> bool {
        self.is_stopped || self.is_assigned_again
    }
}

impl Worker {
    /// Puts the consumer in its place in all partitions that can be worked on.
    pub(super) fn place(&mut self) -> Result<(), EdgeError> {
        if self.unplaced.is_any() {
            return Ok(());
        }
        let mut stopped = Vec::new();
        self.place_siding(&mut stopped);
        self.place_lanes(&mut stopped);
        self.assign_again(&stopped)
    }

    fn place_lanes(&mut self, stopped: &mut Vec<(Place, i64)>) {
        let begins = self.begins_of_unread();
        let consumer = &self.consumer;
        for lane in self.lanes.values_mut().filter(|lane| lane.is_misplaced()) {
            let put = |topic: &str, partition, offset| put_one(consumer, (topic, partition, offset), stopped);
            if let Err(error) = lane.put_in_place(&begins, put) {
                tracing::debug!(%error, partition = lane.partition(), "the consumer is not in its place yet");
            }
        }
        begins.iter().for_each(|((topic, partition), begin)| tell_begin(topic, *partition, *begin));
    }

    /// In one call for all: there may be thousands.
    fn place_siding(&mut self, stopped: &mut Vec<(Place, i64)>) {
        let places = self.siding.misplaced();
        if places.count() == 0 {
            return;
        }
        match put(&self.consumer, &places) {
            Ok(placed) => placed.into_iter().for_each(|(place, offset, placed)| match placed {
                Ok(()) => self.siding.is_placed(&place),
                Err(error) => note_not_placed((place, offset), &error, stopped),
            }),
            Err(error) => tracing::debug!(%error, "the consumer is not in its place yet"),
        }
    }

    /// Assigns partitions once more that refuse a seek: the client has stopped reading them, from which no seek brings it back, or has
    /// not begun yet. Nothing is staged between two transactions, and what comes now is passed over.
    fn assign_again(&mut self, stopped: &[(Place, i64)]) -> Result<(), EdgeError> {
        if stopped.is_empty() {
            return Ok(());
        }
        self.displace_all();
        self.unplaced.is_assigned_again = true;
        let again = || {
            let mut places = TopicPartitionList::new();
            for ((topic, partition), offset) in stopped {
                places.add_partition_offset(topic, *partition, Offset::Offset(*offset))?;
            }
            self.consumer.incremental_unassign(&places)?;
            self.consumer.incremental_assign(&places)?;
            self.consumer.pause(&self.places())
        };
        again().map_err(|error| EdgeError::kafka("cannot assign a partition once more", error))
    }

    /// Nothing lies in the client's queue: all news of the group was taken.
    pub(super) fn ran_dry(&mut self) {
        self.unplaced.is_assigned_again = false;
    }

    /// The consumer has to be put in its place in all partitions.
    pub(super) fn displace_all(&mut self) {
        self.lanes.values_mut().for_each(super::Lane::displace);
        self.siding.displace_all();
    }

    /// All partitions that are read.
    fn places(&self) -> TopicPartitionList {
        let mut all = self.siding.places();
        for lane in self.lanes.values() {
            for element in lane.places().elements() {
                all.add_partition(element.topic(), element.partition());
            }
        }
        all
    }
}

/// Lets the consumer fetch on from these offsets. Gives for each whether it does.
fn put(
    consumer: &BaseConsumer<Notes>,
    places: &TopicPartitionList,
) -> KafkaResult<Vec<(Place, i64, KafkaResult<()>)>> {
    consumer.resume(places)?;
    let answers = consumer.seek_partitions(places.clone(), SEEK_TIMEOUT)?;
    let answers = answers.elements().into_iter().map(|element| {
        let (topic, partition) = (element.topic(), element.partition());
        if element.error().is_ok() {
            consumer.context().forget_end(topic, partition);
        }
        let offset = element.offset().to_raw().unwrap_or_default();
        ((topic.to_owned(), partition), offset, element.error())
    });
    Ok(answers.collect())
}

fn put_one(
    consumer: &BaseConsumer<Notes>,
    (topic, partition, offset): (&str, i32, i64),
    stopped: &mut Vec<(Place, i64)>,
) -> KafkaResult<()> {
    let mut place = TopicPartitionList::new();
    place.add_partition_offset(topic, partition, Offset::Offset(offset))?;
    for (place, _, placed) in put(consumer, &place)? {
        if let Err(error) = placed {
            note_not_placed((place, offset), &error, stopped);
            return Err(error);
        }
    }
    Ok(())
}

/// A partition that is not fetched refuses a seek.
fn note_not_placed(place: (Place, i64), error: &KafkaError, stopped: &mut Vec<(Place, i64)>) {
    let ((topic, partition), _) = &place;
    tracing::debug!(%error, topic, partition, "the consumer is not in its place yet");
    if *error == KafkaError::OffsetFetch(RDKafkaErrorCode::State) {
        stopped.push(place);
    }
}
