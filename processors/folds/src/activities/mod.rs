// SPDX-License-Identifier: Apache-2.0

//! Events become activities (contract section 3).
//!
//! The state of an activity is the list of its distinct events in the total order. The output is a function of that list alone,
//! so the order of arrival and duplicates do not matter. Relations that arrive before their primary wait in the same list.
//!
//! The list is bounded (rule A10): it holds the last events of each relation. Left-out events that may count later, and long
//! texts, are stored under their own keys, so no record of the state becomes large.

mod beside;
mod bounds;
mod call;
mod delivery;
mod digest;
mod erase;
mod identity;
mod reads;
mod replies;
mod state;
mod view;
mod waiting;

use engine::{
    Context, Emitter, Expire, Forget, News, Outcome, ProcessError, Processor, Product, Scope, Slice,
    SourceRecord,
};
use model::{Action, Activity, Event, Home, Kind, Mark};
use std::collections::BTreeSet;

use crate::Limits;
use crate::owner::Owned;
use crate::widths::{ACTOR, CHANNEL, EVENT, FIELDS, ID, INTEGER, REACTION, SUGGESTION, Sizes};
use beside::Writes;
pub(crate) use beside::{Texts, is_beside, prefixes as places_beside};
use bounds::Group;
pub(crate) use bounds::KEPT;
use digest::Digest;
pub(crate) use digest::{Digests, LegFigures, first, has_suggestions, is_shown, leg_figures};
pub(crate) use reads::{ReadAt, place as read_place, read_at};
use state::{Events, Stored, What};
pub(crate) use waiting::{event_in as waiting_event, of as waiting_of};

/// The processor's name in topics.yaml.
pub const NAME: &str = "activities";
/// Key prefix of the processor's state.
pub(crate) const NAMESPACE: u8 = b'a';
pub(crate) const TEXTS_BYTES: u64 = state::TEXTS_BYTES;
/// Its output.
pub const PRODUCT: Product = Product {
    topic: "cx.activities",
    schema: model::Schema::ACTIVITY.header,
    one_for_each: "message, call leg, note …",
    key: "`conversationId/activityId`, or just `activityId` where there is no conversation",
};
const OUTPUT: usize = 0;

/// Maximum size of a record's value.
pub(crate) fn record_bytes(sizes: Sizes) -> u64 {
    let own = 10 * ID + ACTOR + CHANNEL + (1 + Mark::ALL.len() as u64) * EVENT;
    let rejected = ID + INTEGER + FIELDS;
    let lists = KEPT as u64 * (EVENT + REACTION + SUGGESTION + rejected);
    let delivery_and_call = 8 * ID + 20 * INTEGER;
    // The activity's own body always stays.
    own + lists + delivery_and_call + sizes.activity + sizes.value
}

/// Owner of a record of this processor's state; `None` for standalone activities.
pub(crate) fn owned(key: &[u8]) -> Option<Owned<'_>> {
    waiting::owned(key).or_else(|| beside::owned(key)).or_else(|| Owned::by_key(key, false))
}

/// Folds events into activities: writes one topic, `cx.activities`.
#[derive(Debug, Clone, Copy)]
pub struct Activities {
    limits: Limits,
    /// Limit for the bodies in one record, in bytes.
    activity_bytes: u64,
}

impl Activities {
    /// Creates the processor from the settings.
    #[must_use]
    pub fn new(settings: &crate::Settings) -> Self {
        Self { limits: settings.limits, activity_bytes: settings.activity_bytes }
    }
}

impl Processor for Activities {
    fn name(&self) -> &'static str {
        NAME
    }

    fn namespace(&self) -> u8 {
        NAMESPACE
    }

    fn products(&self) -> &'static [Product] {
        &[PRODUCT]
    }

    fn as_expire(&self) -> Option<&dyn Expire> {
        Some(self)
    }

    fn as_forget(&self) -> Option<&dyn Forget> {
        Some(self)
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
            Action::Fact(_) | Action::Signal => Ok(Outcome::Ignored),
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
                let (id, waiting_ms) = (&primary.activity_id, self.limits.waiting_ms);
                let changed = take_primary(conversation, (&key, id), stored, waiting_ms, context)?;
                // The waiting events were written together with it.
                if !changed.was_known && changed.was_there {
                    waiting::release(&key, self.limits.waiting_ms, context)?;
                }
                Ok(changed.outcome)
            }
        }
    }

    /// Takes a reply to a campaign message whose state is in this partition; the reply's partition sent it.
    fn receive(&self, key: &[u8], payload: &[u8], context: &mut Context<'_>) -> Result<(), ProcessError> {
        replies::receive(key, payload, self.limits.waiting_ms, context)
    }

    /// Notifies the downstream processors of the activities that changed: `Digests`.
    fn flush(&self, news: &News<'_>, emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
        let marked = reads::Marked::of(news.marked());
        let mut others = BTreeSet::new();
        reads::follow(&marked, &mut others, emitter)?;
        // The keys of one conversation are adjacent, so its read flag is looked up once.
        let mut conversation: Option<(&[u8], bool)> = None;
        for key in marked.with(&others) {
            let escaped = reads::conversation_of(key);
            let has_reads = match (conversation, escaped) {
                (Some((last, has_reads)), Some(escaped)) if last == escaped => has_reads,
                (_, Some(escaped)) => emitter.read(&reads::begun_key(escaped), |value| value.is_some())?,
                (_, None) => false,
            };
            conversation = escaped.map(|escaped| (escaped, has_reads));
            self.settle(key, has_reads, emitter)?;
        }
        Ok(())
    }
}

impl Expire for Activities {
    fn expire(&self, now_ms: i64, emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
        waiting::expire(now_ms, emitter)?;
        replies::expire(now_ms, emitter)
    }
}

impl Forget for Activities {
    fn forget(
        &self,
        scope: &Scope<'_>,
        _from: &[u8],
        emitter: &mut Emitter<'_>,
    ) -> Result<Slice, ProcessError> {
        if !waiting::forget(scope, emitter)? || !beside::forget(scope, emitter)? {
            return Ok(Slice::of(false));
        }
        match scope {
            Scope::Conversation(_) => Ok(Slice::of(emitter.delete_under(&scope.prefix())?)),
            Scope::Activity(key) => {
                emitter.delete(key);
                Ok(Slice::Last)
            }
        }
    }

    fn erase(
        &self,
        scope: &Scope<'_>,
        _from: &[u8],
        emitter: &mut Emitter<'_>,
    ) -> Result<Slice, ProcessError> {
        if !waiting::drop_all(scope, emitter)? || !beside::forget(scope, emitter)? {
            return Ok(Slice::of(false));
        }
        let take_back = |key: &[u8], emitter: &mut Emitter<'_>| {
            emitter.emit(OUTPUT, &model::partition_id(key), key, None)?;
            emitter.delete(key);
            Ok(())
        };
        match scope {
            Scope::Conversation(_) => Ok(Slice::of(emitter.drain(&scope.prefix(), take_back)?)),
            Scope::Activity(key) => {
                replies::withdraw_erased(key, emitter)?;
                take_back(key, emitter).map(|()| Slice::Last)
            }
        }
    }
}

impl Activities {
    /// Publishes an activity that changed, and notifies the downstream processors. `has_reads` says whether any message of its
    /// conversation was read.
    fn settle(&self, key: &[u8], has_reads: bool, emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
        let read = if has_reads { read_of(key, emitter)? } else { None };
        let before = if emitter.is_followed() { before(key, has_reads, emitter)? } else { None };
        let (is_followed, is_published) = (emitter.is_followed(), emitter.is_published());
        let (limit, format) = (self.activity_bytes, emitter.format(OUTPUT));
        let write = |activity: Option<&Activity<'_>>| {
            let mut out = Vec::with_capacity(1024);
            format.write(activity?, &mut out);
            Some(out)
        };
        // The events are read once for all of it. Usually all texts are among them.
        let (digests, wanted, value) = emitter.read(key, |state| {
            let events = Events::read(key, state)?;
            let digests = is_followed.then(|| {
                let after = Digest::of_events(key, &events, false).and_read(read.as_ref());
                Digests { before, after }.text()
            });
            let wanted = if is_published { view::wanted_texts(&events, limit) } else { Vec::new() };
            let is_whole = is_published && wanted.is_empty();
            let value = if is_whole {
                view::with_activity(key, &events, (limit, read.as_ref()), write)
            } else {
                None
            };
            Ok::<_, ProcessError>((digests, wanted, value))
        })??;
        let value = if wanted.is_empty() {
            value
        } else {
            let texts = texts(key, wanted, |text| emitter.read(text, |text| text.map(<[u8]>::to_vec)))?;
            let around = Around { texts: &texts, limit, read: read.as_ref() };
            emitter.read(key, |state| with_activity(key, state, &around, write))??
        };
        if let Some(value) = value {
            emitter.emit(OUTPUT, &model::partition_id(key), key, Some(&value))?;
        }
        if let Some(digests) = digests {
            emitter.tell(key, &digests);
        }
        Ok(())
    }
}

/// Digest of an activity at the last commit; `None` if it had no state.
fn before(key: &[u8], has_reads: bool, emitter: &mut Emitter<'_>) -> Result<Option<Digest>, ProcessError> {
    let digest = |state: Option<&[u8]>| state.map(|state| Digest::of(key, state, has_reads)).transpose();
    let Some(before) = emitter.read_committed(key, digest)?? else { return Ok(None) };
    let read = match &before.read_place {
        Some(place) => emitter.read_committed(place, |value| read_at(place, value))??,
        None => None,
    };
    Ok(Some(before.and_read(read.as_ref())))
}

/// Read time of an activity, from its conversation's read list.
fn read_of(key: &[u8], emitter: &mut Emitter<'_>) -> Result<Option<ReadAt>, ProcessError> {
    match emitter.read(key, |bytes| reads::place(key, bytes))?? {
        Some(place) => emitter.read(&place, |value| read_at(&place, value))?,
        None => Ok(None),
    }
}

/// Inputs of an activity's record besides its state.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Around<'r> {
    /// The texts named by [`wanted_texts`].
    pub(crate) texts: &'r Texts,
    /// Limit for all bodies together; above it the oldest edits and suggestions lose theirs (rule A10).
    pub(crate) limit: u64,
    /// Read time, as stored at [`read_place`].
    pub(crate) read: Option<&'r ReadAt>,
}

/// Passes the activity that a state of this processor represents to `look`; `None` while its primary is unknown.
///
/// # Errors
/// The state is corrupt: wipe and restore it.
pub(crate) fn with_activity<R>(
    key: &[u8],
    state: Option<&[u8]>,
    around: &Around<'_>,
    look: impl FnOnce(Option<&Activity<'_>>) -> R,
) -> Result<R, ProcessError> {
    let mut events = Events::read(key, state)?;
    for event in events.list.iter_mut().filter(|event| event.beside_bytes > 0) {
        let bytes = event.beside_bytes;
        if let Some(text) = around.texts.get(event.id) {
            event.put_texts(text).map_err(|problem| state::corrupt(key, &problem.to_string()))?;
        }
        debug_assert!(event.beside_bytes > 0 || event.text_bytes() == bytes, "another text");
    }
    Ok(view::with_activity(key, &events, (around.limit, around.read), look))
}

/// The events whose texts the record shows and that are stored outside the state.
///
/// # Errors
/// The state is corrupt: wipe and restore it.
pub(crate) fn wanted_texts(
    key: &[u8],
    state: Option<&[u8]>,
    limit: u64,
) -> Result<Vec<Box<str>>, ProcessError> {
    if !state.is_some_and(state::may_have_texts_beside) {
        return Ok(Vec::new());
    }
    Ok(view::wanted_texts(&Events::read(key, state)?, limit))
}

/// Loads these texts; `get` reads the value of a key.
///
/// # Errors
/// Those of `get`.
pub(crate) fn texts(
    key: &[u8],
    wanted: Vec<Box<str>>,
    get: impl FnMut(&[u8]) -> Result<Option<Vec<u8>>, ProcessError>,
) -> Result<Texts, ProcessError> {
    if wanted.is_empty() {
        return Ok(Texts::new());
    }
    beside::texts(key, wanted, get)
}

/// Loads the texts that an activity's record shows and that are stored outside its state, for a downstream processor.
///
/// # Errors
/// The state is corrupt: wipe and restore it.
pub(crate) fn texts_of(key: &[u8], limit: u64, emitter: &mut Emitter<'_>) -> Result<Texts, ProcessError> {
    let wanted = emitter.read_of(NAME, key, |state| wanted_texts(key, state, limit))??;
    texts(key, wanted, |text| emitter.read_of(NAME, text, |text| text.map(<[u8]>::to_vec)))
}

/// The message that a primary replies to, if the reply counts as a reaction: its event and the activity that it replies to.
#[derive(Debug, PartialEq, Eq)]
struct Reply {
    event_id: String,
    target: String,
}

impl Reply {
    /// Only a customer's reply is a reaction, and only the primary that counts (contract section 2, A1).
    fn of(events: &Events<'_>) -> Option<Self> {
        let first = events.primary()?;
        match &first.what {
            What::Primary(primary) if Kind::from_code(primary.kind).is_some_and(Kind::responds) => primary
                .in_reply_to
                .map(|target| Self { event_id: first.id.to_owned(), target: target.to_owned() }),
            _ => None,
        }
    }
}

/// Adds a primary. If another primary counts now, updates the reactions that result from replies. The target of a reply outside
/// every conversation may be in another partition.
fn take_primary(
    conversation: Option<&str>,
    (key, activity_id): (&str, &str),
    stored: Stored<'_>,
    waiting_ms: i64,
    context: &mut Context<'_>,
) -> Result<Changed, ProcessError> {
    let response = Stored::response(&stored, activity_id);
    let changed = change(key, Edit::Insert(stored), context)?;
    if changed.before != changed.after {
        if let Some(reply) = &changed.before {
            match conversation {
                Some(_) => {
                    let target = model::activity_key(conversation, &reply.target);
                    change(&target, Edit::Withdraw(&reply.event_id), context)?;
                }
                None => replies::withdraw(&reply.target, &reply.event_id, context),
            }
        }
        // Only the event that just arrived can have become the primary.
        if let Some(reply) = &changed.after {
            match conversation {
                Some(_) => {
                    let target = model::activity_key(conversation, &reply.target);
                    change(&target, Edit::Insert(response), context)?;
                }
                None => {
                    let until_ms = context.clock_ms().saturating_add(waiting_ms);
                    replies::send(&reply.target, &response, until_ms, context)?;
                }
            }
        }
    }
    Ok(changed)
}

/// A change of an activity's events. It lives for one call, so its size does not matter.
#[expect(clippy::large_enum_variant, reason = "boxing would allocate for every event")]
enum Edit<'a> {
    Insert(Stored<'a>),
    /// Withdraws the response of this event.
    Withdraw(&'a str),
}

/// Result of a change.
struct Changed {
    outcome: Outcome,
    /// Whether the activity had any state, including relations only.
    was_there: bool,
    /// Whether the primary was known before, and is now.
    was_known: bool,
    is_known: bool,
    /// The activity as a reply, before and after.
    before: Option<Reply>,
    after: Option<Reply>,
}

/// Changes the events of one activity; writes it and marks it dirty only if something changed.
fn change(key: &str, edit: Edit<'_>, context: &mut Context<'_>) -> Result<Changed, ProcessError> {
    let key = key.as_bytes();
    let withdrawn = match &edit {
        Edit::Withdraw(event_id) => Some((*event_id).to_owned()),
        Edit::Insert(_) => None,
    };
    let (changed, written) = context.read(key, |bytes| {
        let was_there = bytes.is_some();
        let mut events = Events::read(key, bytes)?;
        let before = Reply::of(&events);
        let first = events.primary().map(|first| first.id);
        let is_read = matches!(&edit, Edit::Insert(event) if reads::is_read(&event.what));
        let done = match edit {
            Edit::Insert(stored) => events.insert(stored),
            Edit::Withdraw(event_id) => events.withdraw(event_id),
        };
        if !done {
            let is_known = first.is_some();
            let outcome = Outcome::Duplicate;
            let changed =
                Changed { outcome, was_there, was_known: is_known, is_known, after: None, before: None };
            return Ok::<_, ProcessError>((changed, None));
        }
        let mut writes = Writes::default();
        erase::removed_texts(key, &mut events, &mut writes);
        writes.bound(key, &mut events)?;
        let now_first = events.primary().map(|first| first.id);
        let after = Reply::of(&events);
        let has_read = (is_read || first != now_first) && reads::has_read(&events);
        let left_out = LeftOut {
            is_new_author: first != now_first && events.omitted.count(Group::Deletions) > 0,
            is_known_now: first.is_none() && now_first.is_some() && !events.omitted.is_empty(),
            is_withdrawn: events.omitted.count(Group::Reactions) > 0,
        };
        let (was_known, is_known) = (first.is_some(), now_first.is_some());
        let changed = Changed { outcome: Outcome::Folded, was_there, was_known, is_known, before, after };
        Ok((changed, Some((events.write(key)?, writes, left_out, has_read))))
    })??;
    match (written, withdrawn) {
        (Some((bytes, writes, left_out, has_read)), withdrawn) => {
            if bytes.is_empty() {
                context.delete(key);
            } else {
                context.put(key, &bytes);
            }
            writes.carry_out(context);
            left_out.follow(key, withdrawn.is_some(), context)?;
            context.mark(key);
            if has_read {
                context.mark(&reads::mark(key));
            }
        }
        (None, Some(event_id)) => {
            if beside::forget_left_out(key, &event_id, true, context)? {
                context.mark(key);
            }
        }
        (None, None) => {}
    }
    Ok(changed)
}

/// Effect of a change on the left-out events. Usually there are none.
struct LeftOut {
    /// Another primary is the first, and some deletions are left out.
    is_new_author: bool,
    /// The activity has become known, and some events are left out.
    is_known_now: bool,
    /// Some reactions are left out.
    is_withdrawn: bool,
}

impl LeftOut {
    fn follow(&self, key: &[u8], is_withdrawn: bool, context: &mut Context<'_>) -> Result<(), ProcessError> {
        if self.is_known_now {
            beside::settle(key, context)?;
        }
        if self.is_new_author {
            beside::take_back(key, Group::Deletions, context)?;
        }
        if self.is_withdrawn && is_withdrawn {
            beside::take_back(key, Group::Reactions, context)?;
        }
        Ok(())
    }
}
