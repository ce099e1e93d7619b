// SPDX-License-Identifier: Apache-2.0

//! What consumers see, followed while it is written: of each key the last record, each dead letter, the largest record of each topic.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::{Offset, TopicPartitionList};

use super::hash::{self, Hash};
use super::record::Claim;
use crate::{DEAD_LETTERS, OUTPUTS, partitions_of};

/// Where a record lay: topic, partition, offset.
pub(super) type Position = (String, i32, i64);

/// A dead letter.
#[derive(Debug, Clone)]
pub(super) struct Letter {
    pub(super) reason: String,
    pub(super) key: Option<Hash>,
    pub(super) value: Option<Hash>,
    /// `cx.error.truncated`.
    pub(super) truncated: Option<String>,
    /// `cx.error.timestamp`.
    pub(super) record_timestamp: Option<String>,
    pub(super) timestamp_ms: Option<i64>,
    /// Headers that are not the program's.
    pub(super) own_headers: usize,
}

/// What was seen so far.
#[derive(Debug, Default)]
pub(super) struct SeenOutputs {
    /// By topic and key, the hash of the last record; without tombstones, alerts and dead letters.
    pub(super) finals: HashMap<(&'static str, String), Hash>,
    /// Of records that something is claimed of, the last value.
    pub(super) kept: HashMap<(&'static str, String), Vec<u8>>,
    /// Records that something is claimed of.
    pub(super) wanted: HashSet<(&'static str, String)>,
    /// Conversations whose last summary says that they are forgotten.
    pub(super) forgotten: HashSet<String>,
    /// Dead letters by the position of their record.
    pub(super) letters: HashMap<Position, Vec<Letter>>,
    /// The largest record of each topic, in bytes, with its key and headers.
    pub(super) largest: BTreeMap<String, usize>,
    /// How many records each topic has had.
    pub(super) records: BTreeMap<String, usize>,
    /// Output records without one of the headers that each must have.
    pub(super) without_headers: usize,
}

/// A thread that reads on.
pub(super) struct Outputs {
    seen: Arc<Mutex<SeenOutputs>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Outputs {
    /// Reads all outputs and the group's own topics from their beginnings.
    pub(super) fn follow(bootstrap: &str, own: &[String]) -> Self {
        let reader: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", bootstrap)
            .set("group.id", "hostile")
            .set("enable.auto.commit", "false")
            .set("isolation.level", "read_committed")
            .set("enable.partition.eof", "true")
            .set("queued.max.messages.kbytes", "65536")
            .create()
            .unwrap();
        let mut places = HashMap::new();
        for topic in OUTPUTS.iter().copied().chain(own.iter().map(String::as_str)) {
            for partition in 0..partitions_of(bootstrap, topic) {
                places.insert((topic.to_owned(), partition), 0);
            }
        }
        let (seen, stop) = (Arc::<Mutex<SeenOutputs>>::default(), Arc::<AtomicBool>::default());
        let (to, is_over) = (Arc::clone(&seen), Arc::clone(&stop));
        let thread = std::thread::spawn(move || follow(&reader, places, &to, &is_over));
        Self { seen, stop, thread: Some(thread) }
    }

    /// Where it is said which records are to be kept whole.
    pub(super) fn wanted(&self) -> Wanted {
        Wanted(Arc::clone(&self.seen))
    }

    /// What was seen so far.
    pub(super) fn seen(&self) -> MutexGuard<'_, SeenOutputs> {
        self.seen.lock().unwrap()
    }

    /// Reads all that there is by now, and no more; to be asked when nothing is written any more.
    pub(super) fn read_to_the_end(&mut self) -> MutexGuard<'_, SeenOutputs> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
        self.seen()
    }
}

/// Says which records are to be kept whole.
pub(super) struct Wanted(Arc<Mutex<SeenOutputs>>);

impl Wanted {
    /// Those that something is claimed of; to be said before they can be written.
    pub(super) fn add(&self, claims: &[Claim]) {
        let keys = claims.iter().map(|claim| (claim.topic, claim.key.clone()));
        self.0.lock().unwrap().wanted.extend(keys);
    }
}

impl Drop for Outputs {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

type Places = HashMap<(String, i32), i64>;

fn follow(reader: &BaseConsumer, mut places: Places, seen: &Mutex<SeenOutputs>, is_over: &AtomicBool) {
    assign(reader, &places);
    while !is_over.load(Ordering::Relaxed) {
        step(reader, &mut places, seen);
    }
    // After a new assignment each partition reports its end again.
    assign(reader, &places);
    let mut open = places.len();
    while open > 0 {
        if step(reader, &mut places, seen) {
            open -= 1;
        }
    }
}

fn assign(reader: &BaseConsumer, places: &Places) {
    let mut list = TopicPartitionList::new();
    for ((topic, partition), next) in places {
        list.add_partition_offset(topic, *partition, Offset::Offset(*next)).unwrap();
    }
    reader.assign(&list).unwrap();
}

/// Takes a record, if one comes; whether a partition has come to its end.
fn step(reader: &BaseConsumer, places: &mut Places, seen: &Mutex<SeenOutputs>) -> bool {
    match reader.poll(Duration::from_millis(200)) {
        None => false,
        Some(Err(KafkaError::PartitionEOF(_))) => true,
        Some(Err(error)) => {
            eprintln!("reading outputs: {error}");
            false
        }
        Some(Ok(message)) => {
            *places.get_mut(&(message.topic().to_owned(), message.partition())).unwrap() =
                message.offset() + 1;
            take(&mut seen.lock().unwrap(), &message);
            false
        }
    }
}

fn header(message: &BorrowedMessage<'_>, name: &str) -> Option<String> {
    let found = message.headers()?.iter().filter(|header| header.key == name).last()?;
    Some(String::from_utf8_lossy(found.value?).into_owned())
}

fn bytes(message: &BorrowedMessage<'_>) -> usize {
    let headers = message.headers().into_iter().flat_map(Headers::iter);
    let headers: usize = headers.map(|header| header.key.len() + header.value.map_or(0, <[u8]>::len)).sum();
    message.key_len() + message.payload_len() + headers
}

fn take(seen: &mut SeenOutputs, message: &BorrowedMessage<'_>) {
    let topic = message.topic();
    let largest = seen.largest.entry(topic.to_owned()).or_default();
    *largest = bytes(message).max(*largest);
    *seen.records.entry(topic.to_owned()).or_default() += 1;
    let Some(topic) = OUTPUTS.iter().copied().find(|output| *output == topic) else { return };
    if header(message, "cx.processor").is_none() || header(message, "cx.schema").is_none() {
        seen.without_headers += 1;
    }
    if topic == DEAD_LETTERS {
        take_letter(seen, message);
    } else if topic != "cx.alerts" {
        // What is still raised there follows from the clock.
        take_output(seen, topic, message);
    }
}

fn take_letter(seen: &mut SeenOutputs, message: &BorrowedMessage<'_>) {
    let number = |name: &str| header(message, name).unwrap().parse::<i64>().unwrap();
    let partition = i32::try_from(number("cx.error.partition")).unwrap();
    let position = (header(message, "cx.error.topic").unwrap(), partition, number("cx.error.offset"));
    // A name that the record had a header of itself counts twice; the last of a name is the program's.
    let names: Vec<&str> =
        message.headers().into_iter().flat_map(Headers::iter).map(|header| header.key).collect();
    let of_program: HashSet<&str> = names.iter().copied().filter(|name| name.starts_with("cx.")).collect();
    let own_headers = names.len() - of_program.len();
    seen.letters.entry(position).or_default().push(Letter {
        reason: header(message, "cx.error.reason").unwrap(),
        key: message.key().map(hash::of),
        value: message.payload().map(hash::of),
        truncated: header(message, "cx.error.truncated"),
        record_timestamp: header(message, "cx.error.timestamp"),
        timestamp_ms: message.timestamp().to_millis(),
        own_headers,
    });
}

fn take_output(seen: &mut SeenOutputs, topic: &'static str, message: &BorrowedMessage<'_>) {
    let key = (topic, String::from_utf8(message.key().unwrap().to_vec()).unwrap());
    let value = message.payload();
    if seen.wanted.contains(&key) {
        match value {
            Some(value) => drop(seen.kept.insert(key.clone(), value.to_vec())),
            None => drop(seen.kept.remove(&key)),
        }
    }
    if topic == "cx.conversations" {
        // In the few bytes of a field that no other text of a summary can look like: in a text quotes are escaped.
        let is_final = value.is_some_and(|value| memmem(value, br#""finality":"FINAL""#));
        if is_final {
            seen.forgotten.insert(key.1.clone())
        } else {
            seen.forgotten.remove(&key.1)
        };
    }
    match value {
        Some(value) => drop(seen.finals.insert(key, hash::of_output(topic, value))),
        None => drop(seen.finals.remove(&key)),
    }
}

/// The field is one of the first: it lies in the beginning.
fn memmem(value: &[u8], wanted: &[u8]) -> bool {
    let beginning = &value[..value.len().min(4_096)];
    beginning.windows(wanted.len()).any(|window| window == wanted)
}
