// SPDX-License-Identifier: Apache-2.0

//! Scan of a conversation's entries in the total order (contract sections 4 to 6).
//!
//! A [`Scan`] is the state after an entry. The scan and the next entry determine the entry's derived fields, the summary and
//! the contributions to the metrics. A scan can be stored after any entry and continued later.

mod amount;
mod contact;
mod counts;
mod cycles;
mod entry;
mod facts;
mod figures;
mod form;
mod hold;
mod primaries;
mod profile;
mod sessions;
mod stays;
mod summary;
mod tasks;
#[cfg(test)]
mod tests;
mod turns;
mod visits;
#[cfg(test)]
mod whole;

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Category, Counts, Dimension, Figure, Kind, RoomMode, Stage};
use serde::{Deserialize, Serialize};

pub(crate) use amount::{Amount, Amounts, When};
pub(crate) use contact::Contact;
pub(crate) use entry::{Entry, StoredDetail, What};
pub(crate) use figures::ActivityFigures;
pub(crate) use primaries::StoredWrapUp;
#[cfg(test)]
use whole::scan_all;

/// Length of each list in a summary, of its last elements; and of the lists of channels, and of an entry's agents, of their
/// first elements.
pub(crate) const LISTED: usize = 100;

/// Format version of the scan; the first byte of every stored scan. Another version is rejected, and the state is rebuilt.
const VERSION: u8 = 4;

/// Settings that the figures depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ScanSettings {
    /// What is within the service level waited no longer.
    pub(crate) service_level_ms: i64,
    /// The same for the queues that have a target of their own, by name.
    pub(crate) service_levels_ms: Arc<BTreeMap<String, i64>>,
    /// Maximum length of a stay; a longer one contributes no times.
    pub(crate) longest_span_ms: i64,
}

impl Default for ScanSettings {
    /// The contract's defaults: 20 seconds, 7 days.
    fn default() -> Self {
        Self {
            service_level_ms: 20_000,
            service_levels_ms: Arc::default(),
            longest_span_ms: 7 * 24 * 60 * 60 * 1000,
        }
    }
}

impl ScanSettings {
    /// Whether so long a wait in a queue is within its service level.
    fn is_in_target(&self, queue: &str, wait_ms: i64) -> bool {
        wait_ms <= self.service_levels_ms.get(queue).copied().unwrap_or(self.service_level_ms)
    }
}

/// Standing of a primary among those of its activity (rules A1 and A9). Entries that are not primaries count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The first primary of its activity.
    Counts,
    /// Rejected: the activity already has its primary.
    DuplicatePrimary,
    /// A later event of a call leg.
    CompletesLeg,
}

impl Standing {
    /// Standing of a primary whose activity has an earlier one, by the kinds of both.
    pub(crate) fn after(first: u8, later: u8) -> Self {
        let leg = Kind::AgentCallLeg.code();
        if first == leg && later == leg { Standing::CompletesLeg } else { Standing::DuplicatePrimary }
    }
}

/// Fields of an entry derived from the scan: their values just after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Derived {
    pub(crate) elapsed_ms: i64,
    pub(crate) stage: Stage,
    /// The agents present, sorted.
    pub(crate) agents: Arc<[Box<str>]>,
    /// Queue name of the open visit that was opened last.
    pub(crate) queue: Option<Arc<str>>,
    pub(crate) response_ms: Option<i64>,
    /// Activity of the opening message, for an entry that closed a turn.
    pub(crate) responds_to: Option<Box<str>>,
}

/// State of a conversation after its last entry.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Scan {
    profile: profile::Profile,
    sessions: sessions::Sessions,
    stays: stays::Stays,
    visits: visits::Visits,
    turns: turns::Turns,
    cycles: cycles::Cycles,
    tasks: tasks::Tasks,
    hold: hold::Hold,
    /// Counts of single entries; the summary adds those derived from stays, visits and turns.
    counts: Counts,
    wrap_ups: Vec<StoredWrapUp>,
}

impl Scan {
    /// Serializes the scan for the state.
    ///
    /// # Errors
    ///
    /// The scan cannot be serialized, which does not occur.
    pub(crate) fn write(&self) -> Result<Vec<u8>, String> {
        form::write(self, VERSION)
    }

    /// Parses what [`Scan::write`] wrote.
    ///
    /// # Errors
    ///
    /// The bytes have another version or are not a scan; returns why.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, String> {
        form::read(bytes, VERSION, "the scan of a conversation")
    }

    /// Applies the next entry of the total order. Returns the entry's derived fields, and passes the contributions that no
    /// later entry can change to `amounts`.
    pub(crate) fn apply(
        &mut self,
        entry: &Entry<'_>,
        standing: Standing,
        settings: &ScanSettings,
        amounts: &mut Amounts<'_>,
    ) -> Derived {
        let started_at = self.profile.take(entry, (&self.cycles, &self.turns), amounts);
        self.cycles.begin_first(entry.at);
        self.sessions.appear(entry);
        let turn = match &entry.what {
            What::Primary { activity_id, kind } if standing == Standing::Counts => {
                Kind::from_code(*kind).and_then(|kind| self.primary(entry, activity_id, kind, amounts))
            }
            What::Primary { .. } => None,
            What::Relation { .. } => {
                self.relation(entry, amounts);
                None
            }
            What::Fact(detail) => {
                self.fact(entry, detail, settings, amounts);
                None
            }
        };
        if self.stays.any_serving() {
            self.cycles.serve();
        }
        Derived {
            elapsed_ms: entry.at - started_at,
            stage: self.stage(),
            agents: self.stays.shown_agents(),
            queue: self.visits.queue(),
            response_ms: turn.as_ref().map(|turn| turn.response_ms),
            responds_to: turn.map(|turn| turn.responds_to),
        }
    }

    /// The wrap-ups that are not duplicates, including deleted ones, by `(at, activityId)`.
    pub(crate) fn wrap_ups(&self) -> &[StoredWrapUp] {
        &self.wrap_ups
    }

    /// Number of sessions, stays, visits, tasks, cycles and wrap-ups, which determines its size.
    pub(crate) fn holds(&self) -> u64 {
        let held = self.sessions.count()
            + self.stays.list().len()
            + self.visits.list().len()
            + self.tasks.count()
            + self.cycles.count();
        (held + self.wrap_ups.len()) as u64
    }

    /// Whether a customer's message has no response yet.
    pub(crate) fn is_turn_open(&self) -> bool {
        self.turns.open_since().is_some()
    }

    /// The customer's open visits with their first task and queue name, in the order of opening.
    pub(crate) fn waiting(&self) -> impl DoubleEndedIterator<Item = (&str, Option<&str>)> {
        self.visits.open_of_customer().map(|visit| (visit.task(), visit.queue()))
    }

    /// The agents who serve, sorted.
    pub(crate) fn serving_agents(&self) -> impl Iterator<Item = &str> {
        self.stays.serving_agents()
    }

    /// Whether only agents are in the conversation: then no metrics count it, and no customer waits.
    pub(crate) fn is_private(&self) -> bool {
        self.profile.mode() == Some(RoomMode::Private)
    }

    fn relation(&mut self, entry: &Entry<'_>, amounts: &mut Amounts<'_>) {
        let category = entry.category();
        counts::relation(&mut self.counts, category);
        if category == Category::Suggestion
            && let Some(bot) = entry.actor_id()
        {
            amounts(Amount::one(Dimension::Bot, bot, Figure::Suggestions, entry.at));
        }
    }

    /// When the customer message that awaits a reply arrived.
    pub(crate) fn awaits_reply_since(&self) -> Option<i64> {
        self.turns.open_since()
    }

    /// The conversation's stage.
    pub(crate) fn stage(&self) -> Stage {
        if self.cycles.last_closed().is_some() {
            Stage::Closed
        } else if self.stays.any_serving() {
            if self.stays.all_wrapping_up() { Stage::WrapUp } else { Stage::Agent }
        } else if self.visits.any_of_customer() {
            Stage::Queued
        } else {
            Stage::SelfService
        }
    }
}
