//! Reading topics to the end that they had when the reading began, without a group.

use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use edge::has_passed;
use rdkafka::ClientConfig;
use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::{Offset, TopicPartitionList};

use crate::exit::Failure;
use crate::kafka::{self, Reading};

/// The client demands a group, which nothing joins.
pub const GROUP: &str = "cx-timelines-look";
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(200);
/// A cluster that sends nothing for so long, although there is more, does not answer any more.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// A partition, and what of it was there when its end was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// Where to begin: its first record's offset, not 0 where older records are gone.
    pub first: i64,
    /// The offset after the last record that the reader sees.
    pub end: i64,
}

/// A consumer for reading to an end.
pub struct Reader {
    consumer: Reading,
}

impl Reader {
    /// A reader of this cluster that sees what is committed.
    ///
    /// # Errors
    /// The client refuses its settings.
    pub fn new(client: &ClientConfig) -> Result<Self, Failure> {
        Self::with_isolation(client, "read_committed")
    }

    /// A reader that sees also what is not committed, and what never was: all that anybody could read.
    ///
    /// # Errors
    /// The client refuses its settings.
    pub fn of_everything(client: &ClientConfig) -> Result<Self, Failure> {
        Self::with_isolation(client, "read_uncommitted")
    }

    fn with_isolation(client: &ClientConfig, isolation: &str) -> Result<Self, Failure> {
        let mut client = client.clone();
        // The client demands a group; nothing joins it, and nothing is committed.
        client.set("group.id", GROUP);
        client.set("enable.auto.commit", "false");
        client.set("isolation.level", isolation);
        // Where the first records have gone since, it begins with those that are there.
        client.set("auto.offset.reset", "earliest");
        client.set("enable.partition.eof", "true");
        client.set("queued.max.messages.kbytes", "16384");
        // A partition's end is told when a fetch comes back empty: not after the usual half second.
        client.set("fetch.wait.max.ms", "10");
        Ok(Self { consumer: kafka::consumer(&client)? })
    }

    /// What there is of a partition by now.
    ///
    /// # Errors
    /// The cluster does not answer.
    pub fn span(&self, topic: &str, partition: i32) -> anyhow::Result<Span> {
        let ends = self.consumer.fetch_watermarks(topic, partition, ANSWER_TIMEOUT);
        let (first, end) =
            ends.with_context(|| format!("the end of {topic}/{partition} cannot be asked for"))?;
        Ok(Span { topic: topic.to_owned(), partition, first, end })
    }

    /// Lets `visit` see each record of these partitions of *one* topic, those of a partition in their order.
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
                // A partition may end with the markers of transactions, which never come.
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

fn open_names(open: &[&Span]) -> String {
    open.iter().map(|span| format!("{}/{}", span.topic, span.partition)).collect::<Vec<_>>().join(", ")
}
