//! Events become activities (contract section 3).
//!
//! The state of an activity is the list of the distinct events that concern it, in the total order. What is emitted is a
//! function of that list alone, so order of arrival and repetition cannot matter. Relations that come before their
//! primary wait in the same list.

mod digest;
mod erase;
mod state;
mod view;
mod waiting;

use engine::{Context, Emitter, News, Outcome, ProcessError, Processor, Scope, SourceRecord};
use model::{Action, Activity, Event, Home, Kind};

use crate::Limits;
use crate::owner::Owned;
pub(crate) use digest::{Digest, first, has_suggestions, relations};
use state::{Events, Stored, What};

/// The processor's name in topics.yaml.
pub const NAME: &str = "activities";
/// Begins the keys of its state.
pub(crate) const NAMESPACE: u8 = b'a';
const SCHEMA: &str = "activity/1";
const OUTPUT: usize = 0;

/// Whose a record of this processor's state is; `None` for activities that belong to no conversation.
pub(crate) fn owned(key: &[u8]) -> Option<Owned<'_>> {
    waiting::owned(key).or_else(|| Owned::by_key(key, false))
}

/// Folds events into activities: writes one topic, `cx.activities`.
#[derive(Debug, Clone, Copy)]
pub struct Activities {
    limits: Limits,
}

impl Activities {
    /// The processor, as configured.
    #[must_use]
    pub fn new(settings: &crate::Settings) -> Self {
        Self { limits: settings.limits }
    }
}

impl Processor for Activities {
    fn name(&self) -> &'static str {
        NAME
    }

    fn namespace(&self) -> u8 {
        NAMESPACE
    }

    fn outputs(&self) -> usize {
        1
    }

    fn wants(&self, home: &Home<'_>) -> bool {
        match home {
            Home::Conversation(_) | Home::Activity(_) => true,
            Home::Session(_) => false,
        }
    }

    fn process(
        &self,
        event: &Event<'_>,
        record: &SourceRecord<'_>,
        context: &mut Context<'_>,
    ) -> Result<Outcome, ProcessError> {
        let conversation = event.conversation_id.as_deref();
        match &event.action {
            Action::Fact(_) => Ok(Outcome::Ignored),
            Action::Relation(relation) => {
                let key = model::activity_key(conversation, &relation.target);
                let changed = change(&key, Edit::Insert(Stored::relation(event, relation)), context)?;
                if !changed.is_known && changed.outcome == Outcome::Folded {
                    waiting::hold(&key, &event.id, record, self.limits.waiting_ms, context);
                }
                Ok(changed.outcome)
            }
            Action::Primary(primary) => {
                let key = model::activity_key(conversation, &primary.activity_id);
                let stored = Stored::primary(event, primary);
                let changed = take_primary(conversation, &key, stored, &primary.activity_id, context)?;
                // What waits for it has been written down with it.
                if !changed.was_known && changed.was_there {
                    waiting::release(&key, self.limits.waiting_ms, context)?;
                }
                Ok(changed.outcome)
            }
        }
    }

    fn expire(&self, now_ms: i64, emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
        waiting::expire(now_ms, emitter)
    }

    fn forget(&self, scope: &Scope<'_>, emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
        waiting::forget(scope, emitter)?;
        match scope {
            Scope::Conversation(_) => emitter.delete_under(&scope.prefix()),
            Scope::Activity(key) => {
                emitter.delete(key);
                Ok(())
            }
        }
    }

    fn erase(&self, scope: &Scope<'_>, emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
        waiting::drop_all(scope, emitter)?;
        let mut keys: Vec<Vec<u8>> = Vec::new();
        emitter.scan(&scope.prefix(), |key, _| keys.push(key.to_vec()))?;
        for key in keys {
            emitter.emit(OUTPUT, SCHEMA, &model::partition_id(&key), &key, None)?;
            emitter.delete(&key);
        }
        Ok(())
    }

    /// Those that follow are told the keys of the activities that changed.
    fn settle(&self, news: &News<'_>, emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
        for key in news.marked() {
            self.emit(key, emitter)?;
            emitter.tell(key, b"");
        }
        Ok(())
    }

    fn emit(&self, key: &[u8], emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
        if !emitter.is_published() {
            return Ok(());
        }
        let format = emitter.format(OUTPUT);
        let value = emitter.read(key, |bytes| {
            with_activity(key, bytes, |activity| {
                let mut out = Vec::with_capacity(1024);
                format.write(&activity?.into(), &mut out);
                Some(out)
            })
        })??;
        if let Some(value) = value {
            emitter.emit(OUTPUT, SCHEMA, &model::partition_id(key), key, Some(&value))?;
        }
        Ok(())
    }
}

/// Lets `look` see the activity that a state of this processor makes; none while its primary is not known.
///
/// # Errors
/// The state cannot be read: wipe and restore it.
pub(crate) fn with_activity<R>(
    key: &[u8],
    state: Option<&[u8]>,
    look: impl FnOnce(Option<&Activity<'_>>) -> R,
) -> Result<R, ProcessError> {
    let events = Events::read(key, state)?;
    Ok(view::with_activity(key, &events, look))
}

/// Which message a primary answers, as far as the answer is a reaction on it: its event, and the answered activity.
#[derive(Debug, PartialEq, Eq)]
struct Reply {
    event_id: String,
    target: String,
}

impl Reply {
    /// Only a customer's answer is a reaction, and only by the primary that counts (contract section 2, A1).
    fn of(events: &Events<'_>) -> Option<Self> {
        let first = events.primary()?;
        match &first.what {
            What::Primary(primary) if primary.kind == Kind::CustomerMessage.code() => primary
                .in_reply_to
                .map(|target| Self { event_id: first.id.to_owned(), target: target.to_owned() }),
            _ => None,
        }
    }
}

/// Adds a primary. Where that changes which primary counts, the reactions that replies are follow.
fn take_primary(
    conversation: Option<&str>,
    key: &str,
    stored: Stored<'_>,
    activity_id: &str,
    context: &mut Context<'_>,
) -> Result<Changed, ProcessError> {
    let response = Stored::response(&stored, activity_id);
    let changed = change(key, Edit::Insert(stored), context)?;
    if changed.before != changed.after {
        if let Some(reply) = &changed.before {
            let target = model::activity_key(conversation, &reply.target);
            change(&target, Edit::Withdraw(&reply.event_id), context)?;
        }
        // Only the event that has just come can have become the primary.
        if let Some(reply) = &changed.after {
            let target = model::activity_key(conversation, &reply.target);
            change(&target, Edit::Insert(response), context)?;
        }
    }
    Ok(changed)
}

/// One change of an activity's events. Lives for one call: its size does not matter.
#[expect(clippy::large_enum_variant, reason = "boxing would allocate for every event")]
enum Edit<'a> {
    Insert(Stored<'a>),
    /// Takes back the response that this event was.
    Withdraw(&'a str),
}

/// What a change did.
struct Changed {
    outcome: Outcome,
    /// Whether anything was known of the activity, be it relations only.
    was_there: bool,
    /// Whether the activity's primary was known, and is.
    was_known: bool,
    is_known: bool,
    /// The reply that the activity was, and is.
    before: Option<Reply>,
    after: Option<Reply>,
}

/// Changes the events of one activity; writes and marks it only where something changed.
fn change(key: &str, edit: Edit<'_>, context: &mut Context<'_>) -> Result<Changed, ProcessError> {
    let key = key.as_bytes();
    let (changed, bytes) = context.read(key, |bytes| {
        let was_there = bytes.is_some();
        let mut events = Events::read(key, bytes)?;
        let before = Reply::of(&events);
        let was_known = events.primary().is_some();
        let done = match edit {
            Edit::Insert(stored) => events.insert(stored),
            Edit::Withdraw(event_id) => events.withdraw(event_id),
        };
        if !done {
            let is_known = was_known;
            let outcome = Outcome::Duplicate;
            let changed = Changed { outcome, was_there, was_known, is_known, after: None, before: None };
            return Ok::<_, ProcessError>((changed, None));
        }
        erase::removed_texts(&mut events);
        let is_known = events.primary().is_some();
        let after = Reply::of(&events);
        let changed = Changed { outcome: Outcome::Folded, was_there, was_known, is_known, before, after };
        Ok((changed, Some(events.write(key)?)))
    })??;
    if let Some(bytes) = bytes {
        if bytes.is_empty() {
            context.delete(key);
        } else {
            context.put(key, &bytes);
        }
        context.mark(key);
    }
    Ok(changed)
}
