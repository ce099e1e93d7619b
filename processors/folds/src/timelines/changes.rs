//! What has changed in a conversation since the last commit, and which entries are to be seen because of it.

use std::collections::{BTreeMap, HashMap};

use engine::{Emitter, Notice, ProcessError};

use super::RULE_DELIVERY;
use super::conversation::Conversation;
use super::keys::{self, Changes};
use crate::activities::{self, Digest};
use crate::scan::{ActivityFigures, Entry, Standing, What};

/// The first primary of an activity: its event, and its kind's code; none while it is not known.
pub(super) type First = Option<(Box<str>, u8)>;

/// Entries in the total order, as they lie in the state.
pub(super) type Entries = BTreeMap<(i64, Box<str>), Vec<u8>>;

/// What the activities that changed mean for the conversation.
#[derive(Default)]
pub(super) struct ChangedActivities<'n> {
    /// By how much the sums of the summary change.
    pub(super) figures: ActivityFigures,
    /// Events that waited for an activity which is known now.
    awake: Vec<Box<str>>,
    /// The first primaries as they are now, by the activities' keys.
    firsts: HashMap<&'n [u8], First>,
}

impl<'n> ChangedActivities<'n> {
    /// Compares the activities as they are with what is committed.
    pub(super) fn of(changes: &Changes<'n>, emitter: &mut Emitter<'_>) -> Result<Self, ProcessError> {
        let mut changed = Self::default();
        for key in &changes.activities {
            let before =
                emitter.read_committed_of(activities::NAME, key, |state| Digest::of(key, state))??;
            let after = emitter.read_of(activities::NAME, key, |state| Digest::of(key, state))??;
            changed.figures += after.figures - before.figures;
            if before.first.is_none() && after.first.is_some() {
                let waited =
                    emitter.read_of(activities::NAME, key, |state| activities::relations(key, state))??;
                changed.awake.extend(waited);
            }
            if after.delivery_rank < before.delivery_rank {
                emitter.notice(Notice::Violation(RULE_DELIVERY));
            }
            changed.firsts.insert(key, after.first);
        }
        Ok(changed)
    }

    /// The first primary of an activity, changed or not.
    fn first(
        &self,
        conversation: Conversation<'_>,
        activity_id: &str,
        emitter: &mut Emitter<'_>,
    ) -> Result<First, ProcessError> {
        let key = conversation.activity_key(activity_id);
        let key = key.as_bytes();
        match self.firsts.get(key) {
            Some(first) => Ok(first.clone()),
            None => emitter.read_of(activities::NAME, key, |state| activities::first(key, state))?,
        }
    }

    /// How an entry stands; `None` for a relation that waits for its target.
    pub(super) fn standing(
        &self,
        conversation: Conversation<'_>,
        entry: &Entry<'_>,
        emitter: &mut Emitter<'_>,
    ) -> Result<Option<Standing>, ProcessError> {
        let Some(activity_id) = entry.activity_id() else { return Ok(Some(Standing::Counts)) };
        let first = self.first(conversation, activity_id, emitter)?;
        Ok(standing(entry, &first))
    }

    /// The entries that are to be seen from now on: those that came, but for relations that wait, and those that have
    /// waited.
    pub(super) fn visible(
        &self,
        conversation: Conversation<'_>,
        changes: &Changes<'_>,
        emitter: &mut Emitter<'_>,
    ) -> Result<Entries, ProcessError> {
        let mut visible = Entries::new();
        let came = changes.events.iter().map(|(_, id)| *id);
        for id in came.chain(self.awake.iter().map(|id| &**id)) {
            let key = keys::entry(conversation.escaped, id);
            let Some(bytes) = emitter.read(&key, |bytes| bytes.map(<[u8]>::to_vec))? else { continue };
            let entry = conversation.entry(&bytes)?;
            if self.standing(conversation, &entry, emitter)?.is_some() {
                visible.insert((entry.at, entry.id.into()), bytes);
            }
        }
        Ok(visible)
    }
}

/// How an entry stood when the last commit was made; `None` for a relation that waited for its target.
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

/// How an entry stands, by the first primary of its activity; `None` for a relation that waits for its target.
pub(super) fn standing(entry: &Entry<'_>, first: &First) -> Option<Standing> {
    match (&entry.what, first) {
        (What::Relation { .. }, None) => None,
        (What::Primary { kind, .. }, Some((first, first_kind))) if **first != *entry.id => {
            Some(Standing::after(*first_kind, *kind))
        }
        _ => Some(Standing::Counts),
    }
}
