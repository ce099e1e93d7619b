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

use super::lines::{self, text};
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
                .with_context(|| topics::no_such_topic(config, topic))
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
                    let mut out = anstream::stdout().lock();
                    if self.json {
                        self.write_json(&mut out, &message)?;
                    } else {
                        out.write_all(self.lines(&message).as_bytes())?;
                    }
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

    fn write_json(&self, out: &mut dyn Write, message: &BorrowedMessage<'_>) -> std::io::Result<()> {
        let (topic, key, value) = (message.topic(), message.key(), message.payload());
        if topic == self.dead_letters {
            let headers = message.headers().into_iter().flat_map(Headers::iter);
            let headers = headers.map(|header| (header.key.to_owned(), header.value.map(text))).collect();
            return lines::write_letter(out, topic, key, value, &headers);
        }
        lines::write_record(out, topic, key, value)
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

fn header(message: &BorrowedMessage<'_>, name: &str) -> Option<String> {
    // A dead letter of a dead letter has the header twice: the last is ours.
    let found = message.headers()?.iter().filter(|header| header.key == name).last()?;
    Some(text(found.value?))
}
