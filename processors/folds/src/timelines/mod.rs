// SPDX-License-Identifier: Apache-2.0

//! Timelines: one entry for each event, in the total order, each with the conversation's state just after it (contract section
//! 4).
//!
//! An entry's own fields never change, so an event is written once. Fields derived from earlier entries (stage, agents, queue,
//! response times) are not stored but computed by a scan, which is stored after the last entry. A later event advances the scan
//! and costs one step. An event in the past makes the scan of its conversation go back to the first entry, or in long
//! conversations to the last checkpoint before it. Only entries that changed are emitted again.
//!
//! Relations that wait for their target are stored as entries too, but left out of every scan until it is known.

mod changes;
mod conservation;
mod conversation;
mod flush;
mod keys;
mod ledger;
mod look;
mod parts;
mod past;
mod said;
mod state;

use std::sync::Arc;

use engine::{
    Context, Emitter, Forget, News, Outcome, ProcessError, Processor, Product, Retracted, Scope, Slice,
    SourceRecord,
};
use model::{Action, Event, Home};

use crate::activities;
use crate::scan::{Entry, LISTED, ScanSettings};
use crate::watches::AlertSettings;
use crate::widths::{ACTOR, CHANNEL, ID, Sizes};
use state::corrupt;

pub(crate) use keys::{conversation_id, owned};
pub(crate) use look::{in_progress, is_entry, is_first_part, place_of_all, places, records};
pub(crate) use parts::PART_BYTES;
pub(crate) use said::{Moved, Reply, Said};
pub(crate) use state::Progress;

/// The processor's name in topics.yaml.
pub const NAME: &str = "timelines";
/// Its output.
pub const PRODUCT: Product = Product {
    topic: "cx.timelines",
    schema: model::Schema::TIMELINE_ENTRY.header,
    one_for_each: "event of a conversation",
    key: "`conversationId/eventId`",
};

/// Maximum size of a record's value.
pub(crate) fn record_bytes(_: Sizes) -> u64 {
    8 * ID + ACTOR + CHANNEL + LISTED as u64 * ID
}

/// Key prefix of the processor's state.
pub(crate) const NAMESPACE: u8 = b't';
/// Invariant: the stages of a conversation cover its time without gaps or overlaps.
pub const RULE_STAGES: &str = "stages";
/// Invariant: the delivery status of an activity never goes back.
pub const RULE_DELIVERY: &str = "delivery";
/// Invariant: what a queue was offered has been answered, was abandoned, refused or cancelled, or is open.
pub const RULE_CONSERVATION: &str = "conservation";

/// Folds events into timelines: writes one topic, `cx.timelines`.
#[derive(Debug, Clone)]
pub struct Timelines {
    settings: ScanSettings,
    alerts: AlertSettings,
}

impl Timelines {
    /// Creates the processor from the settings.
    #[must_use]
    pub fn new(settings: &crate::Settings) -> Self {
        let scan = ScanSettings {
            service_level_ms: settings.service_level_ms,
            service_levels_ms: Arc::new(settings.service_levels_ms.clone()),
            longest_span_ms: settings.longest_span_ms,
        };
        Self { settings: scan, alerts: settings.alerts }
    }
}

impl Processor for Timelines {
    fn name(&self) -> &'static str {
        NAME
    }

    fn namespace(&self) -> u8 {
        NAMESPACE
    }

    fn products(&self) -> &'static [Product] {
        &[PRODUCT]
    }

    fn as_forget(&self) -> Option<&dyn Forget> {
        Some(self)
    }

    fn rules(&self) -> &'static [&'static str] {
        &[RULE_STAGES, RULE_DELIVERY, RULE_CONSERVATION]
    }

    fn follows(&self) -> &'static [&'static str] {
        &[activities::NAME]
    }

    fn wants(&self, home: &Home<'_>) -> bool {
        match home {
            Home::Conversation(_) => true,
            Home::Session(_) | Home::Activity(_) => false,
        }
    }

    fn process(
        &self,
        event: &Event<'_>,
        _record: &SourceRecord<'_>,
        context: &mut Context<'_>,
    ) -> Result<Outcome, ProcessError> {
        let Some(conversation) = &event.conversation_id else { return Ok(Outcome::Ignored) };
        if event.action == Action::Signal {
            return Ok(Outcome::Ignored);
        }
        let escaped = model::escape(conversation);
        let key = keys::entry(escaped.as_bytes(), &event.id);
        let bytes = Entry::of(event).write().map_err(|problem| corrupt(&key, problem))?;
        context.put(&key, &bytes);
        context.mark(&keys::mark(&escaped, event.order(), &bytes));
        Ok(Outcome::Folded)
    }

    fn flush(&self, news: &News<'_>, emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
        for (escaped, changes) in keys::by_conversation(news) {
            self.settle_conversation(escaped, changes, emitter)?;
        }
        Ok(())
    }
}

impl Forget for Timelines {
    /// Deletes the progress first: without it no reader finds the conversation, complete or not.
    fn forget(
        &self,
        scope: &Scope<'_>,
        _from: &[u8],
        emitter: &mut Emitter<'_>,
    ) -> Result<Slice, ProcessError> {
        let Scope::Conversation(escaped) = scope else { return Ok(Slice::Last) };
        forget_progress(escaped, emitter)?;
        for prefix in [keys::entries_of(escaped), keys::orders_of(escaped), keys::checkpoints_of(escaped)] {
            if !emitter.delete_under(&prefix)? {
                return Ok(Slice::of(false));
            }
        }
        for prefix in keys::parts_of(escaped) {
            if !emitter.delete_under(&prefix)? {
                return Ok(Slice::of(false));
            }
        }
        Ok(Slice::Last)
    }

    fn erase(
        &self,
        scope: &Scope<'_>,
        from: &[u8],
        emitter: &mut Emitter<'_>,
    ) -> Result<Slice, ProcessError> {
        let Scope::Conversation(escaped) = scope else { return Ok(Slice::Last) };
        let Some(id) = conversation_id(escaped) else { return Ok(Slice::Last) };
        forget_progress(escaped, emitter)?;
        if !(conversation::Conversation { id: &id, escaped }).erase_entries(emitter)? {
            return Ok(Slice::of(false));
        }
        self.forget(scope, from, emitter)
    }

    /// A retracted event was in no scan: only its entry is deleted.
    fn retract(&self, event: &Retracted<'_>, emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
        let Scope::Conversation(escaped) = event.scope else { return Ok(()) };
        let key = keys::entry(escaped, event.event_id);
        let place = emitter.read(&key, |bytes| {
            bytes.map(|bytes| Entry::read(bytes).map(|entry| (entry.at, entry.rank())))
        })?;
        if let Some(place) = place {
            let (at, rank) = place.map_err(|problem| corrupt(&key, problem))?;
            emitter.delete(&keys::order(escaped, (at, rank, event.event_id)));
            emitter.delete(&key);
        }
        Ok(())
    }
}

fn forget_progress(escaped: &[u8], emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
    let key = keys::progress(escaped);
    if emitter.read(&key, |progress| progress.is_some())? {
        emitter.delete(&key);
    }
    Ok(())
}

/// Progress of a conversation's scan, by its escaped id; for downstream processors.
///
/// # Errors
/// The state cannot be read; propagate the error.
pub(crate) fn progress(escaped: &[u8], emitter: &mut Emitter<'_>) -> Result<Option<Progress>, ProcessError> {
    parts::read_of(&keys::progress(escaped), emitter)
}
