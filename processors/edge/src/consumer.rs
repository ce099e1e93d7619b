// SPDX-License-Identifier: Apache-2.0

//! The consumer of the input topics. The callback only notes a rebalance; the worker, which owns the tasks, carries it out
//! after the poll.

use std::collections::HashMap;
use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use driver::EndOffset;
use engine::{HeaderSource, SourceRecord};
use rdkafka::ClientContext;
use rdkafka::TopicPartitionList;
use rdkafka::client::OAuthToken;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::statistics::Statistics;
use rdkafka::types::RDKafkaRespErr;
use rdkafka::util::Timeout;

use crate::errors;
use crate::metrics::ClientFigures;
use crate::token;

/// A decision of the group. The worker has to answer each with the matching call.
#[derive(Debug)]
pub(crate) enum Rebalanced {
    /// Answer with `incremental_assign`.
    Assigned(TopicPartitionList),
    /// Answer with `incremental_unassign`. `lost`: another member owns the partitions already; commit nothing of them.
    Revoked { partitions: TopicPartitionList, lost: bool },
}

/// The consumer's context. Notes rebalances, statistics and errors.
#[derive(Default)]
pub(crate) struct Notes {
    rebalances: Mutex<Vec<Rebalanced>>,
    ends: Mutex<HashMap<(String, i32), EndOffset>>,
    figures: Mutex<Option<ClientFigures>>,
    refused: Mutex<Option<String>>,
    any_rebalance: AtomicBool,
    closing: AtomicBool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Notes {
    /// The decisions since the last call, in order.
    pub(crate) fn take_rebalances(&self) -> Vec<Rebalanced> {
        if self.any_rebalance.swap(false, Ordering::AcqRel) {
            std::mem::take(&mut *lock(&self.rebalances))
        } else {
            Vec::new()
        }
    }

    /// Stops noting rebalances: partitions are given back at once from now on.
    pub(crate) fn close(&self) {
        self.closing.store(true, Ordering::Release);
    }

    /// The end of each fetched partition in the latest statistics.
    pub(crate) fn take_ends(&self) -> HashMap<(String, i32), EndOffset> {
        std::mem::take(&mut *lock(&self.ends))
    }

    /// The client's statistics since the last call, if any.
    pub(crate) fn take_figures(&self) -> Option<ClientFigures> {
        lock(&self.figures).take()
    }

    /// Drops the end of a partition reported before the consumer was positioned there.
    pub(crate) fn forget_end(&self, topic: &str, partition: i32) {
        lock(&self.ends).remove(&(topic.to_owned(), partition));
    }

    /// The client's text for the last refused request. It names the resource, which the error of the poll does not.
    pub(crate) fn take_refused(&self) -> Option<String> {
        lock(&self.refused).take()
    }

    fn note(&self, rebalanced: Rebalanced) {
        lock(&self.rebalances).push(rebalanced);
        self.any_rebalance.store(true, Ordering::Release);
    }
}

impl ClientContext for Notes {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn generate_oauth_token(&self, file: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        token::of_file(file)
    }

    fn stats(&self, statistics: Statistics) {
        *lock(&self.figures) = Some(ClientFigures::of_consumer(&statistics));
        let mut ends = lock(&self.ends);
        for (name, topic) in statistics.topics {
            for (partition, figures) in topic.partitions {
                if figures.ls_offset >= 0 {
                    let is_drained = figures.fetchq_cnt == 0 && figures.next_offset >= figures.ls_offset;
                    ends.insert(
                        (name.clone(), partition),
                        EndOffset { stable: figures.ls_offset, is_drained },
                    );
                }
            }
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        if errors::is_refusal(&error, reason) {
            *lock(&self.refused) = Some(reason.to_owned());
        }
        if errors::is_unmatched_pattern(&error, reason) {
            tracing::debug!(reason, "no conversation topic exists yet");
        } else {
            tracing::warn!(%error, reason, "Kafka client");
        }
    }
}

impl ConsumerContext for Notes {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        event: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        let assigned = event == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        if self.closing.load(Ordering::Acquire) {
            // Each decision has to be answered, or the close waits for the answer.
            let answered = if assigned {
                consumer.incremental_assign(partitions)
            } else {
                consumer.incremental_unassign(partitions)
            };
            if let Err(error) = answered {
                tracing::debug!(%error, assigned, "answering the group while closing");
            }
        } else if assigned {
            self.note(Rebalanced::Assigned(partitions.clone()));
        } else {
            let lost = consumer.assignment_lost();
            self.note(Rebalanced::Revoked { partitions: partitions.clone(), lost });
        }
    }

    fn main_queue_min_poll_interval(&self) -> Timeout {
        Timeout::After(Duration::from_millis(100))
    }
}

/// A message's headers. They are parsed on first use, because even asking whether there are any makes the client parse them.
pub(crate) struct MessageHeaders<'a, 'm>(pub(crate) &'a BorrowedMessage<'m>);

/// Converts a message for the engine.
pub(crate) fn source_record<'m>(
    message: &'m BorrowedMessage<'_>,
    headers: &'m MessageHeaders<'m, 'm>,
) -> SourceRecord<'m> {
    SourceRecord {
        topic: message.topic(),
        partition: message.partition(),
        offset: message.offset(),
        timestamp_ms: message.timestamp().to_millis(),
        key: message.key(),
        value: message.payload(),
        headers,
        conversation: None,
    }
}

impl HeaderSource for MessageHeaders<'_, '_> {
    fn visit(&self, visit: &mut dyn FnMut(&str, Option<&[u8]>)) {
        if let Some(headers) = self.0.headers() {
            for header in headers.iter() {
                visit(header.key, header.value);
            }
        }
    }
}
