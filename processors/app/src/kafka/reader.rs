// SPDX-License-Identifier: Apache-2.0

//! Reads topics without a group, up to their end offsets at the start.

use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use edge::has_passed;
use rdkafka::ClientConfig;
use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::{Offset, TopicPartitionList};

use crate::exit::Failure;
use crate::kafka::{self, Reading};

/// A group id is required by the client; no member joins the group.
pub const GROUP: &str = "cx-timelines-look";
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(200);
/// A cluster that sends nothing for this time, although there are more records, counts as failed.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// The interval at which [`settled`] asks for the end.
const PAUSE: Duration = Duration::from_millis(50);
/// How long the cluster may take to end a timed-out transaction.
const ENDING_TIME_MAX: Duration = Duration::from_secs(30);

/// A partition and its range of records when its end was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The first available offset.
    pub first: i64,
    /// The offset after the last visible record.
    pub end: i64,
}

/// A consumer for reading to an end.
pub struct Reader {
    consumer: Reading,
}

impl Reader {
    /// A reader with `read_committed`.
    ///
    /// # Errors
    /// The client's configuration is invalid.
    pub fn new(client: &ClientConfig) -> Result<Self, Failure> {
        Self::with_isolation(client, "read_committed")
    }

    /// A reader with `read_uncommitted`: it sees every record that any consumer could read.
    ///
    /// # Errors
    /// The client's configuration is invalid.
    pub fn of_everything(client: &ClientConfig) -> Result<Self, Failure> {
        Self::with_isolation(client, "read_uncommitted")
    }

    fn with_isolation(client: &ClientConfig, isolation: &str) -> Result<Self, Failure> {
        let mut client = client.clone();
        // The client requires a group id; no member joins it, and nothing is committed.
        client.set("group.id", GROUP);
        client.set("enable.auto.commit", "false");
        client.set("isolation.level", isolation);
        // If first records have been removed meanwhile, it begins with the first available one.
        client.set("auto.offset.reset", "earliest");
        client.set("enable.partition.eof", "true");
        client.set("queued.max.messages.kbytes", "16384");
        // The end of a partition arrives with an empty fetch response, which must not wait the usual half second.
        client.set("fetch.wait.max.ms", "10");
        Ok(Self { consumer: kafka::consumer(&client)? })
    }

    /// The current range of a partition.
    ///
    /// # Errors
    /// The cluster does not answer.
    pub fn span(&self, topic: &str, partition: i32) -> anyhow::Result<Span> {
        let ends = self.consumer.fetch_watermarks(topic, partition, ANSWER_TIMEOUT);
        let (first, end) =
            ends.with_context(|| format!("the end of {topic}/{partition} cannot be asked for"))?;
        Ok(Span { topic: topic.to_owned(), partition, first, end })
    }

    /// Passes each record of these partitions of *one* topic to `visit`, in partition order.
    ///
    /// # Errors
    /// The cluster stops answering, or `visit` fails.
    pub fn read(
        &self,
        spans: &[Span],
        visit: &mut dyn FnMut(&BorrowedMessage<'_>) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let mut open: Vec<&Span> = spans.iter().filter(|span| span.first < span.end).collect();
        let mut places = TopicPartitionList::new();
        for span in &open {
            places.add_partition_offset(&span.topic, span.partition, Offset::Offset(span.first))?;
        }
        self.consumer.assign(&places)?;
        let mut heard = Instant::now();
        let mut problem = None;
        while !open.is_empty() {
            let next = self.consumer.poll(POLL);
            if let Some(Ok(_) | Err(KafkaError::PartitionEOF(_))) = &next {
                heard = Instant::now();
            }
            match next {
                None => {}
                Some(Ok(message)) => {
                    let Some(span) = open.iter().find(|span| span.partition == message.partition()) else {
                        continue;
                    };
                    let (offset, end) = (message.offset(), span.end);
                    if offset < end {
                        visit(&message)?;
                    }
                    if offset + 1 >= end {
                        open.retain(|span| span.partition != message.partition());
                    }
                }
                // A partition may end with transaction markers, which are never delivered.
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    open.retain(|span| {
                        span.partition != partition
                            || !has_passed(&self.consumer, &span.topic, partition, span.end)
                    });
                }
                Some(Err(error)) => {
                    tracing::debug!(%error, "reading");
                    problem = Some(error);
                }
            }
            if heard.elapsed() > SILENCE_MAX {
                let silent = anyhow!("the cluster stopped sending while {} was read", open_names(&open));
                return Err(match problem {
                    Some(error) => anyhow!(error).context(silent),
                    None => silent,
                });
            }
        }
        self.consumer.unassign()?;
        Ok(())
    }
}

/// The current range of a partition, after every transaction now open has ended: no record can appear before this end any more.
/// `committed` reads what is committed, `everything` all records; a transaction lasts no longer than `transaction_timeout`.
///
/// # Errors
/// A transaction does not end, or the cluster does not answer.
pub fn settled(
    committed: &Reader,
    everything: &Reader,
    topic: &str,
    partition: i32,
    transaction_timeout: Duration,
) -> anyhow::Result<Span> {
    let timeout = transaction_timeout + ENDING_TIME_MAX;
    let deadline = Instant::now() + timeout;
    let end = everything.span(topic, partition)?.end;
    loop {
        let span = committed.span(topic, partition)?;
        if span.end >= end {
            return Ok(Span { end, ..span });
        }
        if Instant::now() >= deadline {
            bail!(
                "a transaction on {topic}/{partition} has been open for {timeout:?}: the producer of this topic has to end it \
                 first; `kafka-transactions.sh find-hanging` tells who"
            );
        }
        std::thread::sleep(PAUSE);
    }
}

fn open_names(open: &[&Span]) -> String {
    open.iter().map(|span| format!("{}/{}", span.topic, span.partition)).collect::<Vec<_>>().join(", ")
}
