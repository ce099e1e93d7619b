//! `tail`: activities and dead letters as they come, for people (or as JSON lines).

mod render;

use std::io::Write;
use std::time::Duration;

use anyhow::{Context, anyhow};
use edge::Stop;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::metadata::Metadata;
use rdkafka::{Offset, TopicPartitionList};
use serde_json::json;

use super::topics;
use crate::cli::{Global, TailArgs};
use crate::config::{Config, Role};
use crate::exit::Failure;
use crate::{kafka, signals};

const POLL: Duration = Duration::from_millis(200);

/// Prints until a signal, or the limit.
pub fn run(global: &Global, args: &TailArgs, config: &Config) -> Result<(), Failure> {
    let stop = Stop::default();
    signals::listen(stop.clone())?;
    let client = kafka::client(global)?;
    let Some(metadata) = kafka::wait_for_cluster(&client, &global.bootstrap, &|| stop.is_requested())? else {
        return Ok(());
    };
    let published = config.published();
    let wanted: Vec<&str> =
        if args.topics.is_empty() { published } else { args.topics.iter().map(String::as_str).collect() };
    let mut tail = Tail::new(&client, &metadata, &wanted, args.from_beginning, config)?;
    tail.json = args.json;
    let mut left = args.limit.unwrap_or(u64::MAX);
    while left > 0 && !stop.is_requested() {
        left -= tail.print_some(left)?;
    }
    Ok(())
}

/// A consumer without a group that prints what is committed.
pub struct Tail {
    consumer: BaseConsumer,
    dead_letters: String,
    json: bool,
}

impl Tail {
    /// A tail of these topics.
    ///
    /// # Errors
    /// A topic does not exist, or the client refuses its settings.
    pub fn new(
        client: &ClientConfig,
        metadata: &Metadata,
        wanted: &[&str],
        from_beginning: bool,
        config: &Config,
    ) -> Result<Self, Failure> {
        let mut client = client.clone();
        client.set("group.id", "cx-timelines-tail");
        client.set("enable.auto.commit", "false");
        client.set("isolation.level", "read_committed");
        client.set("queued.max.messages.kbytes", "16384");
        let consumer: BaseConsumer = client
            .create()
            .map_err(|error| Failure::usage(anyhow!(error).context("a --kafka property is refused")))?;
        let from = if from_beginning { Offset::Beginning } else { Offset::End };
        let mut places = TopicPartitionList::new();
        for topic in wanted {
            let partitions = topics::partitions(metadata, topic)
                .with_context(|| format!("topic {topic} does not exist; run `cx-timelines topics apply`"))
                .map_err(Failure::usage)?;
            for partition in 0..partitions {
                places.add_partition_offset(topic, partition, from)?;
            }
        }
        consumer.assign(&places)?;
        Ok(Self { consumer, dead_letters: config.name_of(Role::DeadLetters).to_owned(), json: false })
    }

    /// Prints what is there, at most so many records; waits a little where there is nothing.
    ///
    /// # Errors
    /// Standard output is gone, or the cluster denies the rights.
    pub fn print_some(&mut self, most: u64) -> anyhow::Result<u64> {
        let mut printed = 0;
        let mut wait = POLL;
        while printed < most {
            match self.consumer.poll(wait) {
                None => break,
                Some(Ok(message)) => {
                    let text = if self.json { json_line(&message) } else { self.lines(&message) };
                    let mut out = anstream::stdout().lock();
                    out.write_all(text.as_bytes())?;
                    printed += 1;
                    wait = Duration::ZERO;
                }
                Some(Err(error)) => {
                    tracing::warn!(%error, "reading");
                    break;
                }
            }
        }
        anstream::stdout().lock().flush()?;
        Ok(printed)
    }

    fn lines(&self, message: &BorrowedMessage<'_>) -> String {
        let key = text(message.key().unwrap_or_default());
        if message.topic() == self.dead_letters {
            let header = |name: &str| header(message, name).unwrap_or_default();
            let place = format!(
                "{}/{}@{}",
                header("cx.error.topic"),
                header("cx.error.partition"),
                header("cx.error.offset")
            );
            let at = header("cx.error.at").parse().unwrap_or_default();
            return render::dead_letter(at, &header("cx.error.reason"), &header("cx.error.detail"), &place);
        }
        match message.payload().map(serde_json::from_slice) {
            None => render::tombstone(message.topic(), &key),
            Some(Ok(value)) => render::activity(&value),
            Some(Err(_)) => {
                render::other(message.topic(), &key, &text(message.payload().unwrap_or_default()))
            }
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn header(message: &BorrowedMessage<'_>, name: &str) -> Option<String> {
    // A dead letter of a dead letter has the header twice: the last is ours.
    let found = message.headers()?.iter().filter(|header| header.key == name).last()?;
    Some(text(found.value?))
}

fn json_line(message: &BorrowedMessage<'_>) -> String {
    let payload = message.payload();
    let value = payload.map(|bytes| {
        serde_json::from_slice::<serde_json::Value>(bytes).unwrap_or_else(|_| json!(text(bytes)))
    });
    let mut line = json!({"topic": message.topic(), "key": message.key().map(text), "value": value});
    if let (Some(headers), Some(fields)) = (message.headers(), line.as_object_mut()) {
        let all: serde_json::Map<String, serde_json::Value> =
            headers.iter().map(|header| (header.key.to_owned(), json!(header.value.map(text)))).collect();
        fields.insert("headers".to_owned(), all.into());
    }
    format!("{line}\n")
}
