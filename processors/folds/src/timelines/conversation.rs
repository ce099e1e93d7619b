// SPDX-License-Identifier: Apache-2.0

//! One conversation during the flush: its keys, entries and notifications.

use std::borrow::Cow;

use engine::{Emitter, ProcessError};
use model::TimelineEntry;

use super::keys;
use super::said::{Reply, Said};
use super::state::corrupt;
use crate::scan::{Derived, Entry};
use crate::stored::{self, StoredActor};

const OUTPUT: usize = 0;

/// A conversation's id, plain and escaped.
#[derive(Clone, Copy)]
pub(super) struct Conversation<'c> {
    pub(super) id: &'c str,
    pub(super) escaped: &'c [u8],
}

impl Conversation<'_> {
    /// Parses an entry of this conversation.
    pub(super) fn entry<'b>(&self, bytes: &'b [u8]) -> Result<Entry<'b>, ProcessError> {
        Entry::read(bytes).map_err(|problem| corrupt(&keys::entries_of(self.escaped), problem))
    }

    /// The key of one of its activities.
    pub(super) fn activity_key(&self, activity_id: &str) -> String {
        model::activity_key(Some(self.id), activity_id)
    }

    /// Emits an entry.
    pub(super) fn emit(
        &self,
        entry: &Entry<'_>,
        derived: &Derived,
        emitter: &mut Emitter<'_>,
    ) -> Result<(), ProcessError> {
        if !emitter.is_published() {
            return Ok(());
        }
        let format = emitter.format(OUTPUT);
        let mut value = Vec::with_capacity(1024);
        self.with_record(entry, derived, |record| format.write(record, &mut value));
        let key = model::timeline_key(self.id, entry.id);
        emitter.emit(OUTPUT, self.id.as_bytes(), key.as_bytes(), Some(&value))
    }

    /// Passes the record of an entry to `look`.
    pub(super) fn with_record<R>(
        &self,
        entry: &Entry<'_>,
        derived: &Derived,
        look: impl FnOnce(&TimelineEntry<'_>) -> R,
    ) -> R {
        look(&TimelineEntry {
            entry_id: Cow::Borrowed(entry.id),
            conversation_id: Cow::Borrowed(self.id),
            at: entry.at,
            name: Cow::Borrowed(entry.name),
            category: entry.category(),
            activity_id: entry.activity_id().map(Cow::Borrowed),
            actor: entry.actor.map(StoredActor::to_model),
            channel_session_id: entry.session.map(Cow::Borrowed),
            customer_id: entry.customer.map(Cow::Borrowed),
            channel: entry.channel.map(stored::channel),
            elapsed_ms: derived.elapsed_ms,
            stage: derived.stage,
            agents: Cow::Borrowed(&derived.agents),
            queue: derived.queue.as_deref().map(Cow::Borrowed),
            response_ms: derived.response_ms,
            responds_to: derived.responds_to.as_deref().map(Cow::Borrowed),
        })
    }

    /// Deletes its entries and writes tombstones for them, within the budget; `false` if some remain.
    pub(super) fn erase_entries(&self, emitter: &mut Emitter<'_>) -> Result<bool, ProcessError> {
        let prefix = keys::entries_of(self.escaped);
        emitter.drain(&prefix, |key, emitter| {
            let event = String::from_utf8_lossy(key.get(prefix.len()..).unwrap_or_default());
            let shown = model::timeline_key(self.id, &event);
            emitter.emit(OUTPUT, self.id.as_bytes(), shown.as_bytes(), None)?;
            emitter.delete(key);
            Ok(())
        })
    }

    /// Notifies downstream processors which message closes the turn that an activity opened.
    pub(super) fn tell_turn(&self, opening: &str, reply: Option<Reply<'_>>, emitter: &mut Emitter<'_>) {
        emitter.tell(self.activity_key(opening).as_bytes(), &Said::Turn(reply).text());
    }
}

/// The turn that an entry closed: the opening activity and the reply.
pub(super) fn turn<'s>(entry: &Entry<'s>, derived: &'s Derived) -> Option<(&'s str, Reply<'s>)> {
    let reply = Reply { activity_id: entry.activity_id()?, response_ms: derived.response_ms? };
    Some((derived.responds_to.as_deref()?, reply))
}
