// SPDX-License-Identifier: Apache-2.0

//! Consumer actions.

use std::sync::atomic::Ordering;
use std::time::Duration;

use driver::{Action, Answer, Now, Position, Rebalance, Sought, TopicPartition};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};

use super::Worker;
use super::names::{listed, named_partition, positioned};
use crate::consumer::{MessageHeaders, Notes, Rebalanced, source_record};
use crate::errors::{self, EdgeError, Error, Remedy};
use crate::shared::Shared;

const SEEK_TIMEOUT: Duration = Duration::from_secs(1);

impl Worker {
    /// Polls once. The driver receives decisions of the group before the record.
    pub(super) fn poll(&mut self, timeout: Duration) -> Now {
        let Self { consumer, driver, clock, .. } = self;
        let polled = consumer.poll(timeout);
        let now = clock.read();
        for decision in consumer.context().take_rebalances() {
            driver.rebalance(named(&decision));
        }
        match polled {
            None => driver.respond(Answer::NoRecord, now),
            Some(Ok(message)) => {
                let headers = MessageHeaders(&message);
                driver.respond(Answer::Record(source_record(&message, &headers)), now);
            }
            Some(Err(error)) => driver.respond(failed(error, consumer.context()), now),
        }
        now
    }

    pub(super) fn ask_consumer(&mut self, action: Action<Error>) -> Answer<'static, Error> {
        let consumer = &self.consumer;
        let (what, done) = match action {
            Action::Subscribe => ("cannot subscribe", subscribe(consumer, &self.shared)),
            Action::Assign(partitions) => ("cannot take the assignment", assign(consumer, &partitions)),
            Action::Unassign(partitions) => {
                ("cannot give partitions back", consumer.incremental_unassign(&listed(&partitions)))
            }
            Action::Pause(partitions) => ("cannot pause partitions", consumer.pause(&listed(&partitions))),
            Action::Reassign { partitions, pause } => {
                ("cannot assign a partition again", reassign(consumer, &partitions, &pause))
            }
            Action::Seek(positions) => {
                return Answer::Sought(seek(consumer, &positions));
            }
            Action::Leave { unassign, is_committed } => {
                if is_committed {
                    self.shared.leaving.fetch_add(1, Ordering::AcqRel);
                }
                leave(consumer, &unassign);
                return Answer::Done(Ok(()));
            }
            _ => return Answer::Done(Ok(())),
        };
        Answer::Done(done.map_err(|error| Box::new(EdgeError::kafka(what, error))))
    }
}

fn named(decision: &Rebalanced) -> Rebalance {
    let all = |list: &TopicPartitionList| list.elements().iter().map(named_partition).collect();
    match decision {
        Rebalanced::Assigned(partitions) => Rebalance::Assigned(all(partitions)),
        Rebalanced::Revoked { partitions, lost } => {
            Rebalance::Revoked { partitions: all(partitions), is_lost: *lost }
        }
    }
}

/// Transient poll errors are only noted: the client has logged them with the reason.
fn failed(error: KafkaError, notes: &Notes) -> Answer<'static, Error> {
    if errors::is_displaced(&error) {
        return Answer::OffsetOutOfRange;
    }
    let refused = notes.take_refused();
    if refused.is_none() && errors::of_poll(&error) != Remedy::Stop {
        tracing::debug!(%error, "reading the input");
        return Answer::Failed;
    }
    let refused = refused.map(|reason| format!(" ({reason})")).unwrap_or_default();
    Answer::Done(Err(Box::new(EdgeError::kafka(format!("cannot read the input{refused}"), error))))
}

fn subscribe(consumer: &BaseConsumer<Notes>, shared: &Shared) -> KafkaResult<()> {
    super::reach(consumer, &shared.inputs);
    consumer.subscribe(&shared.subscription())
}

/// Assigns partitions with explicit offsets, so that the client does not look their positions up. If a consumer seeks during
/// such a lookup, the client drops the answer, repeats the lookup half a second later and silently continues there. The offset
/// itself does not matter: paused partitions deliver nothing, and a seek follows.
fn assign(consumer: &BaseConsumer<Notes>, partitions: &[TopicPartition]) -> KafkaResult<()> {
    let mut list = listed(partitions);
    list.set_all_offsets(Offset::Offset(0))?;
    consumer.incremental_assign(&list)?;
    pause(consumer, &list)
}

fn reassign(
    consumer: &BaseConsumer<Notes>,
    partitions: &[Position],
    all: &[TopicPartition],
) -> KafkaResult<()> {
    let partitions = positioned(partitions)?;
    consumer.incremental_unassign(&partitions)?;
    consumer.incremental_assign(&partitions)?;
    pause(consumer, &listed(all))
}

/// The client refuses an empty list.
fn pause(consumer: &BaseConsumer<Notes>, partitions: &TopicPartitionList) -> KafkaResult<()> {
    if partitions.count() == 0 { Ok(()) } else { consumer.pause(partitions) }
}

/// Seeks in all partitions with one call: there may be thousands.
fn seek(consumer: &BaseConsumer<Notes>, positions: &[Position]) -> Vec<(TopicPartition, Sought)> {
    let sought = positioned(positions).and_then(|positions| {
        consumer.resume(&positions)?;
        consumer.seek_partitions(positions, SEEK_TIMEOUT)
    });
    let sought = match sought {
        Ok(sought) => sought,
        Err(error) => {
            tracing::debug!(%error, "the consumer is not at its position yet");
            return Vec::new();
        }
    };
    let answers = sought.elements();
    let answers = answers.iter().map(|element| {
        let (topic, partition) = (element.topic(), element.partition());
        let answer = match element.error() {
            Ok(()) => {
                consumer.context().forget_end(topic, partition);
                Sought::Done
            }
            Err(error) => {
                tracing::debug!(%error, topic, partition, "the consumer is not at its position yet");
                not_sought(&error)
            }
        };
        (named_partition(element), answer)
    });
    answers.collect()
}

/// A partition that is not fetched refuses a seek.
fn not_sought(error: &KafkaError) -> Sought {
    let is_refused = *error == KafkaError::OffsetFetch(RDKafkaErrorCode::State);
    if is_refused { Sought::NotFetched } else { Sought::Failed }
}

fn leave(consumer: &BaseConsumer<Notes>, unassign: &[TopicPartition]) {
    if !unassign.is_empty()
        && let Err(error) = consumer.incremental_unassign(&listed(unassign))
    {
        tracing::debug!(%error, "giving the repartition topic back");
    }
    consumer.context().close();
}
