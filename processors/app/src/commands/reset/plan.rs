// SPDX-License-Identifier: Apache-2.0

//! The plan of a reset, made without changing anything.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use rdkafka::message::Message;
use rdkafka::{Offset, TopicPartitionList};

use crate::commands::erase::cluster::Cluster;
use crate::config::{Config, Role};
use crate::exit::Failure;
use crate::kafka::group::State;
use crate::kafka::reader::Span;

/// A topic that the group reads, with its progress.
#[derive(Debug)]
struct Read {
    topic: String,
    partitions: Vec<Span>,
    committed: Vec<Option<i64>>,
}

/// The plan.
#[derive(Debug)]
pub(super) struct Plan {
    /// Topics to read again from the beginning: events, agents' states and erasure requests.
    again: Vec<Read>,
    /// The topics of events and agents' states among them.
    inputs: BTreeSet<String>,
    /// Topics whose records are skipped.
    passed_over: Vec<Read>,
    /// The keys of the state, by partition.
    state: BTreeMap<i32, BTreeSet<Vec<u8>>>,
    /// Topics that stay unchanged.
    outputs: Vec<String>,
    letters: Vec<String>,
}

impl Plan {
    /// Makes the plan. With `settled`, waits for every open transaction.
    ///
    /// # Errors
    /// The cluster does not answer, or a transaction does not end.
    pub(super) fn make(cluster: &Cluster<'_>, config: &Config, settled: bool) -> Result<Self, Failure> {
        let spans = |topic: &str| if settled { cluster.settled(topic) } else { cluster.all(topic) };
        let read = |topic: &str| -> Result<Read, Failure> {
            let partitions = spans(topic)?;
            let committed = cluster.committed(topic, i32::try_from(partitions.len())?)?;
            Ok(Read { topic: topic.to_owned(), partitions, committed })
        };
        let named = cluster.of_role(Role::Input).into_iter().chain(cluster.of_role(Role::AgentStates));
        let named = named.map(str::to_owned);
        let inputs: BTreeSet<String> = named.chain(cluster.of_conversations(|_| true)).collect();
        let erasures = cluster.of_role(Role::Erasures);
        let again = inputs.iter().map(String::as_str).chain(erasures).map(&read);
        let again = again.collect::<Result<_, _>>()?;
        let passed_over =
            cluster.of_role(Role::Repartition).into_iter().map(&read).collect::<Result<_, _>>()?;
        let mut state: BTreeMap<i32, BTreeSet<Vec<u8>>> = BTreeMap::new();
        for changelog in cluster.of_role(Role::Changelog) {
            cluster.read(&spans(changelog)?, &mut |message| {
                let keys = state.entry(message.partition()).or_default();
                let key = message.key().unwrap_or_default();
                match message.payload() {
                    Some(_) => keys.insert(key.to_vec()),
                    None => keys.remove(key),
                };
                Ok(())
            })?;
        }
        let owned = |role| config.topics.iter().filter(move |topic| topic.role == role);
        let names = |role| owned(role).filter_map(|topic| topic.exact().map(str::to_owned)).collect();
        Ok(Self {
            again,
            inputs,
            passed_over,
            state,
            outputs: names(Role::Output),
            letters: names(Role::DeadLetters),
        })
    }

    /// The number of events removed by retention.
    pub(super) fn lost(&self) -> i64 {
        let inputs = self.again.iter().filter(|read| self.inputs.contains(&read.topic));
        inputs.flat_map(|read| &read.partitions).map(|span| span.first).sum()
    }

    /// The keys of the state, by partition.
    pub(super) fn state(&self) -> impl Iterator<Item = (i32, &BTreeSet<Vec<u8>>)> {
        self.state.iter().map(|(partition, keys)| (*partition, keys))
    }

    /// The offsets to commit. Without a committed offset reading begins at the beginning anyway, but skipped topics need one.
    pub(super) fn offsets(&self) -> anyhow::Result<TopicPartitionList> {
        let mut offsets = TopicPartitionList::new();
        for read in &self.again {
            for (span, committed) in read.partitions.iter().zip(&read.committed) {
                if committed.is_some() {
                    offsets.add_partition_offset(&read.topic, span.partition, Offset::Offset(span.first))?;
                }
            }
        }
        for span in self.passed_over.iter().flat_map(|read| &read.partitions) {
            offsets.add_partition_offset(&span.topic, span.partition, Offset::Offset(span.end))?;
        }
        Ok(offsets)
    }

    /// The plan as text.
    pub(super) fn text(&self, group: &str, state: Option<&State>, folder: Option<&Path>) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = match state {
            None => writeln!(text, "group {group}: there is none yet"),
            Some(State { state, .. }) if state == "Dead" => {
                writeln!(
                    text,
                    "group {group}: gone, or under the brokers' own protocol, where its members cannot be listed"
                )
            }
            Some(State { state, members, .. }) if members.is_empty() => {
                writeln!(text, "group {group}: {state}, no member")
            }
            Some(State { state, members, .. }) => {
                let who = members.join(", ");
                writeln!(
                    text,
                    "group {group}: {state}; it cannot be reset before its members are stopped: {who}"
                )
            }
        };
        for read in &self.again {
            let _ = writeln!(
                text,
                "{}: read again from the beginning, {} records ({} were read)",
                read.topic,
                read.records(),
                read.taken()
            );
        }
        for read in &self.passed_over {
            let _ = writeln!(text, "{}: skipped, {} records", read.topic, read.records());
        }
        let keys: usize = self.state.values().map(BTreeSet::len).sum();
        let _ = writeln!(text, "changelog: {keys} keys removed, and with them the state of all instances");
        let _ = match folder {
            Some(folder) => writeln!(text, "{}: the state in it deleted", folder.display()),
            None => writeln!(text, "no --state-dir here: what instances have is emptied when they start"),
        };
        let _ = writeln!(
            text,
            "{}: unchanged; reading again writes the same final records",
            self.outputs.join(", ")
        );
        let _ = writeln!(
            text,
            "{}: unchanged; records that cannot be folded are written there again",
            self.letters.join(", ")
        );
        if self.lost() > 0 {
            let _ = writeln!(
                text,
                "WARNING: up to {} events have gone from the input's beginnings. Conversations and windows that they belong to \
                 are made of what is left, and written over what was made of all of them",
                self.lost()
            );
        }
        text
    }
}

impl Read {
    fn records(&self) -> i64 {
        self.partitions.iter().map(|span| span.end - span.first).sum()
    }

    fn taken(&self) -> i64 {
        let pairs = self.partitions.iter().zip(&self.committed);
        pairs.map(|(span, committed)| (committed.unwrap_or(span.first) - span.first).max(0)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(topic: &str, (first, end): (i64, i64), committed: Option<i64>) -> Read {
        let span = Span { topic: topic.to_owned(), partition: 0, first, end };
        Read { topic: topic.to_owned(), partitions: vec![span], committed: vec![committed] }
    }

    fn plan(first: i64) -> Plan {
        Plan {
            again: vec![read("in", (first, 90), Some(80)), read("erasures", (5, 6), None)],
            inputs: BTreeSet::from(["in".to_owned()]),
            passed_over: vec![read("moved", (3, 7), None)],
            state: BTreeMap::from([(0, BTreeSet::from([b"k".to_vec()]))]),
            outputs: vec!["out".to_owned()],
            letters: vec!["letters".to_owned()],
        }
    }

    #[test]
    fn what_is_read_goes_to_its_beginning_and_what_is_passed_over_to_its_end() {
        let offsets = plan(10).offsets().unwrap();
        let at = |topic: &str| offsets.find_partition(topic, 0).map(|place| place.offset());
        assert_eq!(at("in"), Some(Offset::Offset(10)));
        assert_eq!(at("moved"), Some(Offset::Offset(7)), "also where nothing was read of it");
        assert_eq!(at("erasures"), None, "nothing was read: it begins at its beginning anyway");
    }

    #[test]
    fn events_that_are_gone_are_warned_of_and_requests_that_are_gone_are_not() {
        assert_eq!(plan(0).lost(), 0);
        assert!(!plan(0).text("g", None, None).contains("WARNING"));
        assert_eq!(plan(10).lost(), 10);
        assert!(plan(10).text("g", None, None).contains("WARNING: up to 10 events"));
    }

    #[test]
    fn all_that_would_be_done_is_told() {
        let text = plan(10).text("g", None, Some(Path::new("/s")));
        for line in [
            "in: read again from the beginning, 80 records (70 were read)",
            "moved: skipped, 4 records",
            "changelog: 1 keys removed",
            "/s: the state in it deleted",
            "out: unchanged",
            "letters: unchanged",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
