// SPDX-License-Identifier: Apache-2.0

//! The dead-letter topic, from its beginning to its end offset at the start.

use std::time::{Duration, Instant};

use anyhow::Context;
use rdkafka::ClientConfig;
use rdkafka::message::BorrowedMessage;
use rdkafka::metadata::Metadata;

use crate::cli::dead_letters::Position;
use crate::config::{Config, Role};
use crate::exit::Failure;
use crate::kafka;
use crate::kafka::reader::{Reader, Span};
use crate::topics;

/// How long a partition may be without a leader: a new one, or one that is moving.
const LEADERLESS_TIME_MAX: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(100);

/// The available dead letters.
pub(super) struct Letters<'c> {
    reader: Reader,
    /// The topic's name.
    pub(super) topic: &'c str,
    spans: Vec<Span>,
}

impl<'c> Letters<'c> {
    /// Fetches the end offsets. With positions, nothing after the last one of each partition is read.
    ///
    /// # Errors
    /// The topic or a partition does not exist, or the cluster does not answer.
    pub(super) fn open(
        client: &ClientConfig,
        metadata: &Metadata,
        config: &'c Config,
        positions: &[Position],
    ) -> Result<Self, Failure> {
        let topic = config.name_of(Role::DeadLetters);
        let partitions = kafka::partitions(metadata, topic)
            .with_context(|| topics::no_such_topic(config, topic))
            .map_err(Failure::usage)?;
        if let Some(position) = positions.iter().find(|position| position.partition >= partitions) {
            return Err(Failure::from(anyhow::anyhow!(
                "no dead letter at {position}: {topic} has the partitions 0 to {}; `dead-letters list` prints what there is",
                partitions - 1
            )));
        }
        let reader = Reader::new(client)?;
        let mut spans = Vec::new();
        for partition in 0..partitions {
            let named = positions.iter().filter(|position| position.partition == partition);
            let last = named.map(|position| position.offset).max();
            if !positions.is_empty() && last.is_none() {
                continue;
            }
            let mut span = span(&reader, topic, partition)?;
            span.end = last.map_or(span.end, |last| span.end.min(last.saturating_add(1)));
            spans.push(span);
        }
        Ok(Self { reader, topic, spans })
    }

    /// Passes each letter to `visit`, in partition order. May be repeated up to the same end.
    ///
    /// # Errors
    /// The cluster stops answering, or `visit` fails.
    pub(super) fn each(
        &self,
        visit: &mut dyn FnMut(&BorrowedMessage<'_>) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        self.reader.read(&self.spans, visit)
    }

    /// The error for a position without a letter, with the remedy.
    pub(super) fn none_at(&self, position: Position) -> anyhow::Error {
        anyhow::anyhow!(
            "no dead letter at {position} of {}: it is kept no longer, or never was; `dead-letters list` prints what there is",
            self.topic
        )
    }
}

/// The current range of a partition; retried while it has no leader.
///
/// # Errors
/// The cluster does not answer.
pub(super) fn span(reader: &Reader, topic: &str, partition: i32) -> anyhow::Result<Span> {
    let deadline = Instant::now() + LEADERLESS_TIME_MAX;
    loop {
        match reader.span(topic, partition) {
            Err(error) if Instant::now() < deadline => {
                tracing::debug!(%error, "asking again");
                std::thread::sleep(PAUSE);
            }
            found => return found,
        }
    }
}
