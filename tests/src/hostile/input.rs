// SPDX-License-Identifier: Apache-2.0

//! Sends the records, and remembers what must become of each.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use rdkafka::config::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};
use rdkafka::{ClientContext, Message as _};
use serde_json::json;

use super::PARTITIONS;
use super::hash::{self, Hash};
use super::outputs::Wanted;
use super::record::{Batch, Claim, Fate, INPUT, Placement, REQUESTS, Record};
use crate::create_topic;

/// How long the last acknowledgements may take.
const LAST_ACKS: Duration = Duration::from_secs(120);
/// A file for `fold` has about so many bytes.
const FILE_BYTES: usize = 256 << 20;
/// Partitions of a topic of one conversation.
const OWN_PARTITIONS: i32 = 3;
/// A record of more bytes goes in a batch of its own.
const LARGE_BYTES: usize = 8 << 20;
const FLUSH_TIMEOUT: Duration = Duration::from_secs(120);

/// A record that was sent.
pub(super) struct SentRecord {
    pub(super) what: &'static str,
    pub(super) topic: String,
    pub(super) fate: Fate,
    pub(super) key: Option<Hash>,
    pub(super) value: Option<Hash>,
    pub(super) value_bytes: usize,
    pub(super) headers: usize,
    pub(super) timestamp_ms: i64,
    /// Partition and offset, once they are known.
    pub(super) place: Option<(i32, i64)>,
}

/// What the cluster has taken, and what not.
#[derive(Default)]
struct Answers {
    taken: Vec<(usize, i32, i64)>,
    refused: Vec<String>,
}

#[derive(Default)]
struct Listener(Mutex<Answers>);

impl ClientContext for Listener {}

impl ProducerContext for Listener {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, number: usize) {
        let mut answers = self.0.lock().unwrap();
        match result {
            Ok(message) => answers.taken.push((number, message.partition(), message.offset())),
            Err((error, message)) => {
                answers.refused.push(format!("{} bytes: {error}", message.payload_len()));
            }
        }
    }
}

/// Sends, and remembers.
pub(super) struct Input {
    producer: BaseProducer<Listener>,
    bootstrap: String,
    wanted: Wanted,
    rng: ChaCha8Rng,
    folder: PathBuf,
    own_topics: HashSet<String>,
    file: BufWriter<File>,
    file_bytes: usize,
    /// What `fold` is given.
    pub(super) files: Vec<PathBuf>,
    /// All that was sent.
    pub(super) sent: Vec<SentRecord>,
    /// All that is claimed.
    pub(super) claims: Vec<(&'static str, Claim)>,
    /// Conversations that are forgotten in the end.
    pub(super) conversations: Vec<String>,
    /// What the ids of batches begin with of which `fold` says nothing.
    pub(super) beyond_fold: Vec<String>,
    /// Bytes of all that was sent.
    pub(super) bytes: usize,
    /// Bytes of records that are compressed to next to nothing, as many as may be fetched together.
    pub(super) unpacked: usize,
}

impl Input {
    pub(super) fn new(bootstrap: &str, folder: &Path, wanted: Wanted, rng: ChaCha8Rng) -> Self {
        let producer = ClientConfig::new()
            .set("bootstrap.servers", bootstrap)
            .set("enable.idempotence", "true")
            // The brokers' limit is for what is compressed; what is in it may be larger by far.
            .set("compression.type", "lz4")
            .set("message.max.bytes", "100000000")
            .set("queue.buffering.max.kbytes", "262144")
            .set("linger.ms", "5")
            .set("message.timeout.ms", "300000")
            .create_with_context(Listener::default())
            .unwrap();
        let first = folder.join("fold-0.ndjson");
        Self {
            producer,
            bootstrap: bootstrap.to_owned(),
            wanted,
            rng,
            own_topics: HashSet::new(),
            file: file_for_fold(&first),
            file_bytes: 0,
            files: vec![first],
            folder: folder.to_owned(),
            sent: Vec::new(),
            claims: Vec::new(),
            conversations: Vec::new(),
            beyond_fold: Vec::new(),
            bytes: 0,
            unpacked: 0,
        }
    }

    /// How many records of the topic of all events were sent.
    pub(super) fn of_input(&self) -> i64 {
        self.sent.iter().filter(|sent| sent.topic == INPUT).count().try_into().unwrap()
    }

    /// The topics of one conversation each.
    pub(super) fn own_topics(&self) -> impl Iterator<Item = &String> {
        self.own_topics.iter()
    }

    /// Sends a batch. Gives the bytes of those of its records that are compressed to next to nothing.
    pub(super) fn send(&mut self, prefix: &str, batch: Batch) -> usize {
        let Batch { what, records, claims, is_beyond_fold, conversations } = batch;
        if is_beyond_fold {
            self.beyond_fold.push(prefix.to_owned());
        }
        self.conversations.extend(conversations);
        self.wanted.add(&claims);
        self.claims.extend(claims.into_iter().map(|claim| (what, claim)));
        let unpacked = records.iter().map(Record::bytes).filter(|bytes| *bytes > LARGE_BYTES).sum();
        self.unpacked = self.unpacked.max(unpacked);
        for record in records {
            self.produce(&record, self.sent.len());
            if !is_beyond_fold && is_for_fold(record.fate) && record.topic != REQUESTS {
                self.write_for_fold(&record);
            }
            self.bytes += record.bytes();
            self.sent.push(SentRecord {
                what,
                fate: record.fate,
                key: record.key.as_deref().map(hash::of),
                value: record.value.as_deref().map(hash::of),
                value_bytes: record.value.as_ref().map_or(0, Vec::len),
                headers: record.headers.len(),
                timestamp_ms: record.timestamp_ms,
                place: None,
                topic: record.topic,
            });
        }
        unpacked
    }

    fn produce(&mut self, record: &Record, number: usize) {
        let partition = self.partition(record);
        let is_large = record.bytes() > LARGE_BYTES;
        if is_large {
            // In a batch of its own: the client unpacks batches whole.
            self.producer.flush(FLUSH_TIMEOUT).unwrap();
        }
        let mut headers = OwnedHeaders::new();
        for (key, value) in &record.headers {
            headers = headers.insert(Header { key, value: Some(value) });
        }
        let mut message: BaseRecord<'_, [u8], [u8], usize> =
            BaseRecord::with_opaque_to(&record.topic, number)
                .partition(partition)
                .timestamp(record.timestamp_ms)
                .headers(headers);
        message.key = record.key.as_deref();
        message.payload = record.value.as_deref();
        while let Err((error, back)) = self.producer.send(message) {
            let is_full = matches!(error, KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull));
            assert!(is_full, "a record cannot be sent: {error}");
            self.producer.poll(Duration::from_millis(10));
            message = back;
        }
        self.producer.poll(Duration::ZERO);
        if is_large {
            self.producer.flush(FLUSH_TIMEOUT).unwrap();
        }
    }

    fn partition(&mut self, record: &Record) -> i32 {
        let partitions = match record.topic.as_str() {
            INPUT => PARTITIONS,
            REQUESTS => 1,
            own => {
                if self.own_topics.insert(own.to_owned()) {
                    let settings = [("max.message.bytes", "2097152")];
                    create_topic(&self.bootstrap, own, OWN_PARTITIONS, &settings);
                }
                OWN_PARTITIONS
            }
        };
        match &record.place {
            Placement::Of(home) => engine::partition_of(home.as_bytes(), partitions),
            Placement::NotOf(home) => {
                let right = engine::partition_of(home.as_bytes(), partitions);
                (right + self.rng.random_range(1..partitions.max(2))) % partitions
            }
        }
    }

    fn write_for_fold(&mut self, record: &Record) {
        let value = record.value.as_deref().map(|value| std::str::from_utf8(value).unwrap());
        let line =
            json!({"topic": record.topic, "key": null, "value": value, "timestamp": record.timestamp_ms})
                .to_string();
        self.file_bytes += line.len();
        writeln!(self.file, "{line}").unwrap();
    }

    /// Between batches: a file that is long enough is not gone on with. What belongs together stays together.
    pub(super) fn turn_over(&mut self) {
        if self.file_bytes < FILE_BYTES {
            return;
        }
        self.file.flush().unwrap();
        let next = self.folder.join(format!("fold-{}.ndjson", self.files.len()));
        self.file = file_for_fold(&next);
        self.file_bytes = 0;
        self.files.push(next);
    }

    /// Waits until all is acknowledged, and learns where each record lies.
    pub(super) fn flush(&mut self) {
        self.producer.flush(LAST_ACKS).unwrap();
        self.file.flush().unwrap();
        let answers = std::mem::take(&mut *self.producer.context().0.lock().unwrap());
        assert!(answers.refused.is_empty(), "the cluster did not take: {:?}", answers.refused);
        for (number, partition, offset) in answers.taken {
            self.sent[number].place = Some((partition, offset));
        }
    }
}

/// What is a dead letter on its own account changes nothing else: `fold` is not even shown it. Of those that contradict an earlier
/// one it is, since that one is there.
fn is_for_fold(fate: Fate) -> bool {
    matches!(fate, Fate::Taken | Fate::LetterInTheEnd(_) | Fate::Letter("conflicting-duplicate"))
}

fn file_for_fold(path: &Path) -> BufWriter<File> {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path).unwrap());
    writeln!(file, "{{\"#records\":true}}").unwrap();
    file
}
