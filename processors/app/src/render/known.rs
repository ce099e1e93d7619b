// SPDX-License-Identifier: Apache-2.0

//! What an activity says about the events of its timeline. An entry never carries text (contract section 4), so its words come
//! from the activity that it creates or changes.

use std::collections::HashMap;

use model::{Activity, Delivery, Kind, Mark, Reaction, ReactionKind, Rejected, SuggestionItem};

use super::body;
use super::text::{TEXT_COLUMNS_MAX, in_words, safe};

/// The maximum width of quoted texts.
const QUOTE_COLUMNS_MAX: usize = 40;

/// The parts of an activity that its timeline needs. Small, because `tail` keeps many.
#[derive(Debug, Default)]
pub struct Known {
    /// What it is, in words.
    pub what: String,
    /// Its current text.
    pub text: String,
    /// The events that changed it, by id, in words.
    said: HashMap<String, String>,
    /// The times of its delivery statuses.
    receipts: Vec<(i64, &'static str)>,
}

impl Known {
    /// Extracts the parts.
    pub fn of(activity: &Activity<'_>) -> Self {
        let text = body::of_activity(activity, TEXT_COLUMNS_MAX);
        let quote = quote(activity, &text);
        let mut said = HashMap::new();
        for edit in &activity.edits {
            let words = match &edit.body {
                Some(body) => format!("edited: {}", body::text(body, TEXT_COLUMNS_MAX)),
                None => format!("edited {quote}"),
            };
            said.insert(edit.event_id.to_string(), words);
        }
        for reaction in &activity.reactions {
            said.insert(reaction.event_id.to_string(), reaction_words(reaction, &quote));
        }
        for suggestion in &activity.suggestions {
            said.insert(suggestion.event_id.to_string(), suggestion_words(&suggestion.items, &quote));
        }
        if let Some(deletion) = &activity.deletion {
            said.insert(deletion.event_id.to_string(), format!("deleted the {}", kind_words(activity)));
        }
        for mark in Mark::ALL {
            if let Some(first) = activity.mark(*mark) {
                said.insert(first.event_id.to_string(), format!("{} {quote}", mark.words().did));
            }
        }
        for rejected in &activity.rejected {
            said.insert(rejected.event_id.to_string(), refusal(rejected, &quote));
        }
        let deleted = if activity.deletion.is_some() { " (deleted)" } else { "" };
        Self { what: format!("{}{deleted}", kind_words(activity)), text, said, receipts: receipts(activity) }
    }

    /// The event in words, if it changed the activity.
    pub fn said_by(&self, event_id: &str) -> Option<&str> {
        self.said.get(event_id).map(String::as_str)
    }

    /// The delivery status reached at this time.
    pub fn reached_at(&self, at: i64) -> Option<&'static str> {
        self.receipts.iter().rev().find(|(reached, _)| *reached == at).map(|(_, status)| *status)
    }

    /// The text for use in a sentence.
    pub fn quoted(&self) -> String {
        if self.text.is_empty() { format!("the {}", self.what) } else { quoted(&self.text) }
    }
}

fn quoted(text: &str) -> String {
    format!("“{}”", safe(text, QUOTE_COLUMNS_MAX))
}

/// An activity with this text, for use in a sentence.
fn quote(activity: &Activity<'_>, text: &str) -> String {
    match text {
        "" if activity.deletion.is_some() => format!("a {} that is deleted", kind_words(activity)),
        "" => format!("a {}", kind_words(activity)),
        text => quoted(text),
    }
}

/// The kind of an activity, in words.
pub fn kind_words(activity: &Activity<'_>) -> String {
    match activity.kind {
        Kind::CustomerMessage | Kind::AgentMessage | Kind::BotMessage if activity.in_reply_to.is_some() => {
            "reply".to_owned()
        }
        // The author is shown beside it.
        Kind::CustomerMessage | Kind::AgentMessage | Kind::BotMessage => "message".to_owned(),
        Kind::WhisperMessage => "whisper".to_owned(),
        Kind::EwtMessage => "waiting time".to_owned(),
        Kind::WrapUp => "wrap-up".to_owned(),
        Kind::ThirdPartyActivity => "third-party activity".to_owned(),
        Kind::AgentCallLeg => "call leg".to_owned(),
        kind => in_words(kind.as_str()),
    }
}

/// A reaction, in words; `quote` is its target.
pub fn reaction_words(reaction: &Reaction<'_>, quote: &str) -> String {
    let value = safe(reaction.value.as_deref().unwrap_or_default(), QUOTE_COLUMNS_MAX);
    match reaction.kind {
        ReactionKind::Emoji => format!("reacted {value} to {quote}"),
        ReactionKind::Flag => format!("flagged {quote}: {value}"),
        ReactionKind::Acknowledgement => format!("acknowledged {quote}"),
        ReactionKind::Response => format!("answered {quote}: {value}"),
    }
}

/// Suggestions, in words; `quote` is what they answer.
pub fn suggestion_words(items: &[SuggestionItem<'_>], quote: &str) -> String {
    let said: Vec<String> = items.iter().map(item_words).collect();
    if said.is_empty() {
        return format!("suggested nothing for {quote}");
    }
    format!("suggested {} for {quote}", said.join(", "))
}

fn item_words(item: &SuggestionItem<'_>) -> String {
    let text = item.body.as_ref().map(|body| body::text(body, QUOTE_COLUMNS_MAX)).unwrap_or_default();
    match item.confidence.as_ref().and_then(|number| number.as_str().parse::<f64>().ok()) {
        Some(confidence) => format!("“{text}” ({:.0} %)", confidence * 100.0),
        None => format!("“{text}”"),
    }
}

/// A rejected event, in words; `quote` is its target.
pub fn refusal(rejected: &Rejected<'_>, quote: &str) -> String {
    let what = match &*rejected.relation {
        "PRIMARY" => return format!("the same again, not counted ({})", safe(&rejected.reason, 40)),
        "DELETE" => "deletion of".to_owned(),
        "DELIVERY" => "receipt for".to_owned(),
        "EDIT" => "edit of".to_owned(),
        "REACTION" => "reaction on".to_owned(),
        relation => match Mark::from_name(relation) {
            Some(mark) => format!("{} of", mark.words().act),
            None => format!("{} of", in_words(relation)),
        },
    };
    format!("{what} {quote} refused ({})", safe(&rejected.reason, 40))
}

fn receipts(activity: &Activity<'_>) -> Vec<(i64, &'static str)> {
    let reached = activity.delivery.iter().flat_map(reached);
    reached.map(|(at, _, words)| (at, words)).collect()
}

/// The statuses of a delivery with their times, and in words. A `READ` that belongs to a later message is left out.
pub fn reached(delivery: &Delivery<'_>) -> impl Iterator<Item = (i64, &'static str, &'static str)> + use<> {
    let own_read_at = delivery.read_at.filter(|_| delivery.read_up_to.is_none());
    let all = [
        (delivery.accepted_at, "ACCEPTED", "accepted"),
        (delivery.sent_at, "SENT", "sent"),
        (delivery.failed_at, "FAILED", "failed"),
        (delivery.connected_at, "CONNECTED", "connected"),
        (delivery.delivered_at, "DELIVERED", "delivered"),
        (own_read_at, "READ", "read"),
    ];
    all.into_iter().filter_map(|(at, status, words)| Some((at?, status, words)))
}
