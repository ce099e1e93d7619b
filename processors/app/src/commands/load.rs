// SPDX-License-Identifier: Apache-2.0

//! `load`: produces a file of events or agents' states to the input topics, each to the partition of its conversation or agent.

use std::collections::HashMap;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use bridge::route::{Holds, key_of};
use edge::{FailedDeliveries, NumberedDeliveries, Stop, Unconfirmed};
use indicatif::{ProgressBar, ProgressStyle};
use rdkafka::Message;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::metadata::Metadata;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use crate::cli::{Global, LoadArgs};
use crate::config::Config;
use crate::exit::Failure;
use crate::formats::inputs::Writer;
use crate::records::{self, InputLine};
use crate::topics;
use crate::{kafka, signals};

const LOOK_EVERY: u64 = 64;
const FLUSH_TIMEOUT: Duration = Duration::from_secs(60);

/// Loads a file.
pub fn run(global: &Global, args: &LoadArgs, config: &Config) -> Result<(), Failure> {
    let mut lines = records::open(&args.file).map_err(Failure::usage)?;
    let stop = Stop::default();
    signals::listen(stop.clone())?;
    let client = kafka::client(global)?;
    let metadata = topics::reach(&client, global)?;
    let bar = progress_bar(args);
    let mut loader = Loader::new(&client, config, &metadata, stop.clone())?;
    let begun = Instant::now();
    while let Some(line) = lines.next() {
        loader.send(&line?)?;
        if let Some(rate) = args.rate {
            pace(begun, loader.sent, rate);
        }
        if loader.sent.is_multiple_of(LOOK_EVERY) || args.rate.is_some() {
            bar.set_position(lines.bytes());
            bar.set_message(format!("{} events", loader.sent));
            if stop.is_requested() {
                break;
            }
        }
    }
    let (sent, undecodable) = (loader.sent, loader.undecodable);
    loader.finish()?;
    bar.finish_and_clear();
    let seconds = begun.elapsed().as_secs_f64().max(0.001);
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let rate = sent as f64 / seconds;
    let stopped = if stop.is_requested() { ", stopped early" } else { "" };
    tracing::info!(
        "loaded {sent} events ({undecodable} undecodable) in {seconds:.1} s, {rate:.0}/s{stopped}"
    );
    Ok(())
}

fn pace(begun: Instant, sent: u64, rate: u32) {
    let due = begun + Duration::from_secs(1).mul_f64(f64_of(sent) / f64::from(rate));
    std::thread::sleep(due.saturating_duration_since(Instant::now()));
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
fn f64_of(number: u64) -> f64 {
    number as f64
}

fn progress_bar(args: &LoadArgs) -> ProgressBar {
    let length = std::fs::metadata(&args.file).map_or(0, |metadata| metadata.len());
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {msg} {elapsed} (eta {eta})");
    let bar = ProgressBar::new(length);
    style.map_or_else(|_| ProgressBar::hidden(), |style| bar.with_style(style))
}

/// The target partition and key of a record.
#[derive(Debug, PartialEq, Eq)]
struct Target {
    key: Option<Vec<u8>>,
    /// `None`: any partition.
    partition: Option<i32>,
}

/// The key that `bridge` gives as well, and its partition; what the line has of its own counts.
fn place(line: &InputLine, holds: Holds<'_>, partitions: i32, limits: &model::Limits) -> Option<Target> {
    let value = line.value.as_deref().unwrap_or_default();
    let home = key_of(value, holds, line.timestamp_ms, limits)?;
    let partition = line.partition.unwrap_or_else(|| engine::partition_of(&home, partitions));
    Some(Target { key: Some(line.key.clone().unwrap_or(home)), partition: Some(partition) })
}

/// Produces events idempotently from a bounded queue. Also used by the demo.
pub struct Loader<'c> {
    producer: BaseProducer<NumberedDeliveries>,
    config: &'c Config,
    writer: Writer<'c>,
    partitions: HashMap<String, i32>,
    input: String,
    stop: Stop,
    /// Events sent.
    pub sent: u64,
    undecodable: u64,
}

impl<'c> Loader<'c> {
    /// A loader for the input topics of this cluster.
    ///
    /// # Errors
    /// The client's configuration is invalid.
    pub fn new(
        client: &rdkafka::ClientConfig,
        config: &'c Config,
        metadata: &Metadata,
        stop: Stop,
    ) -> Result<Self, Failure> {
        let mut client = client.clone();
        client.set("enable.idempotence", "true");
        // Measurements of latency set their own linger time.
        if client.get("linger.ms").is_none() {
            client.set("linger.ms", "5");
        }
        client.set("queue.buffering.max.kbytes", "65536");
        client.set("message.max.bytes", "33554432");
        let producer = kafka::numbering_producer(&client)?;
        let known = metadata.topics().iter().map(rdkafka::metadata::MetadataTopic::name);
        let partitions =
            known.filter_map(|name| Some((name.to_owned(), kafka::partitions(metadata, name)?))).collect();
        let input = config.exact_inputs().first().copied().unwrap_or_default().to_owned();
        let writer = Writer::open(config)?;
        Ok(Self { producer, config, writer, partitions, input, stop, sent: 0, undecodable: 0 })
    }

    /// Sends one record.
    ///
    /// # Errors
    /// Its topic does not exist, the schema registry does not return the schema, or the client fails.
    pub fn send(&mut self, line: &InputLine) -> Result<(), Failure> {
        let topic = line.topic.as_deref().unwrap_or(&self.input);
        if !self.config.is_input(topic) {
            let problem = anyhow!(
                "line {}: topic {topic} is not an input topic: write one of {}",
                line.number,
                self.config.exact_inputs().join(", ")
            );
            return Err(Failure::usage(problem));
        }
        let partitions = *self.partitions.get(topic).with_context(|| {
            format!("line {}: {}", line.number, topics::no_such_topic(self.config, topic))
        })?;
        let holds = if self.config.agent_states().contains(&topic) {
            Holds::AgentStates
        } else {
            Holds::Events(self.config.conversation_of(topic))
        };
        let place = place(line, holds, partitions, &self.config.limits).unwrap_or_else(|| {
            self.undecodable += u64::from(line.value.is_some());
            Target { key: line.key.clone(), partition: line.partition }
        });
        let avro = line.value.as_deref().map(|json| self.writer.value(topic, json)).transpose()?.flatten();
        let number = usize::try_from(line.number).unwrap_or(usize::MAX);
        let mut record: BaseRecord<'_, [u8], [u8], usize> = BaseRecord::with_opaque_to(topic, number);
        record.key = place.key.as_deref();
        record.payload = avro.as_deref().or(line.value.as_deref());
        record.partition = place.partition;
        record.timestamp = line.timestamp_ms;
        if !self.enqueue(record, &|| self.stop.is_requested())? {
            return Ok(());
        }
        self.sent += 1;
        if self.sent.is_multiple_of(LOOK_EVERY) {
            self.producer.poll(Duration::ZERO);
            self.send_unconfirmed()?;
        }
        Ok(())
    }

    /// Gives a record to the client. Returns `false` if its queue is full until `is_over`.
    fn enqueue(
        &self,
        mut record: BaseRecord<'_, [u8], [u8], usize>,
        is_over: &dyn Fn() -> bool,
    ) -> Result<bool, Failure> {
        let number = record.delivery_opaque;
        while let Err((error, back)) = self.producer.send(record) {
            if !matches!(error, KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull)) {
                return Err(anyhow!(error).context(format!("line {number}: cannot be sent")).into());
            }
            if is_over() {
                return Ok(false);
            }
            self.producer.poll(Duration::from_millis(10));
            record = back;
        }
        Ok(true)
    }

    /// Sends records again whose delivery is uncertain. One that was delivered is then there twice, which changes no output.
    fn send_unconfirmed(&self) -> Result<(), Failure> {
        let deadline = Instant::now() + FLUSH_TIMEOUT;
        let is_over = || self.stop.is_overdue() || Instant::now() >= deadline;
        for Unconfirmed { number, record } in self.producer.context().take_unconfirmed() {
            let mut again = BaseRecord::with_opaque_to(record.topic(), number).partition(record.partition());
            again.key = record.key();
            again.payload = record.payload();
            again.timestamp = record.timestamp().to_millis();
            if !self.enqueue(again, &is_over)? {
                return Err(anyhow!(not_confirmed(number)).into());
            }
        }
        Ok(())
    }

    /// Waits until every record is acknowledged.
    ///
    /// # Errors
    /// Some records were not acknowledged: the message has the number and the first error.
    pub fn finish(self) -> Result<(), Failure> {
        let deadline = Instant::now() + FLUSH_TIMEOUT;
        loop {
            self.send_unconfirmed()?;
            let waiting = self.producer.in_flight_count();
            if waiting == 0 {
                break;
            }
            if self.stop.is_overdue() || Instant::now() >= deadline {
                return Err(anyhow!("{waiting} events were not acknowledged: {}", kafka::AWAY).into());
            }
            self.producer.poll(Duration::from_millis(10));
        }
        match self.producer.context().take_failed() {
            None => Ok(()),
            Some((line, failed)) => Err(anyhow!(not_taken(line, &failed)).into()),
        }
    }
}

/// The message about records that the broker refused.
fn not_taken(line: usize, FailedDeliveries { count, topic, code }: &FailedDeliveries) -> String {
    format!("{count} events were not taken; the first: {}topic {topic}: {code}", place_of(line))
}

/// The message about a record that could not be sent again.
fn not_confirmed(line: usize) -> String {
    format!("{}the broker did not confirm the event; load the file again", place_of(line))
}

/// Generated records have no line number.
fn place_of(line: usize) -> String {
    if line == 0 { String::new() } else { format!("line {line}, ") }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rdkafka::config::ClientConfig;
    use rdkafka::consumer::{BaseConsumer, Consumer};
    use rdkafka::mocking::MockCluster;
    use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
    use rdkafka::{Offset, TopicPartitionList};

    use super::*;

    #[test]
    fn what_was_not_taken_is_said_with_the_first_ones_line() {
        let code = RDKafkaErrorCode::InvalidTimestamp;
        let failed = FailedDeliveries { count: 2, topic: "cx.events".to_owned(), code };
        let said = not_taken(3, &failed);
        assert!(said.starts_with("2 events were not taken; the first: line 3, topic cx.events: "), "{said}");
        assert!(
            not_taken(0, &failed).contains("the first: topic cx.events"),
            "generated events have no line"
        );
    }

    #[test]
    fn an_event_whose_delivery_is_only_inferred_is_sent_again() {
        const TIMEOUT: Duration = Duration::from_secs(30);
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("cx.events", 1, 1).unwrap();
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", cluster.bootstrap_servers());
        let consumer: BaseConsumer = client.clone().set("group.id", "reader").create().unwrap();
        let metadata = consumer.fetch_metadata(Some("cx.events"), TIMEOUT).unwrap();
        let config = Config::load(None, "g", None).unwrap();
        // Two requests in flight, of which the broker refuses the first.
        client.set("batch.num.messages", "1").set("linger.ms", "0");
        let mut loader = Loader::new(&client, &config, &metadata, Stop::default()).unwrap();
        cluster.broker_round_trip_time(1, Duration::from_millis(500)).unwrap();
        cluster.request_errors(
            RDKafkaApiKey::Produce,
            &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION],
        );
        let values = ["first", "second"].map(|id| {
            format!(r#"{{"id":"{id}","name":"X","timestamp":1750000000000,"conversationId":"c"}}"#)
        });
        for value in &values {
            let line = InputLine { value: Some(value.as_bytes().to_vec()), ..InputLine::default() };
            loader.send(&line).unwrap();
        }
        loader.finish().unwrap();
        let mut list = TopicPartitionList::new();
        list.add_partition_offset("cx.events", 0, Offset::Beginning).unwrap();
        consumer.assign(&list).unwrap();
        let mut there = BTreeSet::new();
        while there.len() < values.len() {
            let record = consumer.poll(TIMEOUT).expect("both events are in the topic").unwrap();
            there.insert(String::from_utf8(record.payload().unwrap().to_vec()).unwrap());
        }
        assert_eq!(there, BTreeSet::from(values));
    }

    fn placed(value: &str) -> Option<Target> {
        let line = InputLine { value: Some(value.as_bytes().to_vec()), ..InputLine::default() };
        place(&line, Holds::Events(None), 8, &model::Limits::default())
    }

    #[test]
    fn an_event_goes_by_its_conversation_else_its_session_else_its_activity() {
        let by = |fields: &str| {
            placed(&format!(r#"{{"id":"e","name":"AGENT_MESSAGE","timestamp":1750000000000,{fields}}}"#))
        };
        let key = |place: Option<Target>| String::from_utf8(place.unwrap().key.unwrap()).unwrap();
        assert_eq!(key(by(r#""conversationId":"c","data":{"header":{"channelSessionId":"s"}}"#)), "c");
        assert_eq!(key(by(r#""data":{"header":{"channelSessionId":"s"}}"#)), "s");
        assert_eq!(key(by(r#""data":{"id":"note","body":{"type":"NOTE"}}"#)), "note");
    }

    #[test]
    fn the_partition_is_that_of_javas_murmur2() {
        let place =
            placed(r#"{"id":"e","name":"X","timestamp":1750000000000,"conversationId":"21"}"#).unwrap();
        assert_eq!(place.partition, Some((-973_932_308 & 0x7fff_ffff) % 8));
    }

    #[test]
    fn a_record_keeps_its_own_key_and_partition() {
        let value = br#"{"id":"e","name":"X","timestamp":1750000000000,"conversationId":"c"}"#.to_vec();
        let line = InputLine {
            value: Some(value),
            key: Some(b"k".to_vec()),
            partition: Some(5),
            ..InputLine::default()
        };
        let placed = place(&line, Holds::Events(None), 8, &model::Limits::default()).unwrap();
        assert_eq!(placed, Target { key: Some(b"k".to_vec()), partition: Some(5) });
    }

    #[test]
    fn an_agents_state_goes_by_the_agent() {
        let value = br#"{"data":{"agentPresence":{"agent":{"id":"21"},"stateChangeTime":1750000000000}}}"#;
        let line = InputLine { value: Some(value.to_vec()), ..InputLine::default() };
        let placed = place(&line, Holds::AgentStates, 8, &model::Limits::default()).unwrap();
        let partition = Some(engine::partition_of(b"21", 8));
        assert_eq!(placed, Target { key: Some(b"21".to_vec()), partition });
    }

    #[test]
    fn what_cannot_be_read_has_no_place_of_its_own() {
        assert_eq!(placed("not json"), None);
    }
}
