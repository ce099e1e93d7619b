// SPDX-License-Identifier: Apache-2.0

//! Changes of a conversation since the last commit, and the entries that become visible because of them.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;

use engine::{Emitter, Notice, ProcessError};
use model::Order;

use super::RULE_DELIVERY;
use super::conversation::Conversation;
use super::keys::{self, Changes};
use super::ledger::Sight;
use crate::activities::{self, Digest, LegFigures};
use crate::scan::{ActivityFigures, Entry, Standing, What};

/// First primary of an activity: event and kind code; `None` while it is unknown.
pub(super) type First = Option<(Box<str>, u8)>;

/// Entries that become visible, in the total order, each with its standing.
pub(super) type Visible<'b> = BTreeMap<Order<'b>, (Entry<'b>, Standing)>;

/// Effects of the changed activities on the conversation.
#[derive(Default)]
pub(super) struct ChangedActivities<'n> {
    /// Differences of the summary's sums.
    pub(super) figures: ActivityFigures,
    /// What call legs added to the figures of their agents, or add now.
    pub(super) legs: Vec<(LegFigures, Sight)>,
    /// Events that waited for an activity that is now known.
    awake: Vec<Box<str>>,
    /// The current first primaries, by activity key.
    firsts: HashMap<&'n [u8], First>,
}

impl<'n> ChangedActivities<'n> {
    /// Compares the current activities with the committed ones.
    pub(super) fn of(changes: &Changes<'n>, emitter: &mut Emitter<'_>) -> Result<Self, ProcessError> {
        let mut changed = Self::default();
        // Most conversations have no read receipts.
        let wants_read = match changes.activities.first() {
            Some(key) => {
                let slash = key.iter().position(|byte| *byte == b'/').unwrap_or(0);
                let begun = activities::reads_key(key.get(..slash).unwrap_or_default());
                emitter.read_of(activities::NAME, &begun, |value| value.is_some())?
            }
            None => false,
        };
        for key in &changes.activities {
            let digest = |state: Option<&[u8]>| Digest::of(key, state, wants_read);
            let before = emitter.read_committed_of(activities::NAME, key, digest)??;
            let after = emitter.read_of(activities::NAME, key, digest)??;
            let read = match &before.read_place {
                Some(place) => emitter.read_committed_of(activities::NAME, place, |value| {
                    activities::read_at(place, value)
                })??,
                None => None,
            };
            let before = before.and_read(read.as_ref());
            let read = match &after.read_place {
                Some(place) => {
                    emitter.read_of(activities::NAME, place, |value| activities::read_at(place, value))??
                }
                None => None,
            };
            let after = after.and_read(read.as_ref());
            changed.figures += after.figures - before.figures;
            if before.is_there && before.first.is_none() && after.first.is_some() {
                let waiting = activities::waiting_of(key);
                emitter.scan_committed_of(activities::NAME, &waiting, |key, _| {
                    changed.awake.extend(activities::waiting_event(&waiting, key).map(Box::from));
                    ControlFlow::Continue(())
                })?;
            }
            // If there are too many receipts, the first ones are left out.
            if after.delivery_rank < before.delivery_rank && !after.omits_receipts {
                emitter.notice(Notice::Violation(RULE_DELIVERY));
            }
            if after.leg != before.leg {
                changed.legs.extend(before.leg.map(|leg| (leg, Sight::Was)));
                changed.legs.extend(after.leg.map(|leg| (leg, Sight::Is)));
            }
            changed.firsts.insert(key, after.first);
        }
        Ok(changed)
    }

    /// Standing of an entry; `None` for a relation that waits for its target.
    pub(super) fn standing(
        &self,
        conversation: Conversation<'_>,
        entry: &Entry<'_>,
        emitter: &mut Emitter<'_>,
    ) -> Result<Option<Standing>, ProcessError> {
        let Some(activity_id) = entry.activity_id() else { return Ok(Some(Standing::Counts)) };
        let key = conversation.activity_key(activity_id);
        let key = key.as_bytes();
        if let Some(first) = self.firsts.get(key) {
            return Ok(standing(entry, first));
        }
        let first = emitter.read_of(activities::NAME, key, |state| activities::first(key, state))??;
        Ok(standing(entry, &first))
    }

    /// The stored entries of the new events, and of those that no longer wait.
    pub(super) fn entries(
        &self,
        conversation: Conversation<'_>,
        changes: &Changes<'_>,
        emitter: &mut Emitter<'_>,
    ) -> Result<Vec<Vec<u8>>, ProcessError> {
        let came = changes.events.iter().map(|(.., id)| *id);
        let mut entries = Vec::with_capacity(changes.events.len() + self.awake.len());
        for id in came.chain(self.awake.iter().map(|id| &**id)) {
            let key = keys::entry(conversation.escaped, id);
            entries.extend(emitter.read(&key, |bytes| bytes.map(<[u8]>::to_vec))?);
        }
        Ok(entries)
    }

    /// The entries that become visible: all except waiting relations.
    pub(super) fn visible<'b>(
        &self,
        conversation: Conversation<'_>,
        entries: &'b [Vec<u8>],
        emitter: &mut Emitter<'_>,
    ) -> Result<Visible<'b>, ProcessError> {
        let mut visible = Visible::new();
        for bytes in entries {
            let entry = conversation.entry(bytes)?;
            if let Some(standing) = self.standing(conversation, &entry, emitter)? {
                visible.insert(entry.order(), (entry, standing));
            }
        }
        Ok(visible)
    }
}

/// Standing of an entry at the last commit; `None` for a relation that waited for its target.
pub(super) fn standing_before(
    conversation: Conversation<'_>,
    entry: &Entry<'_>,
    emitter: &mut Emitter<'_>,
) -> Result<Option<Standing>, ProcessError> {
    let Some(activity_id) = entry.activity_id() else { return Ok(Some(Standing::Counts)) };
    let key = conversation.activity_key(activity_id);
    let key = key.as_bytes();
    let first = emitter.read_committed_of(activities::NAME, key, |state| activities::first(key, state))??;
    Ok(standing(entry, &first))
}

/// Standing of an entry, by the first primary of its activity; `None` for a relation that waits for its target.
pub(super) fn standing(entry: &Entry<'_>, first: &First) -> Option<Standing> {
    match (&entry.what, first) {
        (What::Relation { .. }, None) => None,
        (What::Primary { kind, .. }, Some((first, first_kind))) if **first != *entry.id => {
            Some(Standing::after(*first_kind, *kind))
        }
        _ => Some(Standing::Counts),
    }
}
