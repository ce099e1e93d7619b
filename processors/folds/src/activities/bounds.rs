//! Limits of an activity (rule A10): the last events of each relation are folded. This bounds the size of an activity's state,
//! and which events are left out depends only on the set of events.

use serde::{Deserialize, Serialize};

use super::state::{Events, Stored, What};

/// Number of events of each relation that are folded, and of rejected events that are listed: the last ones.
pub(crate) const KEPT: usize = 200;

/// A group of events that share a limit. The numbers are stored in the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Group {
    /// The first primary is always kept.
    Primaries,
    Edits,
    /// Includes replies.
    Reactions,
    Suggestions,
    Receipts,
    /// Deletions that take effect are always kept; all of them are folded.
    Deletions,
    Hides,
    Holds,
}

impl Group {
    pub(super) const ALL: [Group; 8] = [
        Group::Primaries,
        Group::Edits,
        Group::Reactions,
        Group::Suggestions,
        Group::Receipts,
        Group::Deletions,
        Group::Hides,
        Group::Holds,
    ];

    pub(super) fn of(what: &What<'_>) -> Self {
        match what {
            What::Primary(_) => Group::Primaries,
            What::Edit { .. } => Group::Edits,
            What::Reaction { .. } | What::Response { .. } => Group::Reactions,
            What::Suggestion { .. } => Group::Suggestions,
            What::Delivery { .. } => Group::Receipts,
            What::Delete { .. } => Group::Deletions,
            What::Hide => Group::Hides,
            What::Hold { .. } => Group::Holds,
        }
    }

    /// Whether a left-out event may count later, although the activity is known. For example, a reply may turn out not to be
    /// one, so that one more reaction fits; or another author may turn out to be the first, so that another deletion counts.
    pub(super) fn comes_back(self) -> bool {
        matches!(self, Group::Reactions | Group::Deletions)
    }
}

/// Number of events left out, by relation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Omitted {
    counts: [u64; Group::ALL.len()],
    /// Number of reactions that are replies.
    responses: u64,
}

impl Omitted {
    pub(super) fn is_empty(&self) -> bool {
        self.counts.iter().all(|count| *count == 0)
    }

    pub(super) fn count(&self, group: Group) -> u64 {
        self.counts.get(group as usize).copied().unwrap_or(0)
    }

    pub(super) fn responses(&self) -> u64 {
        self.responses
    }

    pub(super) fn add(&mut self, event: &Stored<'_>) {
        self.change(event, |count| count.saturating_add(1));
    }

    pub(super) fn remove(&mut self, event: &Stored<'_>) {
        self.change(event, |count| count.saturating_sub(1));
    }

    fn change(&mut self, event: &Stored<'_>, with: impl Fn(u64) -> u64) {
        if let Some(count) = self.counts.get_mut(Group::of(&event.what) as usize) {
            *count = with(*count);
        }
        if event.is_response() {
            self.responses = with(self.responses);
        }
    }
}

/// Index of the earliest event of a relation with too many events. The first primary, the first deletion that counts, and the
/// first deletion that counts for any author are never left out.
pub(super) fn excess(events: &Events<'_>) -> Option<usize> {
    // With this few events in total, no relation has too many.
    if events.list.len() <= KEPT {
        return None;
    }
    let place = |is_it: &dyn Fn(&Stored<'_>) -> bool| events.list.iter().position(is_it);
    let deciding = [
        place(&|event| event.is_primary()),
        events.primary().and_then(|primary| place(&|event| deletes(event, primary, events.of_conversation))),
        place(&always_deletes),
    ];
    Group::ALL.into_iter().find_map(|group| {
        let is_of = |(_, event): &(usize, &Stored<'_>)| Group::of(&event.what) == group;
        let of_group = || events.list.iter().enumerate().filter(is_of);
        let mut places = of_group().map(|(place, _)| place).filter(|place| !deciding.contains(&Some(*place)));
        let first = places.next()?;
        (places.count() >= KEPT).then_some(first)
    })
}

/// Rule A4: whether an event is a deletion by the author, or by an actor who may always delete.
pub(super) fn deletes(event: &Stored<'_>, primary: &Stored<'_>, of_conversation: bool) -> bool {
    matches!(event.what, What::Delete { .. })
        && (always_deletes(event) || may_change(event, primary, of_conversation))
}

/// Whether an event is a deletion that counts for any author.
pub(super) fn always_deletes(event: &Stored<'_>) -> bool {
    let What::Delete { by_supervisor, is_done } = event.what else { return false };
    by_supervisor || is_done || event.actor.is_some_and(|actor| actor.is_system())
}

/// Rules A3 and A4: the author and the system may change an activity.
pub(super) fn may_change(event: &Stored<'_>, primary: &Stored<'_>, of_conversation: bool) -> bool {
    event.actor.is_some_and(|actor| {
        let is_author = |author: crate::stored::StoredActor<'_>| author.is_same(&actor, of_conversation);
        actor.is_system() || primary.actor.is_some_and(is_author)
    })
}
