// SPDX-License-Identifier: Apache-2.0

//! Removes texts from the state once no output may show them any more (rule A4).

use super::beside::Writes;
use super::bounds;
use super::state::{Events, What};
use crate::stored::StoredActor;

/// Drops bodies that can never be shown again, regardless of later events:
///
/// * the body of a primary that is not the first; an earlier primary may still arrive, but the first one never goes away;
/// * the body of the first primary, if its author, or an actor who may always delete, deleted it;
/// * the body of an edit, if its editor also deleted the activity (an edit counts only if the editor is the author, and then
///   the deletion counts too), or an actor who may always delete did;
///
/// * the items of suggestions, which quote the activity, if an actor who may always delete deleted it.
///
/// All other texts stay: a deletion by the author of *this* primary has no effect if an earlier primary of another author
/// arrives, and then the edits of that author, or of the system, are shown.
pub(super) fn removed_texts(activity: &[u8], events: &mut Events<'_>, writes: &mut Writes) {
    let deleters = Deleters::of(events);
    let mut first = true;
    let of_conversation = events.of_conversation;
    for event in &mut events.list {
        let erased = deleters.may_erase(event.actor.as_ref(), of_conversation);
        let is_removed = match &event.what {
            What::Primary(_) => !std::mem::take(&mut first) || erased,
            What::Edit { .. } => erased,
            What::Suggestion { .. } => deleters.always,
            What::Delete { .. }
            | What::Reaction { .. }
            | What::Response { .. }
            | What::Delivery { .. }
            | What::Mark(_)
            | What::Hold { .. } => false,
        };
        if is_removed {
            writes.drop_texts(activity, event);
            event.drop_texts();
        }
    }
}

struct Deleters<'a> {
    /// Whether an actor who may always delete did so: the system or a supervisor.
    always: bool,
    others: Vec<StoredActor<'a>>,
}

impl<'a> Deleters<'a> {
    fn of(events: &Events<'a>) -> Self {
        let mut deleters = Self { always: false, others: Vec::new() };
        for event in &events.list {
            if let What::Delete { .. } = event.what {
                deleters.always |= bounds::always_deletes(event);
                deleters.others.extend(event.actor);
            }
        }
        deleters
    }

    fn may_erase(&self, actor: Option<&StoredActor<'_>>, of_conversation: bool) -> bool {
        let is_deleter = |actor: &StoredActor<'_>| {
            self.others.iter().any(|deleter| deleter.is_same(actor, of_conversation))
        };
        self.always || actor.is_some_and(is_deleter)
    }
}
