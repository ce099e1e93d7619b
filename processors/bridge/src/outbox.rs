// SPDX-License-Identifier: Apache-2.0

//! The way to Kafka: a producer whose reports go to the subscription that the message came from.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use edge::{clients, token};
use rdkafka::ClientConfig;
use rdkafka::ClientContext;
use rdkafka::client::OAuthToken;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, NoCustomPartitioner, Producer, ProducerContext};
use tokio::sync::mpsc;

use crate::failure::Failure;
use crate::verdict::Answer;

/// How long the thread that serves the producer waits for events.
const POLL: Duration = Duration::from_millis(100);

/// Converts a value to the format of its topic; `None`: it is sent unchanged.
pub trait Encode: Send + Sync {
    /// The value as its topic wants it.
    fn encode(&self, topic: &str, json: &[u8]) -> Option<Vec<u8>>;
}

/// A record's report.
#[derive(Debug)]
pub(crate) struct Report {
    /// The number of its message.
    pub(crate) number: u64,
    /// Kafka's answer.
    pub(crate) answer: Answer,
}

/// Where the report of a record goes. The channel has room for every message of its window.
#[derive(Debug)]
pub struct Ticket {
    number: u64,
    reports: mpsc::Sender<Report>,
}

/// Passes delivery reports on.
#[derive(Debug, Default)]
pub struct Reports;

impl ClientContext for Reports {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn generate_oauth_token(&self, file: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        token::of_file(file)
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::warn!(%error, reason, "Kafka client");
    }
}

impl ProducerContext<NoCustomPartitioner> for Reports {
    type DeliveryOpaque = Box<Ticket>;

    fn delivery(&self, result: &DeliveryResult<'_>, ticket: Box<Ticket>) {
        let answer = match result {
            Ok(message) => Answer::Written(message.offset()),
            Err((error, _)) => {
                Answer::Failed(error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown))
            }
        };
        // A closed channel: the connection ended, so the broker sends the message again.
        let _ = ticket.reports.try_send(Report { number: ticket.number, answer });
    }
}

/// A record to be sent.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) topic: String,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) partition: Option<i32>,
    pub(crate) value: Vec<u8>,
    pub(crate) headers: OwnedHeaders,
}

/// Headers of a record.
pub(crate) fn headers(given: &[(&'static str, &str)]) -> OwnedHeaders {
    let none = OwnedHeaders::new_with_capacity(given.len());
    given.iter().fold(none, |headers, (key, value)| headers.insert(Header { key, value: Some(*value) }))
}

/// What the client did with a record.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Handed {
    /// It has it.
    Over,
    /// Its queue is full.
    Full,
    /// It refuses it.
    Refused(RDKafkaErrorCode),
}

/// A producer with the thread that serves it. When dropped, what is in its queue is discarded: its messages are not settled.
pub struct Outbox {
    producer: Arc<BaseProducer<Reports>>,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").finish_non_exhaustive()
    }
}

impl Outbox {
    /// Creates the producer: idempotent, so that all in-sync replicas confirm each record.
    ///
    /// # Errors
    /// The client's configuration is invalid, or there is no thread.
    pub fn open(client: &ClientConfig) -> Result<Self, KafkaError> {
        let mut client = client.clone();
        client.set("enable.idempotence", "true").set("acks", "all");
        if client.get("linger.ms").is_none() {
            client.set("linger.ms", "5");
        }
        client.set("queue.buffering.max.kbytes", "65536");
        // The topic's limit decides, and its refusal names the record.
        client.set("message.max.bytes", "104857600");
        let producer = Arc::new(clients::producer(&client, Reports)?);
        let is_over = Arc::new(AtomicBool::new(false));
        let (served, ends) = (Arc::clone(&producer), Arc::clone(&is_over));
        let serve = move || {
            while !ends.load(Ordering::Acquire) {
                served.poll(POLL);
            }
        };
        let thread = std::thread::Builder::new().name("kafka".to_owned()).spawn(serve);
        let thread = thread.map_err(|error| KafkaError::ClientCreation(error.to_string()))?;
        Ok(Self { producer, is_over, thread: Some(thread) })
    }

    /// Hands a record to the client.
    pub(crate) fn send(&self, outgoing: &Outgoing, number: u64, reports: &mpsc::Sender<Report>) -> Handed {
        let ticket = Box::new(Ticket { number, reports: reports.clone() });
        let mut record: BaseRecord<'_, [u8], [u8], Box<Ticket>> =
            BaseRecord::with_opaque_to(&outgoing.topic, ticket);
        record.key = outgoing.key.as_deref();
        record.payload = Some(&outgoing.value);
        record.partition = outgoing.partition;
        record.headers = Some(outgoing.headers.clone());
        match self.producer.send(record) {
            Ok(()) => Handed::Over,
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => Handed::Full,
            Err((error, _)) => {
                Handed::Refused(error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown))
            }
        }
    }

    /// The error after which this producer takes nothing any more, if it had one.
    pub(crate) fn fatal(&self) -> Option<Failure> {
        let (code, why) = self.producer.client().fatal_error()?;
        Some(Failure::Kafka { why: format!("{code}: {why}") })
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the Kafka client's thread had panicked");
        }
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::mocking::MockCluster;
    use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

    use super::*;
    use crate::verdict::{Verdict, verdict};

    fn outgoing(value: &str) -> Outgoing {
        Outgoing {
            topic: "cx.events".to_owned(),
            key: None,
            partition: Some(0),
            value: value.as_bytes().to_vec(),
            headers: headers(&[("cx.jms.type", "X")]),
        }
    }

    #[test]
    fn a_record_whose_delivery_is_only_inferred_is_not_accepted() {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("cx.events", 1, 1).unwrap();
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", cluster.bootstrap_servers());
        client.set("batch.num.messages", "1").set("linger.ms", "0");
        let outbox = Outbox::open(&client).unwrap();
        // Two requests in flight, of which the broker refuses the first.
        cluster.broker_round_trip_time(1, Duration::from_millis(500)).unwrap();
        cluster.request_errors(
            RDKafkaApiKey::Produce,
            &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION],
        );
        let (sender, mut reports) = mpsc::channel(4);
        assert_eq!(outbox.send(&outgoing("first"), 1, &sender), Handed::Over);
        assert_eq!(outbox.send(&outgoing("second"), 2, &sender), Handed::Over);
        let mut verdicts = std::collections::BTreeMap::new();
        while verdicts.len() < 2 {
            let report = reports.blocking_recv().unwrap();
            verdicts.insert(report.number, verdict(report.answer));
        }
        assert_eq!(verdicts[&1], Verdict::SendAgain(None));
        assert_eq!(verdicts[&2], Verdict::Accept);
        assert!(outbox.fatal().is_none());
    }

    #[test]
    fn a_record_that_the_client_itself_refuses_is_a_refusal() {
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", "127.0.0.1:1");
        let outbox = Outbox::open(&client).unwrap();
        let (sender, _reports) = mpsc::channel(1);
        let huge = Outgoing { value: vec![b'x'; 105 << 20], ..outgoing("") };
        let refused = Handed::Refused(RDKafkaErrorCode::MessageSizeTooLarge);
        assert_eq!(outbox.send(&huge, 1, &sender), refused);
    }
}
