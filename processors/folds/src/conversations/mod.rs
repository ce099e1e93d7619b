//! One summary for each conversation (contract section 5): what its timeline's scan found, and what its activities add.

use std::collections::BTreeSet;

use engine::{Emitter, News, Notice, ProcessError, Processor, Scope};
use model::{ConversationSummary, Json, Record, WrapUp};

use crate::activities;
use crate::scan::StoredWrapUp;
use crate::timelines::{self, Progress, Said};

/// The processor's name in topics.yaml.
pub const NAME: &str = "conversations";
/// For every queue: offered = answered + abandoned + noAgent + cancelled + open.
pub const RULE_QUEUES: &str = "queues";
const SCHEMA: &str = "conversation/1";
const OUTPUT: usize = 0;

/// Sums conversations up: writes one topic, `cx.conversations`. It has no state of its own.
#[derive(Debug, Clone, Copy, Default)]
pub struct Conversations;

impl Processor for Conversations {
    fn name(&self) -> &'static str {
        NAME
    }

    fn namespace(&self) -> u8 {
        b'c'
    }

    fn outputs(&self) -> usize {
        1
    }

    fn follows(&self) -> &'static [&'static str] {
        &[activities::NAME, timelines::NAME]
    }

    fn settle(&self, news: &News<'_>, emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
        let changed = news.heard().filter(|note| Said::of(note) == Some(Said::Summary));
        let conversations: BTreeSet<&[u8]> = changed.map(|note| note.key).collect();
        conversations.into_iter().try_for_each(|escaped| emit(escaped, false, emitter))
    }

    /// The last word on a conversation: no figure of it changes any more.
    fn forget(&self, scope: &Scope<'_>, emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
        match scope {
            Scope::Conversation(escaped) => emit(escaped, true, emitter),
            Scope::Activity(_) => Ok(()),
        }
    }

    /// Also of one whose state was forgotten long ago.
    fn erase(&self, scope: &Scope<'_>, emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
        let Scope::Conversation(escaped) = scope else { return Ok(()) };
        let Some(id) = timelines::conversation_id(escaped) else { return Ok(()) };
        emitter.emit(OUTPUT, SCHEMA, id.as_bytes(), id.as_bytes(), None)
    }
}

fn emit(escaped: &[u8], is_final: bool, emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
    let Some(id) = timelines::conversation_id(escaped) else { return Ok(()) };
    let Some(progress) = timelines::progress(escaped, emitter)? else { return Ok(()) };
    let mut bodies = Vec::new();
    for wrap_up in progress.scan.wrap_ups() {
        let key = model::activity_key(Some(&id), &wrap_up.activity_id);
        let key = key.as_bytes();
        let shown = emitter.read_of(activities::NAME, key, |state| shown_body(key, state))??;
        bodies.extend(shown.map(|body| (wrap_up, body)));
    }
    let summary = summary(&id, &progress, &bodies, is_final);
    if !queues_are_conserved(&summary) {
        emitter.notice(Notice::Violation(RULE_QUEUES));
    }
    let mut value = Vec::with_capacity(2048);
    emitter.format(OUTPUT).write(&Record::from(&summary), &mut value);
    emitter.emit(OUTPUT, SCHEMA, id.as_bytes(), id.as_bytes(), Some(&value))
}

/// A wrap-up with its body.
pub(crate) type Shown<'p> = (&'p StoredWrapUp, Option<Json<'static>>);

/// The record of a conversation whose scan has come so far; `bodies` are the wrap-ups that are not deleted.
pub(crate) fn summary<'s>(
    id: &'s str,
    progress: &'s Progress,
    bodies: &'s [Shown<'s>],
    is_final: bool,
) -> ConversationSummary<'s> {
    let wrap_ups = bodies.iter().map(|(wrap_up, body)| WrapUp {
        activity_id: &wrap_up.activity_id,
        at: wrap_up.at,
        agent_id: wrap_up.agent_id.as_deref(),
        body: body.as_ref(),
    });
    progress.scan.summary(id, &progress.figures(), wrap_ups.collect(), is_final)
}

/// The body of a wrap-up as it now is, by its activity's state, null where it has none; `None` for one that is deleted.
pub(crate) fn shown_body(
    key: &[u8],
    state: Option<&[u8]>,
) -> Result<Option<Option<Json<'static>>>, ProcessError> {
    activities::with_activity(key, state, |activity| {
        let shown = activity.filter(|activity| activity.deletion.is_none())?;
        Some(shown.body.map(Json::to_static))
    })
}

/// Each visit that was offered is open, or has ended in exactly one way and not before it began.
fn queues_are_conserved(summary: &ConversationSummary<'_>) -> bool {
    summary.queue_visits.iter().all(|visit| match (visit.ended_at, visit.outcome, visit.wait_ms) {
        (None, None, None) => true,
        (Some(ended_at), Some(_), Some(wait_ms)) => wait_ms >= 0 && ended_at - visit.enqueued_at == wait_ms,
        _ => false,
    })
}
