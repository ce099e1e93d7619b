// SPDX-License-Identifier: Apache-2.0

//! Changes of a conversation since the last commit, and the entries that become visible because of them.

use std::ops::ControlFlow;

use engine::{Emitter, Notice, ProcessError};
use model::Order;

use super::RULE_DELIVERY;
use super::conversation::Conversation;
use super::keys::{self, Came};
use super::ledger::Sight;
use crate::activities::{self, Digests, LegFigures};
use crate::scan::{ActivityFigures, Entry, Standing, What};

/// First primary of an activity: event and kind code; `None` while it is unknown.
pub(super) type First = Option<(Box<str>, u8)>;

/// Entries that become visible, in the total order, each with its standing.
pub(super) type Visible<'v> = Vec<(Order<'v>, &'v Entry<'v>, Standing)>;

/// Effects of the changed activities on the conversation.
#[derive(Default)]
pub(super) struct ChangedActivities<'n> {
    /// Differences of the summary's sums.
    pub(super) figures: ActivityFigures,
    /// What call legs added to the figures of their agents, or add now.
    pub(super) legs: Vec<(LegFigures, Sight)>,
    /// Events that waited for an activity that is now known.
    awake: Vec<Box<str>>,
    /// The current first primaries, by escaped activity id, ascending.
    firsts: Vec<(&'n [u8], First)>,
}

impl<'n> ChangedActivities<'n> {
    /// Compares the current activities with the committed ones.
    pub(super) fn of(
        conversation: Conversation<'_>,
        activities: Vec<(&'n [u8], Digests)>,
        emitter: &mut Emitter<'_>,
    ) -> Result<Self, ProcessError> {
        let mut changed = Self { firsts: Vec::with_capacity(activities.len()), ..Self::default() };
        for (key, Digests { before, after }) in activities {
            let before = before.unwrap_or_default();
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
            let activity = key.get(conversation.escaped.len() + 1..).unwrap_or_default();
            changed.firsts.push((activity, after.first));
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
        let escaped = model::escape(activity_id);
        let found = self.firsts.binary_search_by_key(&escaped.as_bytes(), |(activity, _)| *activity);
        if let Some((_, first)) = found.ok().and_then(|place| self.firsts.get(place)) {
            return Ok(standing(entry, first));
        }
        let key = conversation.activity_key(activity_id);
        let key = key.as_bytes();
        let first = emitter.read_of(activities::NAME, key, |state| activities::first(key, state))??;
        Ok(standing(entry, &first))
    }

    /// The stored entries of events that no longer wait.
    pub(super) fn awake(
        &self,
        conversation: Conversation<'_>,
        emitter: &mut Emitter<'_>,
    ) -> Result<Vec<Vec<u8>>, ProcessError> {
        let mut entries = Vec::with_capacity(self.awake.len());
        for id in &self.awake {
            let key = keys::entry(conversation.escaped, id);
            entries.extend(emitter.read(&key, |bytes| bytes.map(<[u8]>::to_vec))?);
        }
        Ok(entries)
    }

    /// The entries that become visible, of new events and those that no longer wait: all except waiting relations.
    pub(super) fn visible<'v>(
        &self,
        conversation: Conversation<'_>,
        (came, awake): (&'v [Came<'v>], &'v [Entry<'v>]),
        emitter: &mut Emitter<'_>,
    ) -> Result<Visible<'v>, ProcessError> {
        let mut visible = Visible::with_capacity(came.len() + awake.len());
        let came = came.iter().map(|came| (came.order(), &came.entry));
        for (order, entry) in came.chain(awake.iter().map(|entry| (entry.order(), entry))) {
            if let Some(standing) = self.standing(conversation, entry, emitter)? {
                visible.push((order, entry, standing));
            }
        }
        if !awake.is_empty() {
            visible.sort_by_key(|(order, ..)| *order);
            visible.dedup_by_key(|(order, ..)| *order);
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
