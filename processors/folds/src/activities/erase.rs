//! Texts that no output may show any more leave the state too (rule A4).

use super::beside::Writes;
use super::bounds;
use super::state::{Events, What};
use crate::stored::StoredActor;

/// Drops the bodies that can never be shown again, whatever still arrives:
///
/// * of a primary that is not the first: an earlier one can come, never fewer;
/// * of the first primary, where its author, or somebody who always may, deleted it;
/// * of an edit, where its editor deleted too (an edit counts only if the editor is the author, and then so does the
///   deletion), or somebody who always may.
///
/// * of the items of suggestions, which quote the activity, where somebody who always may deleted it.
///
/// Everything else stays: a deletion by the author of *this* primary counts for nothing if an earlier primary of another
/// author arrives, and then the edits of that author, or of the system, are shown.
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
            | What::Hide
            | What::Hold { .. } => false,
        };
        if is_removed {
            writes.drop_texts(activity, event);
            event.drop_texts();
        }
    }
}

struct Deleters<'a> {
    /// Somebody deleted whose deletion counts whoever the author is: the system, a supervisor.
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
