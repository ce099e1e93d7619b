// SPDX-License-Identifier: Apache-2.0

//! Activities as lines: one line each in a stream, or with all changes below.

use anstyle::{AnsiColor, Style};
use model::{Activity, Actor, Delivery, Kind, Mark, ReactionKind};

use super::body;
use super::entry::who;
use super::known::{kind_words, reached, reaction_words, refusal, suggestion_words};
use super::text::{TEXT_COLUMNS_MAX, color, column, dim, omitted_words, painted, safe, short, time};

/// A whole conversation is shown with whole texts; this only bounds a line.
const WHOLE_TEXT_COLUMNS_MAX: usize = 20_000;
const AUTHOR_COLUMNS: usize = 22;

fn kind_style(kind: Kind) -> Style {
    match kind {
        Kind::CustomerMessage => color(AnsiColor::Cyan),
        Kind::AgentMessage | Kind::WhisperMessage => color(AnsiColor::Green),
        Kind::BotMessage | Kind::CampaignMessage | Kind::SurveyQuestion => color(AnsiColor::Magenta),
        Kind::AgentCallLeg | Kind::CallRecording | Kind::Transcript | Kind::IvrActivity => {
            color(AnsiColor::Blue)
        }
        _ => Style::new(),
    }
}

/// One activity on one line: time, channel, kind, author, text, and its changes in short.
pub fn line(activity: &Activity<'_>) -> String {
    let who = activity.actor.as_ref().and_then(|actor| actor.name.as_deref().or(actor.id.as_deref()));
    let badges = badges(activity);
    let badges = if badges.is_empty() { String::new() } else { format!("  [{}]", badges.join(" ")) };
    format!(
        "{} {} {} {} {}{badges}",
        painted(dim(), &time(activity.occurred_at)),
        painted(dim(), &column(activity.conversation_id.as_deref().unwrap_or("-"), 13)),
        painted(kind_style(activity.kind), &column(activity.kind.as_str(), 18)),
        painted(Style::new().bold(), &column(who.unwrap_or("-"), 16)),
        body::of_activity(activity, TEXT_COLUMNS_MAX)
    )
}

fn badges(activity: &Activity<'_>) -> Vec<String> {
    let mut badges = Vec::new();
    let mut add = |style: Style, text: &str| badges.push(painted(style, text));
    if activity.deletion.is_some() {
        add(color(AnsiColor::Red), "deleted");
    }
    for mark in Mark::ALL.iter().filter(|mark| activity.mark(**mark).is_some()) {
        add(color(AnsiColor::Yellow), mark.words().marked);
    }
    if !activity.edits.is_empty() {
        add(color(AnsiColor::Yellow), &format!("edited×{}", activity.edits.len()));
    }
    for reaction in &activity.reactions {
        let text = match reaction.kind {
            ReactionKind::Response => "↩ answered".to_owned(),
            _ => safe(reaction.value.as_deref().unwrap_or_default(), 20),
        };
        add(color(AnsiColor::Yellow), &text);
    }
    if !activity.suggestions.is_empty() {
        add(color(AnsiColor::Magenta), &format!("suggestions×{}", activity.suggestions.len()));
    }
    if let Some(reply) = &activity.in_reply_to {
        add(dim(), &format!("re {}", short(reply)));
    }
    // A receipt may cover earlier messages as well; it is shown once.
    let reads_before = activity.delivery.as_ref().is_some_and(|delivery| delivery.read_up_to.is_some());
    match activity.delivery.as_ref().map(|delivery| &*delivery.status) {
        Some("READ") if reads_before => add(dim(), "✓✓"),
        Some("READ") => add(color(AnsiColor::Blue), "✓✓ read"),
        Some("DELIVERED" | "CONNECTED") => add(dim(), "✓✓"),
        Some("SENT" | "ACCEPTED") => add(dim(), "✓"),
        Some("FAILED") => add(color(AnsiColor::Red), "✗ failed"),
        _ => {}
    }
    if !activity.rejected.is_empty() {
        add(dim(), &format!("rejected×{}", activity.rejected.len()));
    }
    let omitted: u64 = activity.omitted.numbers().iter().map(|(_, number)| number).sum();
    if omitted > 0 {
        add(dim(), &format!("left out×{omitted}"));
    }
    badges
}

/// One activity with its whole text, and its changes in lines below.
pub fn lines(activity: &Activity<'_>) -> Vec<String> {
    let text = body::of_activity(activity, WHOLE_TEXT_COLUMNS_MAX);
    let text = match text.as_str() {
        "" if activity.deletion.is_some() => " (deleted)".to_owned(),
        "" => String::new(),
        text => format!(": {text}"),
    };
    let author = who(activity.actor.as_ref(), AUTHOR_COLUMNS);
    let head = format!(
        "{} {} {}{text}",
        painted(dim(), &format!("{}  {}", time(activity.occurred_at), column(&activity.activity_id, 13))),
        painted(Style::new().bold(), &column(&author, AUTHOR_COLUMNS)),
        painted(kind_style(activity.kind), &kind_words(activity)),
    );
    let mut below: Vec<(i64, String)> = Vec::new();
    for edit in &activity.edits {
        let text = match &edit.body {
            Some(body) => format!("edited: {}", body::text(body, WHOLE_TEXT_COLUMNS_MAX)),
            None => "edited (the text is removed)".to_owned(),
        };
        below.push((edit.at, by(edit.actor.as_ref(), &text)));
    }
    if let Some(deletion) = &activity.deletion {
        below.push((deletion.at, by(deletion.actor.as_ref(), "deleted it")));
    }
    for mark in Mark::ALL {
        if let Some(first) = activity.mark(*mark) {
            below.push((first.at, by(first.actor.as_ref(), &format!("{} it", mark.words().did))));
        }
    }
    for reaction in &activity.reactions {
        below.push((reaction.at, by(reaction.actor.as_ref(), &reaction_words(reaction, "it"))));
    }
    for suggestion in &activity.suggestions {
        below
            .push((suggestion.at, by(suggestion.actor.as_ref(), &suggestion_words(&suggestion.items, "it"))));
    }
    for rejected in &activity.rejected {
        below.push((rejected.at, refusal(rejected, "it")));
    }
    below.extend(activity.delivery.iter().flat_map(receipts));
    below.sort_by_key(|(at, _)| *at);
    let below = below.into_iter().map(|(at, text)| format!("    {} {text}", painted(dim(), &time(at))));
    let omitted = omitted_words(&activity.omitted.numbers());
    let omitted = omitted.map(|words| format!("    {}", painted(dim(), &format!("left out: {words}"))));
    std::iter::once(head).chain(below).chain(omitted).collect()
}

fn by(actor: Option<&Actor<'_>>, text: &str) -> String {
    format!("{} {text}", who(actor, 40))
}

fn receipts(delivery: &Delivery<'_>) -> Vec<(i64, String)> {
    let reason = delivery.reason_code.as_deref().map(|code| format!(" ({})", safe(code, 40)));
    let words = |(at, status, words): (i64, &str, &str)| {
        // The reason belongs to the current status.
        let reason = if delivery.status == status { reason.as_deref().unwrap_or_default() } else { "" };
        (at, format!("{words}{reason}"))
    };
    reached(delivery).map(words).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::example;
    use crate::render::text::plain;
    use serde_json::json;

    fn activity(fields: &serde_json::Value) -> Activity<'static> {
        serde_json::from_str(&example::activity(fields).to_string()).unwrap()
    }

    #[test]
    fn a_customers_text_cannot_steer_the_terminal() {
        let activity = activity(&json!({"actor": {"name": "\u{1b}[31mEve"},
            "body": {"markdownText": "\u{1b}]0;owned\u{7}\nsecond line \u{202e}drawkcab"}}));
        for line in [vec![line(&activity)], lines(&activity)].concat() {
            assert_eq!(line.lines().count(), 1);
            let without_our_colours = plain(&line);
            assert!(!without_our_colours.contains('\u{1b}') && !without_our_colours.contains('\u{202e}'));
            assert!(line.contains("\\u{1b}]0;owned\\u{7} second line"), "{line:?}");
        }
    }

    #[test]
    fn one_line_shows_in_short_what_became_of_an_activity() {
        let activity =
            activity(&json!({"actor": {"name": "Ann"}, "body": {"markdownText": "hello"}, "edits": [{}],
            "reactions": [{"kind": "EMOJI", "value": "👍"}], "delivery": {"status": "READ"}}));
        let line = plain(&line(&activity));
        assert!(line.ends_with("hello  [edited×1 👍 ✓✓ read]"), "{line}");
    }

    #[test]
    fn all_that_became_of_it_stands_below_in_its_order() {
        let activity =
            activity(&json!({"actor": {"type": "AGENT", "name": "Ann"}, "body": {"markdownText": "two"},
            "edits": [{"at": 1000, "actor": {"name": "Ann"}, "body": {"markdownText": "two"}}],
            "reactions": [{"at": 5000, "actor": {"name": "Cy"}, "kind": "EMOJI", "value": "👍"}],
            "delivery": {"status": "FAILED", "reasonCode": "131026", "sentAt": 2000, "failedAt": 3000},
            "rejected": [{"at": 4000, "relation": "DELETE", "reason": "not-author"}]}));
        let said: Vec<String> = lines(&activity).iter().map(|line| plain(line)).collect();
        assert_eq!(
            said,
            [
                "1970-01-01 00:00:00Z  a             Ann (agent)            message: two",
                "    1970-01-01 00:00:01Z Ann edited: two",
                "    1970-01-01 00:00:02Z sent",
                "    1970-01-01 00:00:03Z failed (131026)",
                "    1970-01-01 00:00:04Z deletion of it refused (not-author)",
                "    1970-01-01 00:00:05Z Cy reacted 👍 to it",
            ]
        );
    }
}
