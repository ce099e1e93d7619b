// SPDX-License-Identifier: Apache-2.0

//! Flush at the commit: advances the scan of each changed conversation, or goes back and repeats it.

use engine::{Emitter, Notice, ProcessError};
use model::Order;

use super::changes::{ChangedActivities, Visible};
use super::conservation::{OpenVisits, is_conserved};
use super::conversation::{Conversation, turn};
use super::keys::{self, Came, Changes};
use super::ledger::{Ledger, Sight};
use super::{Progress, RULE_CONSERVATION, RULE_STAGES, Said, Timelines, conversation_id, parts, said};
use crate::scan::{ActivityFigures, Derived, Entry, Standing};

impl Timelines {
    pub(super) fn settle_conversation(
        &self,
        escaped: &[u8],
        changes: Changes<'_>,
        emitter: &mut Emitter<'_>,
    ) -> Result<(), ProcessError> {
        let Some(id) = conversation_id(escaped) else { return Ok(()) };
        let conversation = Conversation { id: &id, escaped };
        let key = keys::progress(escaped);
        let before = parts::read(&key, emitter)?.unwrap_or_default();
        let parts_before = before.parts();
        let Changes { events, activities } = changes;
        let mut came = Vec::with_capacity(events.len());
        for (rank, bytes) in events {
            came.push(Came { rank, entry: conversation.entry(bytes)? });
        }
        if before.is_ordered() {
            keep_order(conversation, came.iter().map(Came::order), emitter);
        }
        let activities = ChangedActivities::of(conversation, activities, emitter)?;
        let awake = activities.awake(conversation, emitter)?;
        let awake = awake.iter().map(|bytes| conversation.entry(bytes)).collect::<Result<Vec<_>, _>>()?;
        let visible = activities.visible(conversation, (&came, &awake), emitter)?;
        let is_same = activities.figures == ActivityFigures::default() && activities.legs.is_empty();
        if visible.is_empty() && is_same {
            return Ok(());
        }
        let mut ledger = Ledger::default();
        let was_private = before.scan.is_private();
        let was_contact = said::contact(&before.scan);
        let were_open = OpenVisits::of(&before.scan);
        let figures = before.figures() + activities.figures;
        let mut after = match visible.first() {
            Some((earliest, ..)) if !before.is_before(*earliest) => {
                let news = (came.as_slice(), &activities);
                self.go_back(conversation, &before, *earliest, news, &mut ledger, emitter)?
            }
            _ => self.go_on(conversation, before, &visible, &mut ledger, emitter)?,
        };
        match (was_private, after.scan.is_private()) {
            (false, false) => {
                activities.legs.iter().for_each(|(leg, sight)| ledger.enter_leg(leg, *sight));
            }
            // Conversations among agents are in no metrics, and no customer waits in them.
            (true, true) => ledger = Ledger::default(),
            (false, true) => ledger = self.all(conversation, (&came, &activities), Sight::Was, emitter)?,
            (true, false) => ledger = self.all(conversation, (&came, &activities), Sight::Is, emitter)?,
        }
        after.set_figures(figures);
        if after.is_long() && !after.is_ordered() {
            begin_order(conversation, emitter)?;
            after.set_ordered(true);
        }
        if !after.stages_tile() {
            emitter.notice(Notice::Violation(RULE_STAGES));
        }
        if !is_conserved(&were_open, &OpenVisits::of(&after.scan), &ledger) {
            emitter.notice(Notice::Violation(RULE_CONSERVATION));
        }
        parts::write(&key, &after, parts_before, emitter)?;
        emitter.tell(escaped, &Said::Summary.text());
        if let Some(amounts) = said::amounts(&ledger) {
            emitter.tell(b"", &amounts);
        }
        let contact = said::contact(&after.scan);
        if contact != was_contact {
            emitter.tell(escaped, &said::moved(&was_contact, &contact));
        }
        if emitter.is_followed() {
            let watched = ledger.watched(after.standing(&self.alerts));
            emitter.tell(escaped, &Said::Watched(&watched.write()).text());
        }
        Ok(())
    }

    /// Advances the scan over the entries after it.
    fn go_on(
        &self,
        conversation: Conversation<'_>,
        mut progress: Progress,
        visible: &Visible<'_>,
        ledger: &mut Ledger,
        emitter: &mut Emitter<'_>,
    ) -> Result<Progress, ProcessError> {
        for (_, entry, standing) in visible {
            let derived = self.pass(&mut progress, (entry, *standing), Sight::Is, ledger);
            conversation.emit(entry, &derived, emitter)?;
            if let Some((opening, reply)) = turn(entry, &derived) {
                conversation.tell_turn(opening, Some(reply), emitter);
            }
            keep_checkpoint(conversation, &progress, emitter)?;
        }
        Ok(progress)
    }
}

impl Timelines {
    /// Advances the scan over the next entry; its contributions go into the ledger.
    pub(super) fn pass(
        &self,
        progress: &mut Progress,
        (entry, standing): (&Entry<'_>, Standing),
        sight: Sight,
        ledger: &mut Ledger,
    ) -> Derived {
        let mut enter = |amount: crate::scan::Amount<'_>| ledger.enter(&amount, sight);
        let derived = progress.scan.apply(entry, standing, &self.settings, &mut enter);
        progress
            .passed(entry, (standing, &derived), &self.alerts, &mut |span| ledger.enter_late(span, sight));
        derived
    }
}

/// Stores a checkpoint of the scan after this entry, if one is due here.
pub(super) fn keep_checkpoint(
    conversation: Conversation<'_>,
    progress: &Progress,
    emitter: &mut Emitter<'_>,
) -> Result<(), ProcessError> {
    if progress.is_at_checkpoint()
        && let Some(place) = progress.last()
    {
        let key = keys::checkpoint(conversation.escaped, place);
        // An earlier checkpoint at this key is already removed.
        parts::write(&key, progress, 0, emitter)?;
    }
    Ok(())
}

/// Stores the order of new entries, including waiting ones.
fn keep_order<'e>(
    conversation: Conversation<'_>,
    events: impl Iterator<Item = Order<'e>>,
    emitter: &mut Emitter<'_>,
) {
    for place in events {
        emitter.put(&keys::order(conversation.escaped, place), b"");
    }
}

/// Starts to store the order of a conversation's entries, which has become long.
fn begin_order(conversation: Conversation<'_>, emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
    let mut all: Vec<Vec<u8>> = Vec::new();
    emitter.scan_all(&keys::entries_of(conversation.escaped), |_, bytes| all.push(bytes.to_vec()))?;
    for bytes in &all {
        let entry = conversation.entry(bytes)?;
        keep_order(conversation, std::iter::once(entry.order()), emitter);
    }
    Ok(())
}
