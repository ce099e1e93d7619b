// SPDX-License-Identifier: Apache-2.0

//! Replay markers: a compacted topic with a marker for each letter that was sent back, written in the same transaction.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context, anyhow};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminOptions, NewTopic, TopicReplication};
use rdkafka::message::Message;
use rdkafka::metadata::Metadata;
use rdkafka::types::RDKafkaErrorCode;
use serde::{Deserialize, Serialize};

use crate::cli::dead_letters::Position;
use crate::commands::dead_letters::letter::Letter;
use crate::commands::dead_letters::source::span;
use crate::exit::Failure;
use crate::kafka::reader::Reader;
use crate::{kafka, no_json};

/// The one partition of the topic.
pub(super) const PARTITION: i32 = 0;
const ADMIN_TIMEOUT: Duration = Duration::from_secs(20);

/// The topic of a group.
pub fn topic(group: &str) -> String {
    format!("{group}-replayed")
}

/// A letter's replay marker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Mark {
    /// The time of the replay, in epoch milliseconds.
    pub(super) replayed_at: i64,
    /// When the record became a dead letter: a recreated topic reuses positions.
    pub(super) letter_at: Option<i64>,
}

/// All markers of a group, by original position: an erasure may have moved the letters since.
#[derive(Debug, Default)]
pub(super) struct Marks(HashMap<Position, Mark>);

impl Marks {
    /// Reads them to the end. Creates a missing topic, if allowed.
    ///
    /// # Errors
    /// The topic cannot be created or read.
    pub(super) fn read(
        client: &ClientConfig,
        metadata: &Metadata,
        topic: &str,
        may_create: bool,
    ) -> Result<Self, Failure> {
        if kafka::partitions(metadata, topic).is_none() {
            if !may_create {
                return Ok(Self::default());
            }
            create(client, topic)?;
        }
        let reader = Reader::new(client)?;
        let span = span(&reader, topic, PARTITION)?;
        let mut marks = Self::default();
        reader.read(&[span], &mut |message| {
            marks.take(message.key().unwrap_or_default(), message.payload());
            Ok(())
        })?;
        Ok(marks)
    }

    /// Whether this letter was sent back before.
    pub(super) fn has(&self, letter: &Letter) -> bool {
        self.0.get(&letter.first).is_some_and(|mark| mark.letter_at == letter.at_ms)
    }

    /// Ignores records that are no marker; a tombstone removes a marker.
    fn take(&mut self, key: &[u8], value: Option<&[u8]>) {
        let Some(position) = std::str::from_utf8(key).ok().and_then(|key| key.parse().ok()) else { return };
        match value.map(serde_json::from_slice) {
            Some(Ok(mark)) => {
                self.0.insert(position, mark);
            }
            Some(Err(error)) => {
                tracing::warn!("the replay marker of {position} cannot be read: {}", no_json::place(&error));
            }
            None => {
                self.0.remove(&position);
            }
        }
    }
}

fn create(client: &ClientConfig, topic: &str) -> Result<(), Failure> {
    let admin = kafka::admin(client)?;
    let new = NewTopic::new(topic, 1, TopicReplication::Fixed(-1)).set("cleanup.policy", "compact");
    let options =
        AdminOptions::new().operation_timeout(Some(ADMIN_TIMEOUT)).request_timeout(Some(ADMIN_TIMEOUT));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let results = runtime
        .block_on(admin.create_topics([&new], &options))
        .with_context(|| format!("topic {topic} cannot be created"))?;
    for result in results {
        match result {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((_, code)) => {
                return Err(anyhow!(
                    "topic {topic}, which remembers what was sent back, cannot be created: {code}; create it with one \
                     partition and cleanup.policy=compact"
                )
                .into());
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::dead_letters::letter::tests::{letter, message};

    fn marks(records: &[(&str, Option<&str>)]) -> Marks {
        let mut marks = Marks::default();
        for (key, value) in records {
            marks.take(key.as_bytes(), value.map(str::as_bytes));
        }
        marks
    }

    #[test]
    fn a_mark_is_read_as_it_is_written() {
        let mark = Mark { replayed_at: 9, letter_at: Some(5) };
        let text = serde_json::to_string(&mark).unwrap();
        assert_eq!(text, r#"{"replayedAt":9,"letterAt":5}"#);
        assert!(marks(&[("3:17", Some(&text))]).has(&letter("malformed", Some(5))));
    }

    #[test]
    fn a_letter_at_a_marked_position_of_an_earlier_topic_is_another_one() {
        let marks = marks(&[("3:17", Some(r#"{"replayedAt":9,"letterAt":5}"#))]);
        assert!(!marks.has(&letter("malformed", Some(6))));
    }

    #[test]
    fn the_mark_of_a_letter_that_was_moved_is_that_of_its_first_position() {
        let marks = marks(&[("3:5", Some(r#"{"replayedAt":9,"letterAt":5}"#))]);
        assert!(marks.has(&Letter::of(&message(&[("cx.error.at", "5"), ("cx.moved.from", "5")]))));
    }

    #[test]
    fn a_tombstone_takes_a_mark_back_and_what_is_no_mark_is_passed_over() {
        let mark = Some(r#"{"replayedAt":9,"letterAt":null}"#);
        assert!(marks(&[("3:17", mark), ("x", mark), ("3:17", Some("5"))]).has(&letter("no-key", None)));
        assert!(!marks(&[("3:17", mark), ("3:17", None)]).has(&letter("no-key", None)));
    }
}
