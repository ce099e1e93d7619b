// SPDX-License-Identifier: Apache-2.0

//! Selects the dead letters to send back, and their targets.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use rdkafka::message::Message;
use rdkafka::metadata::Metadata;

use super::marks::Marks;
use crate::cli::dead_letters::Position;
use crate::cli::dead_letters::ReplayArgs;
use crate::clock::now_ms;
use crate::commands::dead_letters::letter::Letter;
use crate::commands::dead_letters::list::{Counts, letters};
use crate::config::Config;
use crate::kafka;
use crate::render::text::safe;

/// The target of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Route {
    /// The topic it came from.
    pub(super) topic: String,
    /// The partition of its key, as Java clients choose it; without a key the original one.
    pub(super) partition: i32,
}

/// What to send, and what is left out.
pub(super) struct Plan<'p> {
    args: &'p ReplayArgs,
    config: &'p Config,
    metadata: &'p Metadata,
    marks: &'p Marks,
    missing: BTreeSet<Position>,
    /// What to send.
    pub(super) routes: BTreeMap<Position, Route>,
    to_send: Counts,
    replayed: u64,
    /// Letters older than the retention of their topic.
    old: u64,
    refused: BTreeMap<String, u64>,
}

impl<'p> Plan<'p> {
    /// An empty plan.
    pub(super) fn new(
        args: &'p ReplayArgs,
        config: &'p Config,
        metadata: &'p Metadata,
        marks: &'p Marks,
    ) -> Self {
        Self {
            args,
            config,
            metadata,
            marks,
            missing: args.positions.iter().copied().collect(),
            routes: BTreeMap::new(),
            to_send: Counts::default(),
            replayed: 0,
            old: 0,
            refused: BTreeMap::new(),
        }
    }

    /// Takes a letter.
    pub(super) fn take(&mut self, letter: &Letter, message: &impl Message) {
        let is_named = self.missing.remove(&letter.position);
        if (!self.args.positions.is_empty() && !is_named) || !self.args.choice.takes(letter) {
            return;
        }
        if !self.args.again && self.marks.has(letter) {
            self.replayed += 1;
            return;
        }
        let partitions = |topic: &str| kafka::partitions(self.metadata, topic);
        let is_input = |topic: &str| self.config.is_input(topic);
        match route(letter, message, &is_input, &partitions) {
            Ok(route) => {
                self.to_send.take(&letter.reason);
                let retention = self.config.topics.iter().find(|topic| topic.exact() == Some(&route.topic));
                let retention = retention.and_then(|topic| topic.retention_ms);
                self.old += u64::from(is_old(letter.record_ms, retention, now_ms()));
                self.routes.insert(letter.position, route);
            }
            Err(why) => *self.refused.entry(why).or_default() += 1,
        }
    }

    /// A named letter that does not exist.
    pub(super) fn not_found(&self) -> Option<Position> {
        self.missing.first().copied()
    }

    /// Whether some selected letter cannot be sent.
    pub(super) fn has_refused(&self) -> bool {
        !self.refused.is_empty()
    }

    /// What to send by reason, and what is left out and why.
    pub(super) fn summary(&self) -> String {
        let mut said = format!("{} to send back\n{}", letters(self.to_send.total()), self.to_send.lines());
        if self.old > 0 {
            let _ = writeln!(
                said,
                "careful: {} older than the retention of the topic, which counts from the record's own time: let \
                 `cx-timelines run` be running, or Kafka may delete what comes back before it is read",
                if self.old == 1 { "1 is".to_owned() } else { format!("{} are", self.old) }
            );
        }
        if self.replayed > 0 {
            let count = letters(self.replayed);
            let _ = writeln!(said, "left out: {count} sent back before (--again sends them again)");
        }
        for (why, count) in &self.refused {
            let _ = writeln!(said, "left out: {}: {why}", letters(*count));
        }
        said
    }
}

/// Whether a topic with this retention may delete the record at once.
fn is_old(timestamp_ms: Option<i64>, retention_ms: Option<i64>, now_ms: i64) -> bool {
    let (Some(timestamp_ms), Some(retention_ms)) = (timestamp_ms, retention_ms) else { return false };
    retention_ms >= 0 && timestamp_ms < now_ms.saturating_sub(retention_ms)
}

fn route(
    letter: &Letter,
    message: &impl Message,
    is_input: &dyn Fn(&str) -> bool,
    partitions: &dyn Fn(&str) -> Option<i32>,
) -> Result<Route, String> {
    let topic = letter.topic.as_deref().ok_or("no header says where it came from")?;
    let shown = safe(topic, 80);
    if !is_input(topic) {
        return Err(format!("it came from {shown}, which topics.yaml does not declare as an input"));
    }
    if !letter.left_out.is_empty() {
        return Err(format!(
            "the topic of dead letters did not take it whole, it lacks {}; send the record again from where it was produced",
            letter.left_out
        ));
    }
    if message.payload().is_none() {
        return Err("it has no value any more".to_owned());
    }
    let count = partitions(topic).ok_or_else(|| {
        format!("topic {shown} does not exist; `cx-timelines topics apply` creates what is declared")
    })?;
    let partition = match message.key() {
        Some(key) => engine::partition_of(key, count),
        // The topic may have fewer partitions than before.
        None => letter.partition.unwrap_or_default().rem_euclid(count),
    };
    Ok(Route { topic: topic.to_owned(), partition })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::dead_letters::letter::tests::{letter, message};
    use rdkafka::message::OwnedMessage;

    fn of(letter: &Letter, message: &OwnedMessage) -> Result<Route, String> {
        route(letter, message, &|topic| topic == "cx.events", &|_| Some(8))
    }

    #[test]
    fn without_a_key_a_record_goes_back_to_its_partition() {
        let partition = |count| {
            route(&letter("malformed", None), &message(&[]), &|_| true, &|_| Some(count)).unwrap().partition
        };
        assert_eq!((partition(8), partition(2)), (2, 0), "a partition that is there");
    }

    #[test]
    fn with_a_key_it_goes_to_the_partition_that_javas_clients_choose() {
        let keyed = message(&[]).set_key(Some(b"21".to_vec()));
        let route = of(&letter("malformed", None), &keyed).unwrap();
        assert_eq!(
            route,
            Route { topic: "cx.events".to_owned(), partition: (-973_932_308 & 0x7fff_ffff) % 8 }
        );
    }

    #[test]
    fn nothing_is_sent_into_a_topic_that_is_no_input() {
        let foreign = Letter { topic: Some("cx.activities".to_owned()), ..letter("malformed", None) };
        assert!(of(&foreign, &message(&[])).unwrap_err().contains("cx.activities"));
        assert!(of(&Letter { topic: None, ..foreign }, &message(&[])).is_err());
    }

    #[test]
    fn a_record_is_old_once_its_own_time_is_past_the_retention() {
        assert_eq!([9, 10].map(|at| is_old(Some(at), Some(90), 100)), [true, false]);
        assert!(
            !is_old(Some(0), Some(-1), 100) && !is_old(Some(0), None, 100) && !is_old(None, Some(1), 100)
        );
    }

    #[test]
    fn a_letter_that_lacks_something_is_not_sent() {
        let cut = message(&[("cx.error.reason", "too-large"), ("cx.error.truncated.headers", "33554432")]);
        let letter = Letter { topic: Some("cx.events".to_owned()), ..Letter::of(&cut) };
        assert!(of(&letter, &cut).unwrap_err().contains("its headers, which had 33554432 bytes"));
    }

    #[test]
    fn a_letter_without_its_value_is_not_sent() {
        let gone = message(&[]).set_payload(None);
        assert!(of(&letter("erased", None), &gone).unwrap_err().contains("no value"));
    }
}
