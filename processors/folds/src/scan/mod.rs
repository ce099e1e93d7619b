//! The scan of a conversation's entries in the total order (contract sections 4 to 6).
//!
//! A [`Scan`] is the state after an entry: from it, and the next entry, follow the entry's derived fields, the summary,
//! and the contributions to the metrics. It can be stored after any entry, and the scan goes on from there.

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

/// So many of each list are in a summary, the last ones; and so many channels, and agents of an entry, the first ones.
pub(crate) const LISTED: usize = 100;

/// Version of the scan's form; the first byte of every stored scan. Another version is refused, and so rebuilt.
const VERSION: u8 = 3;

/// What of the configuration the figures depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ScanSettings {
    /// What is within the service level waited no longer.
    pub(crate) service_level_ms: i64,
    /// The same for the queues that have a target of their own, by name.
    pub(crate) service_levels_ms: Arc<BTreeMap<String, i64>>,
    /// A stay that is longer contributes no times.
    pub(crate) longest_span_ms: i64,
}

impl Default for ScanSettings {
    /// The contract's: 20 seconds, 7 days.
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

/// What a primary is among those of its activity (rules A1 and A9). What is no primary counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The first of its activity.
    Counts,
    /// Rejected: the activity has its primary.
    DuplicatePrimary,
    /// A later event of a call leg.
    CompletesLeg,
}

impl Standing {
    /// The standing of a primary whose activity has an earlier one: both kinds decide.
    pub(crate) fn after(first: u8, later: u8) -> Self {
        let leg = Kind::AgentCallLeg.code();
        if first == leg && later == leg { Standing::CompletesLeg } else { Standing::DuplicatePrimary }
    }
}

/// The fields of an entry that follow from the scan: their values just after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Derived {
    pub(crate) elapsed_ms: i64,
    pub(crate) stage: Stage,
    /// The agents present, sorted.
    pub(crate) agents: Arc<[Box<str>]>,
    /// The queue's name of the open visit opened last.
    pub(crate) queue: Option<Arc<str>>,
    pub(crate) response_ms: Option<i64>,
    /// The opening message's activity, of an entry that closed a turn.
    pub(crate) responds_to: Option<Box<str>>,
}

/// The state of a conversation after its last entry.
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
    /// Of the entries one by one; what follows from stays, visits and turns is added in the summary.
    counts: Counts,
    wrap_ups: Vec<StoredWrapUp>,
}

impl Scan {
    /// The scan's bytes in the state.
    ///
    /// # Errors
    ///
    /// Where the form cannot be written, which no scan causes.
    pub(crate) fn write(&self) -> Result<Vec<u8>, String> {
        form::write(self, VERSION)
    }

    /// Reads what [`Scan::write`] wrote.
    ///
    /// # Errors
    ///
    /// Of another version, or of bytes that are no scan: what is wrong with them.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, String> {
        form::read(bytes, VERSION, "the scan of a conversation")
    }

    /// Applies the next entry of the total order. Gives the entry's derived fields, and to `amounts` the contributions
    /// that no later entry can change.
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

    /// The wrap-ups that are no duplicates, deleted ones included, by `(at, activityId)`.
    pub(crate) fn wrap_ups(&self) -> &[StoredWrapUp] {
        &self.wrap_ups
    }

    /// How many sessions, stays, visits, tasks, cycles and wrap-ups it holds: its length is by and large theirs.
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

    /// The customer's open visits, each by its first task and with its queue's name, in the order in which they were opened.
    pub(crate) fn waiting(&self) -> impl DoubleEndedIterator<Item = (&str, Option<&str>)> {
        self.visits.open_of_customer().map(|visit| (visit.task(), visit.queue()))
    }

    /// The agents who serve, sorted.
    pub(crate) fn serving_agents(&self) -> impl Iterator<Item = &str> {
        self.stays.serving_agents()
    }

    /// Whether agents are among themselves: then it is in no figure, and nobody waits.
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

    /// When the customer's message came that still waits for its answer.
    pub(crate) fn awaits_reply_since(&self) -> Option<i64> {
        self.turns.open_since()
    }

    /// What the conversation is in.
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
