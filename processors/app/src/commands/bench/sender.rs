//! Sends the events by the plan.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use edge::Stop;
use rdkafka::ClientConfig;
use rdkafka::metadata::Metadata;

use super::events::{Player, Wanted};
use super::latency::Latencies;
use super::pace::Pace;
use crate::commands::load::Loader;
use crate::commands::now_ms;
use crate::config::Config;
use crate::exit::Failure;
use crate::records::InputLine;

/// A stop is heard within this time.
const NAP_MAX: Duration = Duration::from_millis(50);

/// What was sent.
#[derive(Debug, Clone)]
pub struct Sent {
    /// Events, duplicates too; all of them were acknowledged.
    pub events: u64,
    /// Those that were sent a second time.
    pub duplicates: u64,
    /// Those that came after a later one of their conversation.
    pub late: u64,
    /// Bytes of their values.
    pub bytes: u64,
    /// Activities that are to come of them.
    pub activities: u64,
    /// Conversations that have begun.
    pub conversations: u64,
    /// From the first to the last event.
    pub took: Duration,
    /// By how much the sender was behind its plan at the most.
    pub behind_max: Duration,
}

/// What the sender needs besides a plan.
pub struct Means<'m> {
    /// The clients' settings.
    pub client: &'m ClientConfig,
    /// The topics.
    pub config: &'m Config,
    /// The cluster.
    pub metadata: &'m Metadata,
    /// What is told of each event that makes an activity.
    pub latencies: &'m Latencies,
    /// How many were sent so far, for whoever looks.
    pub sent: &'m AtomicU64,
    /// No event is sent after this.
    pub stop: &'m Stop,
}

/// Sends until the plan ends or a stop is asked for, and waits until all is acknowledged.
///
/// # Errors
/// An event could not be sent, or was not acknowledged.
pub fn send(wanted: Wanted, pace: &Pace, begun: Instant, means: &Means<'_>) -> Result<Sent, Failure> {
    let mut player = Player::new(wanted);
    let mut loader = Loader::new(means.client, means.config, means.metadata, means.stop.clone())?;
    let mut sent = Sent {
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
        // Made before it is due: that takes a while, too.
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
            // There was no room for it until the stop was asked for.
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

/// `false` where a stop was asked for before.
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
