//! The activity that a list of events makes: rules A1 to A10, one pass over the events in the total order.

use std::borrow::Cow;
use std::collections::BTreeMap;

use model::{Activity, Actor, Channel, Json, Kind, ReactionKind, SuggestionItem};

use super::bounds::{self, Group, KEPT};
use super::state::{Events, Stored, StoredItem, StoredLeg, StoredPrimary, What};

/// Lets `look` see the activity that the events make; none while its primary is not known.
pub(super) fn with_activity<R>(
    key: &[u8],
    events: &Events<'_>,
    limit: u64,
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
    let loaded: Vec<Loaded<'_>> = events.list.iter().map(Loaded::of).collect();
    let mut fold = Fold::over(&loaded, primary);
    fold.bound_bodies(limit);
    let omitted = omitted(events, &fold);
    let channel = fields.channel.map(|(channel_type, service_identifier)| Channel {
        channel_type: channel_type.map(Cow::Borrowed),
        service_identifier: service_identifier.map(Cow::Borrowed),
    });
    let author = primary.actor.map(crate::stored::StoredActor::to_model);
    let deleted = fold.deletion.is_some();
    let activity = Activity {
        activity_id: &activity_id,
        conversation_id: conversation_id.as_deref(),
        channel_session_id: fields.session,
        customer_id: fields.customer,
        kind,
        actor: author.as_ref(),
        channel: channel.as_ref(),
        occurred_at: primary.at,
        updated_at: fold.updated_at,
        revision: fold.revision,
        body: if deleted { None } else { fold.body_of.and_then(|event| event.body.as_ref()) },
        in_reply_to: fields.in_reply_to,
        provider_message_id: fields.provider_message_id,
        edits: fold.edits(deleted),
        deletion: fold.deletion.map(|loaded| model::Deletion {
            event_id: loaded.stored.id,
            at: loaded.stored.at,
            actor: loaded.actor.as_ref(),
        }),
        reactions: fold.reactions(),
        suggestions: fold.suggestions(),
        delivery: delivery(&fold.receipts),
        call: call(&fold.legs, &activity_id, fields),
        rejected: fold.rejected.split_off(fold.rejected.len().saturating_sub(KEPT)),
        omitted,
    };
    look(Some(&activity))
}

/// The events whose texts lie beside the state and are to be seen.
pub(super) fn wanted_texts(events: &Events<'_>, limit: u64) -> Vec<Box<str>> {
    let Some(primary) = events.primary() else { return Vec::new() };
    let loaded: Vec<Loaded<'_>> = events.list.iter().map(Loaded::of).collect();
    let mut fold = Fold::over(&loaded, primary);
    fold.bound_bodies(limit);
    let bodies = fold.edits.iter().skip(fold.edits_cut).chain(&fold.body_of);
    let bodies = bodies.filter(|_| fold.deletion.is_none());
    let wanted = bodies.chain(fold.suggestions.iter().skip(fold.suggestions_cut));
    wanted.filter(|event| event.stored.beside_bytes > 0).map(|event| Box::from(event.stored.id)).collect()
}

/// Rule A10: what is in nothing else of the record. Deletions that are left out would be rejected.
fn omitted(events: &Events<'_>, fold: &Fold<'_>) -> model::OmittedEvents {
    let count = |group| events.omitted.count(group);
    let rejected = fold.rejected.len().saturating_sub(KEPT) as u64;
    model::OmittedEvents {
        edits: count(Group::Edits),
        reactions: count(Group::Reactions),
        suggestions: count(Group::Suggestions),
        others: count(Group::Primaries) + count(Group::Receipts) + count(Group::Deletions) + rejected,
    }
}

/// An event with its parts in the form that the record borrows.
struct Loaded<'a> {
    stored: &'a Stored<'a>,
    actor: Option<Actor<'a>>,
    body: Option<Json<'a>>,
    items: Vec<SuggestionItem<'a>>,
    /// The same items without their bodies, once these are left out.
    bare: Vec<SuggestionItem<'a>>,
}

impl<'a> Loaded<'a> {
    fn of(stored: &'a Stored<'a>) -> Self {
        let (body, items) = match &stored.what {
            What::Primary(StoredPrimary { body, .. }) | What::Edit { body } => (*body, [].as_slice()),
            What::Suggestion { items } => (None, items.as_slice()),
            What::Delete { .. } | What::Reaction { .. } | What::Response { .. } | What::Delivery { .. } => {
                (None, [].as_slice())
            }
        };
        let json = |text: &'a str| Json::from_compact(Cow::Borrowed(text));
        let item = |item: &StoredItem<'a>| SuggestionItem {
            body: item.body.map(json),
            confidence: item.confidence.map(json),
        };
        Self {
            stored,
            actor: stored.actor.map(crate::stored::StoredActor::to_model),
            body: body.map(json),
            items: items.iter().map(item).collect(),
            bare: items.iter().map(|one| SuggestionItem { body: None, ..item(one) }).collect(),
        }
    }
}

/// Who reacted how: the last event of an identity decides (rule A5).
type Identity<'a> = (Option<&'a str>, Option<&'a str>, u8, &'a str);

#[derive(Default)]
struct Fold<'a> {
    updated_at: i64,
    revision: u64,
    last_accepted: Option<&'a str>,
    /// The event whose body is the activity's: the last accepted edit, else the primary.
    body_of: Option<&'a Loaded<'a>>,
    /// The size of the primary's body.
    primary_bytes: u64,
    edits: Vec<&'a Loaded<'a>>,
    /// So many of the first edits, and of the first suggestions, have lost their bodies (rule A10).
    edits_cut: usize,
    suggestions_cut: usize,
    deletion: Option<&'a Loaded<'a>>,
    responses: Vec<&'a Loaded<'a>>,
    deciding: BTreeMap<Identity<'a>, &'a Loaded<'a>>,
    suggestions: Vec<&'a Loaded<'a>>,
    receipts: Vec<(Rank, &'a Stored<'a>, Option<&'a str>)>,
    legs: Vec<(&'a Stored<'a>, StoredLeg<'a>)>,
    rejected: Vec<model::Rejected<'a>>,
}

impl<'a> Fold<'a> {
    fn over(events: &'a [Loaded<'a>], primary: &'a Stored<'a>) -> Self {
        let mut fold = Self { updated_at: primary.at, ..Self::default() };
        for event in events {
            match fold.take(event, primary) {
                Ok(()) => fold.accept(event.stored),
                Err(reason) => fold.rejected.push(model::Rejected {
                    event_id: event.stored.id,
                    at: event.stored.at,
                    relation: event.stored.what.word(),
                    reason,
                }),
            }
        }
        fold
    }

    /// Rule A8. An event that is there twice (a reply to itself) lies beside itself, and counts once.
    fn accept(&mut self, event: &'a Stored<'a>) {
        self.updated_at = self.updated_at.max(event.at);
        if self.last_accepted != Some(event.id) {
            self.revision += 1;
            self.last_accepted = Some(event.id);
        }
    }

    /// Takes an event in, or says why it is rejected.
    fn take(&mut self, event: &'a Loaded<'a>, primary: &'a Stored<'a>) -> Result<(), &'static str> {
        match &event.stored.what {
            What::Primary(fields) => self.take_primary(event, fields, primary),
            What::Edit { .. } if !bounds::may_change(event.stored, primary) => Err("not-author"),
            What::Edit { .. } => {
                self.edits.push(event);
                self.body_of = Some(event);
                Ok(())
            }
            What::Delete { .. } => {
                if !bounds::deletes(event.stored, primary) {
                    return Err("not-author");
                }
                if self.deletion.is_some() {
                    return Err("already-deleted");
                }
                self.deletion = Some(event);
                Ok(())
            }
            What::Reaction { kind, value, remove } => self.take_reaction(event, *kind, value, *remove),
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
                self.receipts.push((rank, event.stored, *reason_code));
                Ok(())
            }
        }
    }

    fn take_primary(
        &mut self,
        event: &'a Loaded<'a>,
        fields: &StoredPrimary<'a>,
        primary: &'a Stored<'a>,
    ) -> Result<(), &'static str> {
        let is_first = std::ptr::eq(event.stored, primary);
        let both_legs = event.stored.is_leg() && primary.is_leg();
        if !is_first && !both_legs {
            return Err("duplicate-primary");
        }
        if is_first {
            self.primary_bytes = event.stored.text_bytes();
            // An edit may be dated before its message: it counts all the same (rule A3).
            if self.edits.is_empty() {
                self.body_of = Some(event);
            }
        }
        if let Some(leg) = fields.leg {
            self.legs.push((event.stored, leg));
        }
        Ok(())
    }

    fn take_reaction(
        &mut self,
        event: &'a Loaded<'a>,
        kind: u8,
        value: &'a str,
        remove: bool,
    ) -> Result<(), &'static str> {
        if kind == ReactionKind::Response.code() {
            if remove {
                return Err("cannot-remove");
            }
            self.responses.push(event);
            return Ok(());
        }
        let actor = event.actor.as_ref();
        let Some(id) = actor.and_then(|actor| actor.id.as_deref()) else { return Err("no-actor") };
        let actor_type = actor.and_then(|actor| actor.actor_type.as_deref());
        self.deciding.insert((actor_type, Some(id), kind, value), event);
        Ok(())
    }

    /// Rule A10: the oldest bodies go until what is left is no more than `limit` together; first those of edits, then those of
    /// suggestions. What is deleted has none but those of suggestions. The activity's own body stays whatever it is.
    fn bound_bodies(&mut self, limit: u64) {
        let bytes = |event: &&Loaded<'_>| event.stored.text_bytes();
        let mut all: u64 = self.suggestions.iter().map(bytes).sum();
        if self.deletion.is_none() {
            all += self.primary_bytes + self.edits.iter().map(bytes).sum::<u64>();
            self.edits_cut = oldest_cut(&self.edits, &mut all, limit);
        }
        self.suggestions_cut = oldest_cut(&self.suggestions, &mut all, limit);
    }

    fn edits(&self, deleted: bool) -> Vec<model::Edit<'a>> {
        let edit = |(place, event): (usize, &&'a Loaded<'a>)| model::Edit {
            event_id: event.stored.id,
            at: event.stored.at,
            actor: event.actor.as_ref(),
            body: if deleted || place < self.edits_cut { None } else { event.body.as_ref() },
        };
        self.edits.iter().enumerate().map(edit).collect()
    }

    fn reactions(&self) -> Vec<model::Reaction<'a>> {
        let mut shown: Vec<model::Reaction<'a>> =
            self.responses.iter().chain(self.deciding.values()).filter_map(|event| reaction(event)).collect();
        shown.sort_by(|a, b| model::compare((a.at, a.event_id), (b.at, b.event_id)));
        shown
    }

    fn suggestions(&self) -> Vec<model::Suggestion<'a>> {
        let suggestion = |(place, event): (usize, &&'a Loaded<'a>)| model::Suggestion {
            event_id: event.stored.id,
            at: event.stored.at,
            actor: event.actor.as_ref(),
            items: if place < self.suggestions_cut { &event.bare } else { &event.items },
        };
        self.suggestions.iter().enumerate().map(suggestion).collect()
    }
}

/// How many of the oldest have to lose their texts, until `all` is no more than `limit`.
fn oldest_cut(events: &[&Loaded<'_>], all: &mut u64, limit: u64) -> usize {
    let mut cut = 0;
    for event in events {
        if *all <= limit {
            break;
        }
        *all -= event.stored.text_bytes();
        cut += 1;
    }
    cut
}

/// The reaction that an event shows; `None` for one that hides.
fn reaction<'a>(event: &'a Loaded<'a>) -> Option<model::Reaction<'a>> {
    let (kind, value) = match &event.stored.what {
        What::Response { value } => (ReactionKind::Response, *value),
        What::Reaction { kind, value, remove: false } => (ReactionKind::from_code(*kind)?, *value),
        What::Reaction { remove: true, .. }
        | What::Primary(_)
        | What::Edit { .. }
        | What::Delete { .. }
        | What::Suggestion { .. }
        | What::Delivery { .. } => return None,
    };
    Some(model::Reaction {
        event_id: event.stored.id,
        at: event.stored.at,
        actor: event.actor.as_ref(),
        kind,
        value,
    })
}

/// How far a message has come, in the order of rule A7.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    Accepted,
    Sent,
    Failed,
    Delivered,
    Read,
}

impl Rank {
    pub(super) fn of(status: &str) -> Option<Self> {
        match status {
            "ACCEPTED" => Some(Rank::Accepted),
            "SENT" => Some(Rank::Sent),
            "FAILED" => Some(Rank::Failed),
            "DELIVERED" => Some(Rank::Delivered),
            "READ" | "SEEN" => Some(Rank::Read),
            _ => None,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Rank::Accepted => "ACCEPTED",
            Rank::Sent => "SENT",
            Rank::Failed => "FAILED",
            Rank::Delivered => "DELIVERED",
            Rank::Read => "READ",
        }
    }
}

/// Rule A7. The receipts lie in the total order, so the first of a rank is its least.
fn delivery<'a>(receipts: &[(Rank, &'a Stored<'a>, Option<&'a str>)]) -> Option<model::Delivery<'a>> {
    let status = receipts.iter().map(|(rank, ..)| *rank).max()?;
    let first = |rank: Rank| receipts.iter().find(|(other, ..)| *other == rank);
    let at = |rank: Rank| first(rank).map(|(_, event, _)| event.at);
    Some(model::Delivery {
        status: status.as_str(),
        reason_code: first(status).and_then(|(_, _, reason_code)| *reason_code),
        accepted_at: at(Rank::Accepted),
        sent_at: at(Rank::Sent),
        delivered_at: at(Rank::Delivered),
        read_at: at(Rank::Read),
        failed_at: at(Rank::Failed),
    })
}

/// How long a call leg was, as far as that is known.
pub(super) fn leg_duration_ms(events: &Events<'_>) -> Option<i64> {
    let primary = events.primary()?;
    let What::Primary(fields) = &primary.what else { return None };
    let legs: Vec<(&Stored<'_>, StoredLeg<'_>)> = events.list.iter().filter_map(leg_of).collect();
    call(&legs, "", fields)?.duration_ms
}

fn leg_of<'s, 'a>(event: &'s Stored<'a>) -> Option<(&'s Stored<'a>, StoredLeg<'a>)> {
    match &event.what {
        What::Primary(fields) => Some((event, fields.leg?)),
        _ => None,
    }
}

/// Rule A9. All legs of the activity, started and ended ones, in the total order.
fn call<'a>(
    legs: &[(&'a Stored<'a>, StoredLeg<'a>)],
    leg_id: &'a str,
    primary: &StoredPrimary<'a>,
) -> Option<model::Call<'a>> {
    let call_id = primary.leg?.call_id.or(primary.session);
    let started = legs.iter().filter(|(_, leg)| !leg.ended);
    let ended = || legs.iter().filter(|(_, leg)| leg.ended);
    let begun = started.map(|(event, leg)| leg.start_time.unwrap_or(event.at)).min();
    let started_at = begun.or_else(|| ended().filter_map(|(_, leg)| leg.start_time).min());
    let ended_at = ended().map(|(event, leg)| leg.end_time.unwrap_or(event.at)).max();
    let duration_ms = match (started_at, ended_at) {
        (Some(start), Some(end)) => Some((end - start).max(0)),
        _ => None,
    };
    let reason = ended().next_back().and_then(|(_, leg)| leg.reason);
    Some(model::Call { leg_id, call_id, started_at, ended_at, duration_ms, reason })
}
