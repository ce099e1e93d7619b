// SPDX-License-Identifier: Apache-2.0

//! An in-memory cluster as tasks see one: partitions of the input and the repartition topic, a compacted changelog per task,
//! and the outputs as `read_committed` consumers see them.

use std::collections::BTreeMap;

use engine::{OutputRecord, Route, Sink, SinkError, partition_of};
use serde_json::Value;

/// A dead letter as consumers see it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Letter {
    /// Header `cx.error.reason`.
    pub reason: String,
    /// The value, as it came.
    pub value: Option<Vec<u8>>,
    /// All headers.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

/// A record of the repartition topic: its key and value.
pub(crate) type Message = (Vec<u8>, Vec<u8>);

/// Inner topics, by index in the topology.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    pub(crate) topics: Vec<String>,
    pub(crate) dead_letters: usize,
    pub(crate) changelog: usize,
    pub(crate) repartition: usize,
}

/// Committed records.
#[derive(Default)]
pub(crate) struct Cluster {
    pub(crate) repartition: Vec<Vec<Message>>,
    pub(crate) changelogs: Vec<BTreeMap<Vec<u8>, Vec<u8>>>,
    pub(crate) outputs: BTreeMap<(String, String), Value>,
    pub(crate) emissions: usize,
    pub(crate) letters: Vec<Letter>,
    /// The size of each topic's largest record: key, value and headers.
    pub(crate) largest: BTreeMap<String, usize>,
}

/// A write of a transaction.
enum Write {
    Letter(Letter),
    State { partition: i32, key: Vec<u8>, value: Option<Vec<u8>> },
    Message { partition: i32, message: Message },
    Output { topic: String, key: String, value: Option<Value> },
}

/// Writes of a transaction, not visible yet.
pub(crate) struct Transaction {
    names: Names,
    partitions: i32,
    writes: Vec<Write>,
    largest: BTreeMap<String, usize>,
}

impl Transaction {
    pub(crate) fn new(names: Names, partitions: i32) -> Self {
        Self { names, partitions, writes: Vec::new(), largest: BTreeMap::new() }
    }

    /// The number of records.
    pub(crate) fn len(&self) -> usize {
        self.writes.len()
    }
}

impl Sink for Transaction {
    fn send(&mut self, record: OutputRecord<'_>) -> Result<(), SinkError> {
        let topic = record.topic.index();
        let largest =
            self.largest.entry(self.names.topics.get(topic).cloned().unwrap_or_default()).or_default();
        *largest = (*largest).max(bytes_of(&record));
        let key = record.key.map(<[u8]>::to_vec).unwrap_or_default();
        let value = record.value.map(<[u8]>::to_vec);
        let write = if topic == self.names.dead_letters {
            Write::Letter(letter(&record))
        } else if topic == self.names.changelog {
            let Route::Partition(partition) = record.route else { return Err(SinkError) };
            Write::State { partition, key, value }
        } else if topic == self.names.repartition {
            let partition = match record.route {
                Route::Key(by) => partition_of(by, self.partitions),
                Route::Partition(partition) => partition,
                Route::Source(_) => return Err(SinkError),
            };
            Write::Message { partition, message: (key, value.unwrap_or_default()) }
        } else {
            let topic = self.names.topics.get(topic).cloned().unwrap_or_default();
            let key = String::from_utf8_lossy(&key).into_owned();
            let value = value.map(|value| serde_json::from_slice(&value).unwrap_or(Value::Null));
            Write::Output { topic, key, value }
        };
        self.writes.push(write);
        Ok(())
    }
}

fn bytes_of(record: &OutputRecord<'_>) -> usize {
    let headers = record.headers.iter().map(|(name, value)| name.len() + value.map_or(0, <[u8]>::len));
    record.key.map_or(0, <[u8]>::len) + record.value.map_or(0, <[u8]>::len) + headers.sum::<usize>()
}

fn letter(record: &OutputRecord<'_>) -> Letter {
    let headers: Vec<(String, Option<Vec<u8>>)> =
        record.headers.iter().map(|(name, value)| ((*name).to_owned(), value.map(<[u8]>::to_vec))).collect();
    let reason = headers.iter().find(|(name, _)| name == engine::HEADER_REASON);
    let reason = reason.and_then(|(_, value)| value.clone()).unwrap_or_default();
    Letter {
        reason: String::from_utf8_lossy(&reason).into_owned(),
        value: record.value.map(<[u8]>::to_vec),
        headers,
    }
}

impl Cluster {
    pub(crate) fn new(partitions: i32) -> Self {
        let partitions = usize::try_from(partitions).unwrap_or_default();
        Self {
            repartition: vec![Vec::new(); partitions],
            changelogs: vec![BTreeMap::new(); partitions],
            ..Self::default()
        }
    }

    /// Makes a transaction's writes visible.
    pub(crate) fn commit(&mut self, transaction: Transaction) {
        for (topic, bytes) in transaction.largest {
            let largest = self.largest.entry(topic).or_default();
            *largest = (*largest).max(bytes);
        }
        for write in transaction.writes {
            match write {
                Write::Letter(letter) => self.letters.push(letter),
                Write::State { partition, key, value } => {
                    let changelog = at(&mut self.changelogs, partition);
                    match value {
                        Some(value) => changelog.insert(key, value),
                        None => changelog.remove(&key),
                    };
                }
                Write::Message { partition, message } => at(&mut self.repartition, partition).push(message),
                Write::Output { topic, key, value } => {
                    self.emissions += 1;
                    match value {
                        Some(value) => self.outputs.insert((topic, key), value),
                        None => self.outputs.remove(&(topic, key)),
                    };
                }
            }
        }
    }
}

fn at<T>(list: &mut [T], partition: i32) -> &mut T {
    let place = usize::try_from(partition).ok().and_then(|place| list.get_mut(place));
    #[expect(clippy::expect_used, reason = "a test's own cluster")]
    place.expect("the partition exists")
}
