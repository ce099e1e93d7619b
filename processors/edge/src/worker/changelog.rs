// SPDX-License-Identifier: Apache-2.0

//! The reader of the changelog.

use std::time::Duration;

use driver::{Answer, Driver, Extent, Now};
use engine::Topology;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::{Message, Offset, TopicPartitionList};

use super::Worker;
use super::limits::{Limits, find_leaders};
use crate::clients;
use crate::errors::{self, EdgeError, Error, Remedy};
use crate::reading::{ReadsToTheEnd, position};
use crate::settings::Settings;

const QUESTION_TIMEOUT: Duration = Duration::from_millis(500);
/// Only the first poll waits, and briefly, because other tasks have work.
const FIRST_POLL: Duration = Duration::from_millis(5);
/// How many records are read for one action.
const RECORDS_MAX: usize = 2_000;

/// The changelog reader, with `read_committed`.
pub(super) struct Changelog {
    reader: BaseConsumer<ReadsToTheEnd>,
    topic: String,
    is_reading: bool,
}

impl Changelog {
    pub(super) fn new(settings: &Settings, worker: &str, topology: &Topology) -> Result<Self, EdgeError> {
        let topic = topology.name(topology.changelog()).to_owned();
        let reader = clients::consumer(&settings.reader(worker, true), ReadsToTheEnd);
        Ok(Self { reader: reader.map_err(EdgeError::Settings)?, topic, is_reading: false })
    }

    /// The first and end offset of a partition, open transactions included.
    pub(super) fn extent(&self, limits: &Limits, partition: i32) -> Result<Option<Extent>, Error> {
        let extent = answered(limits.watermarks(&self.topic, partition, QUESTION_TIMEOUT))?;
        if extent.is_none() {
            limits.find_leaders(&self.topic);
        }
        Ok(extent.map(|(begin, end)| Extent { begin, end }))
    }

    /// The last stable offset of a partition.
    pub(super) fn stable_offset(&self, partition: i32) -> Result<Option<i64>, Error> {
        if !self.is_reading {
            clients::attend(&self.reader);
        }
        let found = answered(self.reader.fetch_watermarks(&self.topic, partition, QUESTION_TIMEOUT))?;
        if found.is_none() {
            find_leaders(&self.reader, &self.topic);
        }
        Ok(found.map(|(_, end)| end))
    }

    /// Assigns exactly these partitions.
    pub(super) fn assign(&mut self, positions: &[(i32, i64)]) {
        self.is_reading = !positions.is_empty();
        let mut list = TopicPartitionList::new();
        let listed = positions.iter().try_for_each(|(partition, offset)| {
            list.add_partition_offset(&self.topic, *partition, Offset::Offset(*offset))
        });
        let done = listed.and_then(|()| {
            if positions.is_empty() { self.reader.unassign() } else { self.reader.assign(&list) }
        });
        if let Err(error) = done {
            tracing::warn!(%error, "cannot assign partitions to the restore");
        }
    }

    fn read(&self, driver: &mut Driver<Error>) -> Result<(), Error> {
        for number in 0..RECORDS_MAX {
            let wait = if number == 0 { FIRST_POLL } else { Duration::ZERO };
            match self.reader.poll(wait) {
                None => break,
                Some(Ok(message)) => {
                    let key = message.key().unwrap_or_default();
                    driver.restore(message.partition(), message.offset(), key, message.payload());
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    driver.changelog_ended(partition, position(&self.reader, &self.topic, partition));
                }
                Some(Err(error)) => match errors::of_poll(&error) {
                    Remedy::Stop => return Err(unreadable(error)),
                    Remedy::Retry | Remedy::Abort | Remedy::Rebuild => {
                        tracing::warn!(%error, "reading the changelog");
                        break;
                    }
                },
            }
        }
        Ok(())
    }
}

impl Worker {
    pub(super) fn read_changelog(&mut self) -> Now {
        let read = self.changelog.read(&mut self.driver);
        let now = self.clock.read();
        self.driver.respond(Answer::Done(read), now);
        now
    }
}

fn unreadable(error: KafkaError) -> Error {
    Box::new(EdgeError::kafka("cannot read the changelog", error))
}

/// An answer; `None` when the question has to be repeated.
fn answered<T>(result: KafkaResult<T>) -> Result<Option<T>, Error> {
    match result {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if errors::of_poll(&error) == Remedy::Stop => Err(unreadable(error)),
        Err(error) => {
            tracing::debug!(%error, "the changelog's end is not known yet");
            Ok(None)
        }
    }
}
