// SPDX-License-Identifier: Apache-2.0

//! The processors, one module each.
//!
//! A processor is a pure function of events and state: it returns state and records, and has no clock and no Kafka client. It
//! may follow upstream processors: receive their notifications and read their state, but not change it.

pub mod activities;
pub mod admission;
pub mod agents;
pub mod alerts;
mod amounts;
pub mod audit;
pub mod bot_training;
mod compact;
pub mod conversations;
pub mod correlate;
pub mod customers;
pub mod explain;
pub mod look;
pub mod metrics;
pub mod owner;
pub mod owners;
mod scan;
pub mod sizes;
mod spans;
mod stored;
pub mod timelines;
mod timers;
mod watches;
mod whose;
mod widths;

use std::collections::BTreeMap;

use engine::{Counter, Processor, Product};

use sizes::Sizes;

/// Settings of the processors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Maximum wait of a queue visit that is answered in target, in milliseconds (contract section 6).
    pub service_level_ms: i64,
    /// The same for the queues that have a service level of their own, by name.
    pub service_levels_ms: BTreeMap<String, i64>,
    /// The queues that have Prometheus series of their own. Nothing in the state or in a record depends on them.
    pub prometheus_queues: Vec<String>,
    /// The sizes of the metrics' windows.
    pub windows: Vec<metrics::WindowSize>,
    /// Maximum length of an agent's stay, in milliseconds; a longer one contributes no times (contract section 6).
    pub longest_span_ms: i64,
    /// Retention of a window after its end, in milliseconds of stream time; it can change until then.
    pub window_retention_ms: i64,
    /// How long after the last event of a customer's conversations he leaves the state, in milliseconds of stream time.
    pub customer_retention_ms: i64,
    /// Retention of conversations.
    pub limits: Limits,
    /// Limit for the bodies in one record of an activity or a summary, in bytes of compact JSON (contract section 3, A10, and
    /// section 5).
    pub activity_bytes: u64,
    /// Targets for waits.
    pub alerts: alerts::AlertSettings,
}

/// Retention, in milliseconds of stream time, and the maximum number of events of a conversation (contract section 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Maximum wait of a relation for its target, and of an event with only a session for its conversation.
    pub waiting_ms: i64,
    /// Time after its close at which a conversation is forgotten.
    pub closed_ms: i64,
    /// Time after its last event at which a conversation is forgotten.
    pub idle_ms: i64,
    /// Time for which it is known that a conversation was forgotten.
    pub forgotten_ms: i64,
    /// Maximum number of folded events of one conversation.
    pub conversation_events: u64,
}

impl Default for Limits {
    /// The contract's defaults: 24 hours, 24 hours, 7 days, 30 days; and 100,000 events.
    fn default() -> Self {
        const DAY_MS: i64 = 24 * 60 * 60 * 1000;
        Self {
            waiting_ms: DAY_MS,
            closed_ms: DAY_MS,
            idle_ms: 7 * DAY_MS,
            forgotten_ms: 30 * DAY_MS,
            conversation_events: 100_000,
        }
    }
}

/// The contract's limit for the bodies in one record.
const ACTIVITY_BYTES: u64 = 4 << 20;

impl Default for Settings {
    /// The contract's: 20 seconds, windows of 15 minutes, stays of up to 7 days, 4 MiB; and 90 days for windows, a year for customers.
    fn default() -> Self {
        Self {
            service_level_ms: 20_000,
            service_levels_ms: BTreeMap::new(),
            prometheus_queues: Vec::new(),
            windows: vec![metrics::WindowSize::Fixed(15 * 60 * 1000)],
            longest_span_ms: 7 * 24 * 60 * 60 * 1000,
            window_retention_ms: 90 * 24 * 60 * 60 * 1000,
            customer_retention_ms: 365 * 24 * 60 * 60 * 1000,
            limits: Limits::default(),
            activity_bytes: ACTIVITY_BYTES,
            alerts: alerts::AlertSettings::default(),
        }
    }
}

impl Settings {
    /// Maximum number of windows that one stay of an agent can change, which follows from the longest span and the sizes of the
    /// windows.
    #[must_use]
    pub fn windows_of_longest_span(&self) -> u64 {
        metrics::longest_span_windows(self.longest_span_ms, &self.windows)
    }
}

/// A processor in the registry.
struct Entry {
    /// Its name in topics.yaml.
    name: &'static str,
    new: fn(&Settings) -> Box<dyn Processor>,
    /// Maximum size of a record's value; `None` without an output.
    record_bytes: Option<fn(Sizes) -> u64>,
}

/// The registry: all processors; each comes after those it follows. A new processor is one entry here.
const PROCESSORS: [Entry; 11] = [
    Entry {
        name: admission::NAME,
        new: |settings| Box::new(admission::Admission::new(settings)),
        record_bytes: None,
    },
    Entry {
        name: correlate::NAME,
        new: |settings| Box::new(correlate::Correlate::new(settings)),
        record_bytes: None,
    },
    Entry {
        name: activities::NAME,
        new: |settings| Box::new(activities::Activities::new(settings)),
        record_bytes: Some(activities::record_bytes),
    },
    Entry {
        name: timelines::NAME,
        new: |settings| Box::new(timelines::Timelines::new(settings)),
        record_bytes: Some(timelines::record_bytes),
    },
    Entry {
        name: conversations::NAME,
        new: |settings| Box::new(conversations::Conversations::new(settings)),
        record_bytes: Some(conversations::record_bytes),
    },
    Entry { name: agents::NAME, new: |_| Box::new(agents::Agents), record_bytes: Some(agents::record_bytes) },
    Entry {
        name: customers::NAME,
        new: |settings| Box::new(customers::Customers::new(settings)),
        record_bytes: Some(customers::record_bytes),
    },
    Entry {
        name: metrics::NAME,
        new: |settings| Box::new(metrics::Metrics::new(settings)),
        record_bytes: Some(metrics::record_bytes),
    },
    Entry { name: audit::NAME, new: |_| Box::new(audit::Audit), record_bytes: Some(audit::record_bytes) },
    Entry {
        name: bot_training::NAME,
        new: |settings| Box::new(bot_training::BotTraining::new(settings)),
        record_bytes: Some(bot_training::record_bytes),
    },
    Entry {
        name: alerts::NAME,
        new: |settings| Box::new(alerts::Alerts::new(settings)),
        record_bytes: Some(alerts::record_bytes),
    },
];

/// The processor with this name in topics.yaml; `None` if there is none.
#[must_use]
pub fn by_name(name: &str, settings: &Settings) -> Option<Box<dyn Processor>> {
    PROCESSORS.iter().find(|entry| entry.name == name).map(|entry| (entry.new)(settings))
}

/// Version of the processors' state formats; it changes whenever any stored format does. A local state of another version is
/// restored from the changelog, and a changelog of another version is rejected.
pub const STATE_FORMAT: u32 = 9;

/// Names of all processors; each comes after those it follows.
#[expect(
    clippy::indexing_slicing,
    reason = "the compiler computes it, and would refuse an index out of range"
)]
pub const NAMES: [&str; PROCESSORS.len()] = {
    let mut names = [""; PROCESSORS.len()];
    let mut place = 0;
    while place < names.len() {
        names[place] = PROCESSORS[place].name;
        place += 1;
    }
    names
};

/// Processors that every topology includes: they fold an event once, and store an event that waits for its conversation.
pub const ALWAYS: [&str; 2] = [admission::NAME, correlate::NAME];

/// The counters of the processors.
#[must_use]
pub fn counters() -> Vec<&'static Counter> {
    all().flat_map(|processor| processor.counters()).collect()
}

/// Invariants that the processors check while they work; each must stay at 0 in `cx_timelines_invariant_violations_total`.
#[must_use]
pub fn rules() -> Vec<&'static str> {
    all().flat_map(|processor| processor.rules()).copied().collect()
}

/// The outputs of the processors, with the processors' names, in the registry's order.
pub fn products() -> impl Iterator<Item = (&'static str, Product)> {
    all().flat_map(|processor| {
        let name = processor.name();
        processor.products().iter().map(move |product| (name, *product))
    })
}

fn all() -> impl Iterator<Item = Box<dyn Processor>> {
    let settings = Settings::default();
    NAMES.into_iter().filter_map(move |name| by_name(name, &settings))
}
