// SPDX-License-Identifier: Apache-2.0

//! Builds the activity from its list of events: rules A1 to A10, in one pass in the total order.

use std::borrow::Cow;
use std::collections::BTreeMap;

use model::{Activity, Actor, Json, Kind, Mark, ReactionKind, SuggestionItem};

use super::bounds::{self, Group, KEPT};
use super::call::{call, hold_of};
use super::delivery::{Rank, Receipt, delivery};
use super::identity::{Identity, spelling, who};
use super::reads::ReadAt;
use super::state::{Events, Stored, StoredItem, StoredLeg, StoredPrimary, What};
use crate::stored::{self, StoredActor};

/// Passes the activity of the events to `look`; `None` while its primary is unknown.
pub(super) fn with_activity<R>(
    key: &[u8],
    events: &Events<'_>,
    (limit, read): (u64, Option<&ReadAt>),
    look: impl FnOnce(Option<&Activity<'_>>) -> R,
) -> R {
    let key = std::str::from_utf8(key).ok().and_then(model::parse_activity_key);
    let known = events.primary().and_then(|primary| match &primary.what {
        What::Primary(fields) => Some((primary, fields, Kind::from_code(fields.kind)?)),
        _ => None,
    });
    let (Some((conversation_id, activity_id)), Some((primary, fields, kind))) = (key, known) else {
        return look(None);
    };
    let mut fold = Fold::over(&events.list, primary, events.of_conversation);
    fold.bound_bodies(limit);
    let omitted = omitted(events, &fold);
    let deleted = fold.deletion.is_some();
    let mut activity = Activity {
        conversation_id: conversation_id.as_deref().map(Cow::Borrowed),
        channel_session_id: fields.session.map(Cow::Borrowed),
        customer_id: fields.customer.map(Cow::Borrowed),
        actor: actor_of(primary),
        channel: fields.channel.map(stored::channel),
        updated_at: fold.updated_at,
        revision: fold.revision,
        body: if deleted { None } else { fold.body_of.and_then(text_of) },
        in_reply_to: fields.in_reply_to.map(Cow::Borrowed),
        provider_message_id: fields.provider_message_id.map(Cow::Borrowed),
        edits: fold.edits(deleted),
        deletion: fold.deletion.map(by_whom),
        reactions: fold.reactions(deleted),
        suggestions: fold.suggestions(deleted),
        delivery: delivery(&fold.receipts, read, &activity_id),
        call: call(&fold.legs, &fold.holds, &activity_id, (primary, fields)),
        rejected: fold.rejected.split_off(fold.rejected.len().saturating_sub(KEPT)),
        room_id: fields.room.map(Cow::Borrowed),
        omitted,
        ..Activity::new(Cow::Borrowed(&activity_id), kind, primary.at)
    };
    for (code, event) in &fold.marks {
        if let Some(mark) = Mark::from_code(*code) {
            *activity.mark_mut(mark) = Some(by_whom(event));
        }
    }
    look(Some(&activity))
}

/// The events whose texts are shown and stored outside the state.
pub(super) fn wanted_texts(events: &Events<'_>, limit: u64) -> Vec<Box<str>> {
    let Some(primary) = events.primary() else { return Vec::new() };
    // Most activities hold all their texts.
    if events.list.iter().all(|event| event.beside_bytes == 0) {
        return Vec::new();
    }
    let mut fold = Fold::over(&events.list, primary, events.of_conversation);
    fold.bound_bodies(limit);
    let bodies = fold.edits.iter().skip(fold.edits_cut).chain(&fold.body_of);
    let bodies = bodies.filter(|_| fold.deletion.is_none());
    let items = fold.suggestions.iter().skip(fold.suggestions_cut).filter(|_| fold.deletion.is_none());
    let wanted = bodies.chain(items);
    wanted.filter(|event| event.beside_bytes > 0).map(|event| Box::from(event.id)).collect()
}

fn by_whom<'a>(event: &'a Stored<'a>) -> model::Deletion<'a> {
    model::Deletion { event_id: id_of(event), at: event.at, actor: actor_of(event) }
}

/// Rule A10: counts of omitted events that no other field includes. Left-out deletions would be rejected.
fn omitted(events: &Events<'_>, fold: &Fold<'_>) -> model::OmittedEvents {
    let count = |group| events.omitted.count(group);
    let rejected = fold.rejected.len().saturating_sub(KEPT) as u64;
    model::OmittedEvents {
        edits: count(Group::Edits),
        reactions: count(Group::Reactions),
        suggestions: count(Group::Suggestions),
        others: events.omitted.others() + rejected,
    }
}

fn id_of<'a>(event: &Stored<'a>) -> Cow<'a, str> {
    Cow::Borrowed(event.id)
}

fn actor_of<'a>(event: &Stored<'a>) -> Option<Actor<'a>> {
    event.actor.map(StoredActor::to_model)
}

fn json(text: &str) -> Json<'_> {
    Json::from_compact(Cow::Borrowed(text))
}

/// The text of a primary or an edit.
fn text_of<'a>(event: &Stored<'a>) -> Option<Json<'a>> {
    match &event.what {
        What::Primary(StoredPrimary { body, .. }) | What::Edit { body } => body.map(json),
        _ => None,
    }
}

/// The items of a suggestion; records above the limit have them without their bodies.
fn items_of<'a>(event: &Stored<'a>, with_bodies: bool) -> Vec<SuggestionItem<'a>> {
    let What::Suggestion { items } = &event.what else { return Vec::new() };
    let item = |item: &StoredItem<'a>| SuggestionItem {
        body: item.body.filter(|_| with_bodies).map(json),
        confidence: item.confidence.map(json),
    };
    items.iter().map(item).collect()
}

#[derive(Default)]
struct Fold<'a> {
    of_conversation: bool,
    updated_at: i64,
    revision: u64,
    last_accepted: Option<&'a str>,
    /// The event whose body is the activity's: the last accepted edit, else the primary.
    body_of: Option<&'a Stored<'a>>,
    /// The size of the primary's body.
    primary_bytes: u64,
    edits: Vec<&'a Stored<'a>>,
    /// Number of the oldest edits, and of the oldest suggestions, without their bodies (rule A10).
    edits_cut: usize,
    suggestions_cut: usize,
    deletion: Option<&'a Stored<'a>>,
    responses: Vec<&'a Stored<'a>>,
    deciding: BTreeMap<Identity<'a>, &'a Stored<'a>>,
    suggestions: Vec<&'a Stored<'a>>,
    receipts: Vec<Receipt<'a>>,
    /// The first event of each mark, by the mark's code.
    marks: BTreeMap<u8, &'a Stored<'a>>,
    legs: Vec<(&'a Stored<'a>, StoredLeg<'a>)>,
    holds: Vec<(i64, bool)>,
    rejected: Vec<model::Rejected<'a>>,
}

impl<'a> Fold<'a> {
    fn over(events: &'a [Stored<'a>], primary: &'a Stored<'a>, of_conversation: bool) -> Self {
        let mut fold = Self { of_conversation, updated_at: primary.at, ..Self::default() };
        for event in events {
            match fold.take(event, primary) {
                Ok(()) => fold.accept(event),
                Err(reason) => fold.rejected.push(model::Rejected {
                    event_id: id_of(event),
                    at: event.at,
                    relation: Cow::Borrowed(event.what.word()),
                    reason: Cow::Borrowed(reason),
                }),
            }
        }
        fold
    }

    /// Rule A8. An event that is stored twice (a reply to itself) is adjacent to itself and counts once.
    fn accept(&mut self, event: &'a Stored<'a>) {
        self.updated_at = self.updated_at.max(event.at);
        if self.last_accepted != Some(event.id) {
            self.revision += 1;
            self.last_accepted = Some(event.id);
        }
    }

    /// Accepts an event, or returns the reason for rejecting it.
    fn take(&mut self, event: &'a Stored<'a>, primary: &'a Stored<'a>) -> Result<(), &'static str> {
        match &event.what {
            What::Primary(fields) => self.take_primary(event, fields, primary),
            What::Edit { .. } if !bounds::may_change(event, primary, self.of_conversation) => {
                Err("not-author")
            }
            What::Edit { .. } => {
                self.edits.push(event);
                self.body_of = Some(event);
                Ok(())
            }
            What::Delete { .. } => {
                if !bounds::deletes(event, primary, self.of_conversation) {
                    return Err("not-author");
                }
                if self.deletion.is_some() {
                    return Err("already-deleted");
                }
                self.deletion = Some(event);
                Ok(())
            }
            What::Reaction { kind, value, remove } => self.take_reaction(event, *kind, *value, *remove),
            What::Response { .. } => {
                self.responses.push(event);
                Ok(())
            }
            What::Suggestion { .. } => {
                self.suggestions.push(event);
                Ok(())
            }
            What::Delivery { status, reason_code } => {
                let rank = Rank::of(status).ok_or("unknown-status")?;
                self.receipts.push((rank, event, *reason_code));
                Ok(())
            }
            What::Mark(code) => {
                self.marks.entry(*code).or_insert(event);
                Ok(())
            }
            What::Hold { .. } => {
                if !primary.is_leg() {
                    return Err("not-a-call");
                }
                self.holds.extend(hold_of(event));
                Ok(())
            }
        }
    }

    fn take_primary(
        &mut self,
        event: &'a Stored<'a>,
        fields: &StoredPrimary<'a>,
        primary: &'a Stored<'a>,
    ) -> Result<(), &'static str> {
        let is_first = std::ptr::eq(event, primary);
        let both_legs = event.is_leg() && primary.is_leg();
        if !is_first && !both_legs {
            return Err("duplicate-primary");
        }
        if is_first {
            self.primary_bytes = event.text_bytes();
            // An edit may be dated before its message; it counts all the same (rule A3).
            if self.edits.is_empty() {
                self.body_of = Some(event);
            }
        }
        if let Some(leg) = fields.leg {
            self.legs.push((event, leg));
        }
        Ok(())
    }

    fn take_reaction(
        &mut self,
        event: &'a Stored<'a>,
        kind: u8,
        value: Option<&'a str>,
        remove: bool,
    ) -> Result<(), &'static str> {
        if kind == ReactionKind::Response.code() {
            if remove {
                return Err("cannot-remove");
            }
            self.responses.push(event);
            return Ok(());
        }
        let Some(who) = who(event.actor, self.of_conversation) else { return Err("no-actor") };
        match value {
            Some(value) => {
                self.deciding.insert((who, kind, spelling(value)), event);
            }
            // It decides for all of them and withdraws them all.
            None => self.deciding.retain(|(other, of_kind, _), _| (*other, *of_kind) != (who, kind)),
        }
        Ok(())
    }

    /// Rule A10: removes the oldest bodies until the rest is within `limit`; first those of edits, then those of suggestions.
    /// Deleted activities have no bodies. The activity's own body always stays.
    fn bound_bodies(&mut self, limit: u64) {
        if self.deletion.is_some() {
            return;
        }
        let bytes = |event: &&Stored<'_>| event.text_bytes();
        let suggested: u64 = self.suggestions.iter().map(bytes).sum();
        let mut all = suggested + self.primary_bytes + self.edits.iter().map(bytes).sum::<u64>();
        self.edits_cut = oldest_cut(&self.edits, &mut all, limit);
        self.suggestions_cut = oldest_cut(&self.suggestions, &mut all, limit);
    }

    fn edits(&self, deleted: bool) -> Vec<model::Edit<'a>> {
        let edit = |(place, event): (usize, &&'a Stored<'a>)| model::Edit {
            event_id: id_of(event),
            at: event.at,
            actor: actor_of(event),
            body: if deleted || place < self.edits_cut { None } else { text_of(event) },
        };
        self.edits.iter().enumerate().map(edit).collect()
    }

    fn reactions(&self, deleted: bool) -> Vec<model::Reaction<'a>> {
        let mut events: Vec<&'a Stored<'a>> =
            self.responses.iter().chain(self.deciding.values()).copied().collect();
        events.sort_by_key(|event| event.order());
        events.into_iter().filter_map(|event| reaction(event, deleted)).collect()
    }

    fn suggestions(&self, deleted: bool) -> Vec<model::Suggestion<'a>> {
        let suggestion = |(place, event): (usize, &&'a Stored<'a>)| model::Suggestion {
            event_id: id_of(event),
            at: event.at,
            actor: actor_of(event),
            items: items_of(event, !deleted && place >= self.suggestions_cut),
        };
        self.suggestions.iter().enumerate().map(suggestion).collect()
    }
}

/// Number of the oldest events that must lose their texts to bring `all` within `limit`.
fn oldest_cut(events: &[&Stored<'_>], all: &mut u64, limit: u64) -> usize {
    let mut cut = 0;
    for event in events {
        if *all <= limit {
            break;
        }
        *all -= event.text_bytes();
        cut += 1;
    }
    cut
}

/// The reaction that an event shows; `None` if it hides one. A reaction that quotes a deleted activity has no value any more.
fn reaction<'a>(event: &'a Stored<'a>, deleted: bool) -> Option<model::Reaction<'a>> {
    let (kind, value) = match &event.what {
        What::Response { value } => (ReactionKind::Response, Some(*value)),
        What::Reaction { kind, value, remove: false } => {
            let kind = ReactionKind::from_code(*kind)?;
            let quotes = matches!(kind, ReactionKind::Flag | ReactionKind::Response);
            (kind, value.filter(|_| !(deleted && quotes)))
        }
        What::Reaction { remove: true, .. }
        | What::Primary(_)
        | What::Edit { .. }
        | What::Delete { .. }
        | What::Suggestion { .. }
        | What::Delivery { .. }
        | What::Mark(_)
        | What::Hold { .. } => return None,
    };
    Some(model::Reaction {
        event_id: id_of(event),
        at: event.at,
        actor: actor_of(event),
        kind,
        value: value.map(Cow::Borrowed),
    })
}
