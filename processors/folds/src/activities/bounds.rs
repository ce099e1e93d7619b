// SPDX-License-Identifier: Apache-2.0

//! Limits of an activity (rule A10): the last events of each relation are folded. This bounds the size of an activity's state,
//! and which events are left out depends only on the set of events.

use model::Mark;
use serde::{Deserialize, Serialize};

use super::state::{Events, Stored, What};

/// Number of events of each relation that are folded, and of rejected events that are listed: the last ones.
pub(crate) const KEPT: usize = 200;

/// A group of events that share a limit.
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
    Holds,
    /// Each mark by its code.
    Marks(u8),
}

impl Group {
    /// All groups, by their numbers in the state.
    pub(super) fn all() -> impl Iterator<Item = Group> {
        let fixed = [
            Group::Primaries,
            Group::Edits,
            Group::Reactions,
            Group::Suggestions,
            Group::Receipts,
            Group::Deletions,
            Group::Holds,
        ];
        fixed.into_iter().chain(Mark::ALL.iter().map(|mark| Group::Marks(mark.code())))
    }

    /// Its number in the state.
    pub(super) fn number(self) -> u8 {
        match self {
            Group::Primaries => 0,
            Group::Edits => 1,
            Group::Reactions => 2,
            Group::Suggestions => 3,
            Group::Receipts => 4,
            Group::Deletions => 5,
            Group::Holds => 6,
            // Codes of marks begin at 1.
            Group::Marks(code) => code.saturating_add(6),
        }
    }

    pub(super) fn of(what: &What<'_>) -> Self {
        match what {
            What::Primary(_) => Group::Primaries,
            What::Edit { .. } => Group::Edits,
            What::Reaction { .. } | What::Response { .. } => Group::Reactions,
            What::Suggestion { .. } => Group::Suggestions,
            What::Delivery { .. } => Group::Receipts,
            What::Delete { .. } => Group::Deletions,
            What::Mark(code) => Group::Marks(*code),
            What::Hold { .. } => Group::Holds,
        }
    }

    /// Whether the left-out events of this group have no count of their own in the record.
    pub(super) fn is_of_others(self) -> bool {
        !matches!(self, Group::Edits | Group::Reactions | Group::Suggestions)
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
    /// By the groups' numbers; shorter where none of the last ones is left out.
    counts: Vec<u64>,
    /// Number of reactions that are replies.
    responses: u64,
}

impl Omitted {
    pub(super) fn is_empty(&self) -> bool {
        self.counts.iter().all(|count| *count == 0)
    }

    pub(super) fn count(&self, group: Group) -> u64 {
        self.counts.get(usize::from(group.number())).copied().unwrap_or(0)
    }

    /// The number of events left out that have no count of their own in the record.
    pub(super) fn others(&self) -> u64 {
        Group::all().filter(|group| group.is_of_others()).map(|group| self.count(group)).sum()
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
        let number = usize::from(Group::of(&event.what).number());
        if self.counts.len() <= number {
            self.counts.resize(number + 1, 0);
        }
        if let Some(count) = self.counts.get_mut(number) {
            *count = with(*count);
        }
        // Equal counts are equal bytes, whatever was left out in between.
        while self.counts.last() == Some(&0) {
            self.counts.pop();
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
    Group::all().find_map(|group| {
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
