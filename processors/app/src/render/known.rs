//! What an activity says about the events of its timeline. An entry never carries text (contract section 4), so its words come
//! from the activity that it creates or changes.

use std::collections::HashMap;

use super::body;
use super::records::{Activity, Delivery, Reaction, Rejected, SuggestionItem};
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
    pub fn of(activity: &Activity) -> Self {
        let quote = quote(activity);
        let mut said = HashMap::new();
        for edit in &activity.edits {
            let words = match &edit.body {
                Some(body) => format!("edited: {}", body::text(body, TEXT_COLUMNS_MAX)),
                None => format!("edited {quote}"),
            };
            said.insert(edit.event_id.clone(), words);
        }
        for reaction in &activity.reactions {
            said.insert(reaction.event_id.clone(), reaction_words(reaction, &quote));
        }
        for suggestion in &activity.suggestions {
            said.insert(suggestion.event_id.clone(), suggestion_words(&suggestion.items, &quote));
        }
        if let Some(deletion) = &activity.deletion {
            said.insert(deletion.event_id.clone(), format!("deleted the {}", kind_words(activity)));
        }
        if let Some(hidden) = &activity.hidden {
            said.insert(hidden.event_id.clone(), format!("hid {quote}"));
        }
        for rejected in &activity.rejected {
            said.insert(rejected.event_id.clone(), refusal(rejected, &quote));
        }
        let deleted = if activity.deletion.is_some() { " (deleted)" } else { "" };
        Self {
            what: format!("{}{deleted}", kind_words(activity)),
            text: body::of_activity(activity, TEXT_COLUMNS_MAX),
            said,
            receipts: receipts(activity),
        }
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

/// An activity for use in a sentence.
fn quote(activity: &Activity) -> String {
    let text = body::of_activity(activity, QUOTE_COLUMNS_MAX);
    match text.as_str() {
        "" if activity.deletion.is_some() => format!("a {} that is deleted", kind_words(activity)),
        "" => format!("a {}", kind_words(activity)),
        text => quoted(text),
    }
}

/// The kind of an activity, in words.
pub fn kind_words(activity: &Activity) -> String {
    match activity.kind.as_str() {
        "CUSTOMER_MESSAGE" | "AGENT_MESSAGE" | "BOT_MESSAGE" if activity.in_reply_to.is_some() => {
            "reply".to_owned()
        }
        // The author is shown beside it.
        "CUSTOMER_MESSAGE" | "AGENT_MESSAGE" | "BOT_MESSAGE" => "message".to_owned(),
        "WHISPER_MESSAGE" => "whisper".to_owned(),
        "EWT_MESSAGE" => "waiting time".to_owned(),
        "WRAP_UP" => "wrap-up".to_owned(),
        "THIRD_PARTY_ACTIVITY" => "third-party activity".to_owned(),
        "AGENT_CALL_LEG" => "call leg".to_owned(),
        kind => in_words(kind),
    }
}

/// A reaction, in words; `quote` is its target.
pub fn reaction_words(reaction: &Reaction, quote: &str) -> String {
    let value = safe(&reaction.value, QUOTE_COLUMNS_MAX);
    match reaction.kind.as_str() {
        "EMOJI" => format!("reacted {value} to {quote}"),
        "FLAG" => format!("flagged {quote}: {value}"),
        "ACKNOWLEDGEMENT" => format!("acknowledged {quote}"),
        "RESPONSE" => format!("answered {quote}: {value}"),
        kind => format!("{} {value} on {quote}", in_words(kind)),
    }
}

/// Suggestions, in words; `quote` is what they answer.
pub fn suggestion_words(items: &[SuggestionItem], quote: &str) -> String {
    let said: Vec<String> = items.iter().map(item_words).collect();
    if said.is_empty() {
        return format!("suggested nothing for {quote}");
    }
    format!("suggested {} for {quote}", said.join(", "))
}

fn item_words(item: &SuggestionItem) -> String {
    let text = item.body.as_ref().map(|body| body::text(body, QUOTE_COLUMNS_MAX)).unwrap_or_default();
    match item.confidence {
        Some(confidence) => format!("“{text}” ({:.0} %)", confidence * 100.0),
        None => format!("“{text}”"),
    }
}

/// A rejected event, in words; `quote` is its target.
pub fn refusal(rejected: &Rejected, quote: &str) -> String {
    let what = match rejected.relation.as_str() {
        "PRIMARY" => return format!("the same again, not counted ({})", safe(&rejected.reason, 40)),
        "DELETE" => "deletion of".to_owned(),
        "DELIVERY" => "receipt for".to_owned(),
        "EDIT" => "edit of".to_owned(),
        "HIDE" => "hiding of".to_owned(),
        "REACTION" => "reaction on".to_owned(),
        relation => format!("{} of", in_words(relation)),
    };
    format!("{what} {quote} refused ({})", safe(&rejected.reason, 40))
}

fn receipts(activity: &Activity) -> Vec<(i64, &'static str)> {
    let reached = activity.delivery.iter().flat_map(Delivery::reached);
    reached.map(|(at, _, words)| (at, words)).collect()
}
