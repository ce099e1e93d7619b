// SPDX-License-Identifier: Apache-2.0

//! Summary of each conversation (contract section 5): the result of its timeline's scan and the contributions of its
//! activities.

use std::borrow::Cow;
use std::collections::BTreeSet;

use engine::{Emitter, Forget, News, Notice, ProcessError, Processor, Product, Scope, Slice};
use model::{ConversationSummary, Json, WrapUp};

use crate::activities;
use crate::scan::{LISTED, StoredWrapUp};
use crate::timelines::{self, Progress, Said};
use crate::widths::{CHANNEL, FIELDS, ID, INTEGER, NAME_TEXT, Sizes};

/// The processor's name in topics.yaml.
pub const NAME: &str = "conversations";
/// Invariant for every queue: offered = answered + abandoned + noAgent + cancelled + open.
pub const RULE_QUEUES: &str = "queues";
/// Its output.
pub const PRODUCT: Product = Product {
    topic: "cx.conversations",
    schema: model::Schema::CONVERSATION.header,
    one_for_each: "conversation",
    key: "`conversationId`, as it is",
};
const OUTPUT: usize = 0;

/// Maximum size of a record's value.
pub(crate) fn record_bytes(sizes: Sizes) -> u64 {
    let session = ID + CHANNEL + 2 * INTEGER + FIELDS;
    let stay = 3 * ID + NAME_TEXT + 8 * INTEGER + FIELDS;
    let visit = 6 * ID + 4 * INTEGER + FIELDS;
    let cycle = 2 * INTEGER + FIELDS;
    let task = 6 * ID + 8 * INTEGER + FIELDS;
    let wrap_up = 2 * ID + INTEGER + FIELDS;
    let lists = ID + session + stay + visit + wrap_up + cycle + task;
    6 * ID + LISTED as u64 * lists + 96 * INTEGER + sizes.activity
}

/// Summarizes conversations: writes one topic, `cx.conversations`. It has no state of its own.
#[derive(Debug, Clone, Copy)]
pub struct Conversations {
    /// Limit for the bodies of the wrap-ups in one summary, in bytes.
    bodies_bytes: u64,
}

impl Conversations {
    /// Creates the processor from the settings.
    #[must_use]
    pub fn new(settings: &crate::Settings) -> Self {
        Self { bodies_bytes: settings.activity_bytes }
    }
}

impl Processor for Conversations {
    fn name(&self) -> &'static str {
        NAME
    }

    fn namespace(&self) -> u8 {
        b'c'
    }

    fn products(&self) -> &'static [Product] {
        &[PRODUCT]
    }

    fn as_forget(&self) -> Option<&dyn Forget> {
        Some(self)
    }

    fn keeps_state(&self) -> bool {
        false
    }

    fn rules(&self) -> &'static [&'static str] {
        &[RULE_QUEUES]
    }

    fn follows(&self) -> &'static [&'static str] {
        &[activities::NAME, timelines::NAME]
    }

    fn flush(&self, news: &News<'_>, emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
        let changed = news.heard().filter(|note| Said::of(note) == Some(Said::Summary));
        let conversations: BTreeSet<&[u8]> = changed.map(|note| note.key).collect();
        conversations.into_iter().try_for_each(|escaped| self.emit_summary(escaped, false, emitter))
    }
}

impl Forget for Conversations {
    /// Writes the final summary: no figure of the conversation changes any more.
    fn forget(
        &self,
        scope: &Scope<'_>,
        _from: &[u8],
        emitter: &mut Emitter<'_>,
    ) -> Result<Slice, ProcessError> {
        if let Scope::Conversation(escaped) = scope {
            self.emit_summary(escaped, true, emitter)?;
        }
        Ok(Slice::Last)
    }

    /// Also erases conversations whose state was forgotten long ago.
    fn erase(
        &self,
        scope: &Scope<'_>,
        _from: &[u8],
        emitter: &mut Emitter<'_>,
    ) -> Result<Slice, ProcessError> {
        if let Scope::Conversation(escaped) = scope
            && let Some(id) = timelines::conversation_id(escaped)
        {
            emitter.emit(OUTPUT, id.as_bytes(), id.as_bytes(), None)?;
        }
        Ok(Slice::Last)
    }
}

impl Conversations {
    fn emit_summary(
        self,
        escaped: &[u8],
        is_final: bool,
        emitter: &mut Emitter<'_>,
    ) -> Result<(), ProcessError> {
        let limit = self.bodies_bytes;
        let Some(id) = timelines::conversation_id(escaped) else { return Ok(()) };
        let Some(progress) = timelines::progress(escaped, emitter)? else { return Ok(()) };
        let wrap_ups = ShownWrapUps::of(&progress, limit, |activity_id, wants_body| {
            let key = model::activity_key(Some(&id), activity_id);
            let key = key.as_bytes();
            if !wants_body {
                let is_shown =
                    emitter.read_of(activities::NAME, key, |state| activities::is_shown(key, state))??;
                return Ok(is_shown.then_some(None));
            }
            let texts = activities::texts_of(key, limit, emitter)?;
            emitter.read_of(activities::NAME, key, |state| shown_body(key, state, (&texts, limit)))?
        })?;
        let summary = summary(&id, &progress, &wrap_ups, is_final);
        if !queues_are_conserved(&summary) {
            emitter.notice(Notice::Violation(RULE_QUEUES));
        }
        let mut value = Vec::with_capacity(2048);
        emitter.format(OUTPUT).write(&summary, &mut value);
        emitter.emit(OUTPUT, id.as_bytes(), id.as_bytes(), Some(&value))
    }
}

/// The wrap-ups of a summary: the last ones that are not deleted, each with its body.
#[derive(Debug, Default)]
pub(crate) struct ShownWrapUps<'p> {
    list: Vec<(&'p StoredWrapUp, Option<Json<'static>>)>,
    omitted: u64,
}

impl<'p> ShownWrapUps<'p> {
    /// Loads the wrap-ups of a conversation. `shown` returns what [`shown_body`] returns for the activity with this id, and the
    /// body only if it is asked for. If all bodies together exceed `limit`, the oldest are left out (contract section 5).
    ///
    /// # Errors
    /// Those of `shown`.
    pub(crate) fn of(
        progress: &'p Progress,
        limit: u64,
        mut shown: impl FnMut(&str, bool) -> Result<Option<Option<Json<'static>>>, ProcessError>,
    ) -> Result<Self, ProcessError> {
        let mut wrap_ups = Self::default();
        let mut left = limit;
        let mut is_full = false;
        for wrap_up in progress.scan.wrap_ups().iter().rev() {
            let is_listed = wrap_ups.list.len() < LISTED;
            let Some(body) = shown(&wrap_up.activity_id, is_listed && !is_full)? else { continue };
            if !is_listed {
                wrap_ups.omitted += 1;
                continue;
            }
            let bytes = body.as_ref().map_or(0, |body| body.as_str().len() as u64);
            is_full |= bytes > left;
            left = left.saturating_sub(bytes);
            wrap_ups.list.push((wrap_up, body.filter(|_| !is_full)));
        }
        wrap_ups.list.reverse();
        Ok(wrap_ups)
    }
}

/// The record of a conversation at this point of its scan.
pub(crate) fn summary<'s>(
    id: &'s str,
    progress: &'s Progress,
    wrap_ups: &'s ShownWrapUps<'s>,
    is_final: bool,
) -> ConversationSummary<'s> {
    let list = wrap_ups.list.iter().map(|(wrap_up, body)| WrapUp {
        activity_id: Cow::Borrowed(&wrap_up.activity_id),
        at: wrap_up.at,
        agent_id: wrap_up.agent_id.as_deref().map(Cow::Borrowed),
        body: body.as_ref().map(Json::borrowed),
    });
    let mut summary = progress.scan.summary(id, &progress.figures(), list.collect(), is_final);
    summary.omitted.wrap_ups = wrap_ups.omitted;
    summary
}

/// The current body of a wrap-up, by its activity's state; null if it has none; `None` if it is deleted.
pub(crate) fn shown_body(
    key: &[u8],
    state: Option<&[u8]>,
    texts: (&activities::Texts, u64),
) -> Result<Option<Option<Json<'static>>>, ProcessError> {
    let (texts, limit) = texts;
    activities::with_activity(key, state, &activities::Around { texts, limit, read: None }, |activity| {
        let shown = activity.filter(|activity| activity.deletion.is_none())?;
        Some(shown.body.as_ref().map(Json::to_static))
    })
}

/// Each offered visit is open or has ended in exactly one way, and not before it began.
fn queues_are_conserved(summary: &ConversationSummary<'_>) -> bool {
    summary.queue_visits.iter().all(|visit| match (visit.ended_at, visit.outcome, visit.wait_ms) {
        (None, None, None) => true,
        (Some(ended_at), Some(_), Some(wait_ms)) => wait_ms >= 0 && ended_at - visit.enqueued_at == wait_ms,
        _ => false,
    })
}
