// SPDX-License-Identifier: Apache-2.0

//! Audit trail: who did what, when, to which activity, without texts (contract section 10). It has no state.
//!
//! Each readable event has one record, whether it waits or not. The key begins with the conversation, so events with the same
//! id in two conversations do not overwrite each other; the key of an event without a conversation is its id alone. An event
//! that waits for its session's conversation is written twice: immediately, and again once the conversation is known. The first
//! record is then deleted by a tombstone. The waiting event causes the tombstone, so it follows that record in the partition of
//! the event's id. Duplicates behave the same, also if only one of them names its conversation: each writes the same record
//! again.
//!
//! Signals leave no state, so erasure can delete their records only with the `erase` command, which reads the topic.

use engine::{
    Context, Emitter, Forget, HandleErasures, Outcome, ProcessError, Processor, Product, Scope, Slice,
    SourceRecord,
};
use model::{AuditRecord, Event, Home};

use crate::widths::{ACTOR, CHANNEL, ID, Sizes};
use crate::{admission, correlate, timelines};

/// The processor's name in topics.yaml.
pub const NAME: &str = "audit";
/// Its output.
pub const PRODUCT: Product = Product {
    topic: "cx.audit",
    schema: model::Schema::AUDIT.header,
    one_for_each: "event",
    key: "`conversationId/eventId`, or just `eventId` where there is no conversation",
};
const OUTPUT: usize = 0;

/// Maximum size of a record's value.
pub(crate) fn record_bytes(_: Sizes) -> u64 {
    8 * ID + ACTOR + CHANNEL
}

/// Writes one topic, `cx.audit`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Audit;

impl Processor for Audit {
    fn name(&self) -> &'static str {
        NAME
    }

    fn namespace(&self) -> u8 {
        b'u'
    }

    fn products(&self) -> &'static [Product] {
        &[PRODUCT]
    }

    fn as_forget(&self) -> Option<&dyn Forget> {
        Some(self)
    }

    fn as_handle_erasures(&self) -> Option<&dyn HandleErasures> {
        Some(self)
    }

    fn keeps_state(&self) -> bool {
        false
    }

    /// It reads only the event ids of an erased conversation, and of erased events that waited.
    fn follows(&self) -> &'static [&'static str] {
        &[admission::NAME, correlate::NAME]
    }

    fn wants(&self, _home: &Home<'_>) -> bool {
        true
    }

    fn wants_duplicates(&self) -> bool {
        true
    }

    fn process(
        &self,
        event: &Event<'_>,
        record: &SourceRecord<'_>,
        context: &mut Context<'_>,
    ) -> Result<Outcome, ProcessError> {
        let conversation = event.conversation_id.as_deref();
        let key = model::activity_key(conversation, &event.id);
        let partition_key = conversation.unwrap_or(&event.id).as_bytes();
        context.emit(OUTPUT, partition_key, key.as_bytes(), Some(&AuditRecord::of(event)))?;
        // Its conversation was added later, so the event may have waited.
        if record.conversation.is_some() && event.channel_session_id.is_some() {
            let waiting = model::activity_key(None, &event.id);
            context.emit(OUTPUT, event.id.as_bytes(), waiting.as_bytes(), None)?;
        }
        Ok(Outcome::Ignored)
    }
}

impl Forget for Audit {
    fn erase(
        &self,
        scope: &Scope<'_>,
        from: &[u8],
        emitter: &mut Emitter<'_>,
    ) -> Result<Slice, ProcessError> {
        let conversation = match scope {
            Scope::Conversation(escaped) => timelines::conversation_id(escaped),
            Scope::Activity(_) => None,
        };
        let mut from = from.to_vec();
        while let Some((next, ids)) = admission::event_ids(scope, &from, emitter)? {
            if !emitter.has_budget() {
                return Ok(Slice::GoesOn(from));
            }
            take_back(conversation.as_deref(), &ids, emitter)?;
            from = next;
        }
        Ok(Slice::Last)
    }
}

impl HandleErasures for Audit {
    /// Events that waited are already erased: the processor that holds them precedes this one.
    fn look_for_asked(&self, from: &[u8], emitter: &mut Emitter<'_>) -> Result<Slice, ProcessError> {
        let mut from = from.to_vec();
        while let Some((next, ids)) = correlate::erased_events(&from, emitter)? {
            if !emitter.has_budget() {
                return Ok(Slice::GoesOn(from));
            }
            take_back(None, &ids, emitter)?;
            from = next;
        }
        Ok(Slice::Last)
    }
}

/// Deletes the records of events: those with their conversation's key, those of events that waited or have no conversation, and
/// those of versions whose keys did not begin with the conversation.
fn take_back(
    conversation: Option<&str>,
    events: &[String],
    emitter: &mut Emitter<'_>,
) -> Result<(), ProcessError> {
    for id in events {
        if let Some(conversation) = conversation {
            let key = model::activity_key(Some(conversation), id);
            emitter.emit(OUTPUT, conversation.as_bytes(), key.as_bytes(), None)?;
        }
        let alone = model::activity_key(None, id);
        emitter.emit(OUTPUT, id.as_bytes(), alone.as_bytes(), None)?;
        if alone != *id {
            emitter.emit(OUTPUT, id.as_bytes(), id.as_bytes(), None)?;
        }
    }
    Ok(())
}
