//! Records as lines for people. Texts come from customers: whatever could move the cursor or change colours is escaped.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use chrono::{DateTime, Local};
use serde_json::Value;

const TEXT_CHARS_MAX: usize = 100;

fn color(color: AnsiColor) -> Style {
    Style::new().fg_color(Some(color.into()))
}

fn painted(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// Text on one line, without anything that a terminal would act on, and not longer than a line.
pub(super) fn safe(text: &str, chars_max: usize) -> String {
    let mut safe = String::new();
    for (count, c) in text.chars().enumerate() {
        if count >= chars_max {
            safe.push('…');
            break;
        }
        match c {
            '\n' | '\r' | '\t' => safe.push(' '),
            // Also marks that turn the direction of text: they would reorder what stands beside.
            c if c.is_control()
                || ('\u{202a}'..='\u{202e}').contains(&c)
                || ('\u{2066}'..='\u{2069}').contains(&c)
                || matches!(c, '\u{200e}' | '\u{200f}' | '\u{61c}') =>
            {
                let _ = write!(safe, "{}", c.escape_unicode());
            }
            c => safe.push(c),
        }
    }
    safe
}

fn time(ms: i64) -> String {
    let time = DateTime::from_timestamp_millis(ms).map(|utc| utc.with_timezone(&Local));
    time.map_or_else(|| ms.to_string(), |local| local.format("%Y-%m-%d %H:%M:%S").to_string())
}

fn at(value: &Value) -> String {
    time(value.as_i64().unwrap_or_default())
}

fn short(id: &str) -> String {
    safe(id, 12)
}

fn kind_style(kind: &str) -> Style {
    match kind {
        "CUSTOMER_MESSAGE" => color(AnsiColor::Cyan),
        "AGENT_MESSAGE" | "WHISPER_MESSAGE" => color(AnsiColor::Green),
        "BOT_MESSAGE" | "CAMPAIGN_MESSAGE" | "SURVEY_QUESTION" => color(AnsiColor::Magenta),
        "AGENT_CALL_LEG" | "CALL_RECORDING" | "TRANSCRIPT" | "IVR_ACTIVITY" => color(AnsiColor::Blue),
        _ => Style::new(),
    }
}

/// One activity on one line: when, where, what, who, the text, and what became of it.
pub(super) fn activity(value: &Value) -> String {
    let kind = value["kind"].as_str().unwrap_or("?");
    let actor = &value["actor"];
    let who = actor["name"].as_str().or(actor["id"].as_str()).unwrap_or("-");
    let dim = Style::new().dimmed();
    format!(
        "{} {} {} {} {}{}\n",
        painted(dim, &at(&value["occurredAt"])),
        painted(dim, &format!("{:12}", short(value["conversationId"].as_str().unwrap_or("-")))),
        painted(kind_style(kind), &format!("{:18}", safe(kind, 18))),
        painted(Style::new().bold(), &format!("{:16}", safe(who, 16))),
        text_of(value),
        badges(value)
    )
}

fn text_of(value: &Value) -> String {
    if let Some(call) = value["call"].as_object() {
        let seconds = call["durationMs"].as_i64().map(|ms| ms / 1000);
        return seconds.map_or_else(|| "call under way".to_owned(), |seconds| format!("call of {seconds} s"));
    }
    let body = &value["body"];
    let text = ["markdownText", "caption", "url", "type"].iter().find_map(|field| body[*field].as_str());
    safe(text.unwrap_or_default(), TEXT_CHARS_MAX)
}

fn badges(value: &Value) -> String {
    let mut badges = Vec::new();
    let mut add = |style: Style, text: String| badges.push(painted(style, &text));
    if !value["deletion"].is_null() {
        add(color(AnsiColor::Red), "deleted".to_owned());
    }
    let list = |field: &str| value[field].as_array().map_or(&[][..], Vec::as_slice);
    if !list("edits").is_empty() {
        add(color(AnsiColor::Yellow), format!("edited×{}", list("edits").len()));
    }
    for reaction in list("reactions") {
        let text = match reaction["kind"].as_str() {
            Some("RESPONSE") => "↩ answered".to_owned(),
            _ => safe(reaction["value"].as_str().unwrap_or_default(), 20),
        };
        add(color(AnsiColor::Yellow), text);
    }
    if !list("suggestions").is_empty() {
        add(color(AnsiColor::Magenta), format!("suggestions×{}", list("suggestions").len()));
    }
    if let Some(reply) = value["inReplyTo"].as_str() {
        add(Style::new().dimmed(), format!("re {}", short(reply)));
    }
    match value.pointer("/delivery/status").and_then(Value::as_str) {
        Some("READ") => add(color(AnsiColor::Blue), "✓✓ read".to_owned()),
        Some("DELIVERED") => add(Style::new().dimmed(), "✓✓".to_owned()),
        Some("SENT" | "ACCEPTED") => add(Style::new().dimmed(), "✓".to_owned()),
        Some("FAILED") => add(color(AnsiColor::Red), "✗ failed".to_owned()),
        _ => {}
    }
    if !list("rejected").is_empty() {
        add(Style::new().dimmed(), format!("rejected×{}", list("rejected").len()));
    }
    if badges.is_empty() { String::new() } else { format!("  [{}]", badges.join(" ")) }
}

/// One dead letter on one line.
pub(super) fn dead_letter(at_ms: i64, reason: &str, detail: &str, place: &str) -> String {
    let dim = Style::new().dimmed();
    format!(
        "{} {} {} {}\n",
        painted(dim, &time(at_ms)),
        painted(color(AnsiColor::Red).bold(), &format!("dead letter: {}", safe(reason, 40))),
        safe(detail, 200),
        painted(dim, &safe(place, 80))
    )
}

/// A record that was taken away.
pub(super) fn tombstone(topic: &str, key: &str) -> String {
    format!("{} {} removed\n", safe(topic, 60), safe(key, 100))
}

/// A record that is none of these.
pub(super) fn other(topic: &str, key: &str, text: &str) -> String {
    format!("{} {} {}\n", safe(topic, 60), safe(key, 100), safe(text, TEXT_CHARS_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn a_customers_text_cannot_steer_the_terminal() {
        let value = json!({"occurredAt": 0, "kind": "CUSTOMER_MESSAGE", "actor": {"name": "\u{1b}[31mEve"},
            "body": {"markdownText": "\u{1b}]0;owned\u{7}\nsecond line \u{202e}drawkcab"}, "conversationId": "c"});
        let line = activity(&value);
        assert_eq!(line.lines().count(), 1);
        let without_our_colours = plain(&line);
        assert!(!without_our_colours.contains('\u{1b}') && !without_our_colours.contains('\u{202e}'));
        assert!(
            line.contains("\\u{1b}[31mEve") && line.contains("\\u{1b}]0;owned\\u{7} second line"),
            "{line:?}"
        );
    }

    #[test]
    fn an_activity_shows_what_became_of_it() {
        let value = json!({"occurredAt": 0, "kind": "AGENT_MESSAGE", "actor": {"name": "Ann"}, "conversationId": "c",
            "body": {"markdownText": "hello"}, "edits": [{}], "reactions": [{"kind": "EMOJI", "value": "👍"}],
            "delivery": {"status": "READ"}, "deletion": null, "rejected": []});
        let line = plain(&activity(&value));
        assert!(line.contains("hello  [edited×1 👍 ✓✓ read]"), "{line}");
    }

    #[test]
    fn a_long_text_is_cut() {
        assert_eq!(safe(&"x".repeat(500), 100).chars().count(), 101);
    }

    #[test]
    fn a_record_of_any_shape_is_a_line() {
        for value in [json!(null), json!([]), json!({"call": {"durationMs": 61_000}}), json!({"actor": 5})] {
            assert_eq!(activity(&value).lines().count(), 1);
        }
    }

    #[test]
    fn a_dead_letter_says_why_and_where() {
        let line = plain(&dead_letter(0, "malformed", "line 1 column 2", "cx.events/3@17"));
        assert!(line.contains("dead letter: malformed line 1 column 2 cx.events/3@17"), "{line}");
    }
}
