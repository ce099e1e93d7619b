// SPDX-License-Identifier: Apache-2.0

//! Sends the events by the schedule.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use edge::Stop;
use rdkafka::ClientConfig;
use rdkafka::metadata::Metadata;

use super::events::{Player, Wanted};
use super::latency::Latencies;
use super::pace::Pace;
use crate::clock::now_ms;
use crate::commands::load::Loader;
use crate::config::Config;
use crate::exit::Failure;
use crate::records::InputLine;

/// The longest reaction time to a stop.
const NAP_MAX: Duration = Duration::from_millis(50);

/// What was sent.
#[derive(Debug, Clone)]
pub struct SentEvents {
    /// Events, duplicates included; all were acknowledged.
    pub events: u64,
    /// Duplicates.
    pub duplicates: u64,
    /// Events sent after a later one of their conversation.
    pub late: u64,
    /// Bytes of their values.
    pub bytes: u64,
    /// Activities expected from them.
    pub activities: u64,
    /// Conversations that have begun.
    pub conversations: u64,
    /// From the first to the last event.
    pub took: Duration,
    /// The largest delay behind the schedule.
    pub behind_max: Duration,
}

/// What the sender needs besides the schedule.
pub struct Means<'m> {
    /// The clients' configuration.
    pub client: &'m ClientConfig,
    /// The topics.
    pub config: &'m Config,
    /// The cluster.
    pub metadata: &'m Metadata,
    /// Records each event that creates an activity.
    pub latencies: &'m Latencies,
    /// The number of events sent so far.
    pub sent: &'m AtomicU64,
    /// No event is sent after this is requested.
    pub stop: &'m Stop,
}

/// Sends until the schedule ends or a stop is requested, and waits for all acknowledgements.
///
/// # Errors
/// An event could not be sent, or was not acknowledged.
pub fn send(wanted: Wanted, pace: &Pace, begun: Instant, means: &Means<'_>) -> Result<SentEvents, Failure> {
    let mut player = Player::new(wanted);
    let mut loader = Loader::new(means.client, means.config, means.metadata, means.stop.clone())?;
    let mut sent = SentEvents {
        events: 0,
        duplicates: 0,
        late: 0,
        bytes: 0,
        activities: 0,
        conversations: 0,
        took: Duration::ZERO,
        behind_max: Duration::ZERO,
    };
    while !means.stop.is_requested() {
        // Generated before it is due, because that takes time as well.
        let Some(played) = player.next(now_ms()) else { break };
        let Some(due) = pace.due(sent.events, Instant::now()) else { break };
        if !sleep_until(due, means.stop) {
            break;
        }
        let behind = due.elapsed();
        if let Some(key) = &played.makes {
            means.latencies.expect(key.clone(), due);
        }
        let bytes = played.value.len() as u64;
        loader.send(&InputLine { value: Some(played.value), ..InputLine::default() })?;
        if loader.sent == sent.events {
            // The queue was full until the stop was requested.
            played.makes.iter().for_each(|key| means.latencies.expect_no_more(key));
            break;
        }
        sent.events = loader.sent;
        sent.bytes += bytes;
        sent.behind_max = sent.behind_max.max(behind);
        sent.activities += u64::from(played.makes.is_some());
        sent.duplicates += u64::from(played.is_duplicate);
        sent.late += u64::from(played.is_late);
        sent.took = begun.elapsed();
        means.sent.store(sent.events, Ordering::Relaxed);
    }
    sent.conversations = player.begun();
    loader.finish()?;
    Ok(sent)
}

/// Returns `false` when a stop was requested.
fn sleep_until(due: Instant, stop: &Stop) -> bool {
    loop {
        let left = due.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return true;
        }
        if stop.is_requested() {
            return false;
        }
        std::thread::sleep(left.min(NAP_MAX));
    }
}
