// SPDX-License-Identifier: Apache-2.0

//! `dead-letters show`: one complete dead letter.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;

use rdkafka::message::{Headers, Message};
use serde::Serialize;

use super::letter::Letter;
use super::pretty;
use super::source::Letters;
use crate::cli::Global;
use crate::cli::dead_letters::LetterArgs;
use crate::config::Config;
use crate::exit::Failure;
use crate::formats::Formats;
use crate::kafka;
use crate::render::lines::text;
use crate::render::text::{column, dim, painted, safe, time};
use crate::topics;

/// Prints it.
pub(super) fn run(global: &Global, args: &LetterArgs, config: &Config) -> Result<(), Failure> {
    let formats = Formats::open(config)?;
    let client = kafka::client(global)?;
    let metadata = topics::reach(&client, global)?;
    let letters = Letters::open(&client, &metadata, config, &[args.position])?;
    let mut found = None;
    letters.each(&mut |message| {
        if message.offset() == args.position.offset {
            let letter = Letter::of(message);
            let topic = letter.topic.as_deref().unwrap_or_default();
            let value = formats.json_or_none(topic, message.payload())?;
            found = Some((letter, LetterJson::of(message, value.as_deref())));
        }
        Ok(())
    })?;
    let (letter, whole) = found.ok_or_else(|| letters.none_at(args.position))?;
    let mut out = anstream::stdout().lock();
    if args.json {
        serde_json::to_writer(&mut out, &whole)?;
        out.write_all(b"\n")?;
    } else {
        out.write_all(page(&letter, &whole).as_bytes())?;
    }
    Ok(())
}

/// The record, as text.
#[derive(Serialize)]
struct LetterJson {
    position: String,
    /// The record's timestamp.
    timestamp: Option<i64>,
    topic: String,
    key: Option<String>,
    value: Option<String>,
    #[serde(serialize_with = "by_name")]
    headers: Vec<(String, Option<String>)>,
}

impl LetterJson {
    /// The value as text, or as JSON converted from its topic's format.
    fn of(message: &impl Message, value: Option<&[u8]>) -> Self {
        let headers = message.headers().into_iter().flat_map(Headers::iter);
        Self {
            position: Letter::of(message).position.to_string(),
            timestamp: Letter::of(message).record_ms,
            topic: message.topic().to_owned(),
            key: message.key().map(text),
            value: value.map(text),
            headers: headers.map(|header| (header.key.to_owned(), header.value.map(text))).collect(),
        }
    }
}

/// As in other output, the last of several headers with the same name counts.
fn by_name<S: serde::Serializer>(
    headers: &[(String, Option<String>)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(headers.iter().map(|(name, value)| (name, value)).collect::<BTreeMap<_, _>>())
}

/// The page as text. External content cannot control the terminal.
fn page(letter: &Letter, whole: &LetterJson) -> String {
    let mut page = format!("dead letter {}\n", letter.position);
    let facts = [
        ("reason", letter.reason.clone()),
        ("detail", letter.detail.clone()),
        ("from", letter.origin()),
        ("refused", refused(letter)),
        ("timestamp", whole.timestamp.map_or_else(|| "none".to_owned(), time)),
        ("key", whole.key.clone().unwrap_or_else(|| "none".to_owned())),
    ];
    for (name, fact) in facts {
        let _ = writeln!(page, "  {}{}", column(name, 11), safe(&fact, usize::MAX));
    }
    page.push_str("\nheaders\n");
    let width = whole.headers.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default().min(40);
    for (name, value) in &whole.headers {
        let value = value.as_deref().map_or_else(|| "null".to_owned(), |value| safe(value, usize::MAX));
        let _ = writeln!(page, "  {}  {value}", painted(dim(), &column(name, width)));
    }
    page.push_str("\nvalue\n");
    if !letter.left_out.is_empty() {
        let _ = writeln!(
            page,
            "  the topic did not take it whole, it lacks {}",
            safe(&letter.left_out, usize::MAX)
        );
    }
    match &whole.value {
        None if !letter.left_out.is_empty() => {}
        None => page.push_str("  none: it was not kept, or never was\n"),
        Some(value) => {
            let pretty = pretty::json(value);
            for line in pretty.as_deref().unwrap_or(value).lines() {
                let _ = writeln!(page, "  {}", safe(line, usize::MAX));
            }
        }
    }
    page
}

fn refused(letter: &Letter) -> String {
    let when = letter.at_ms.map_or_else(|| "?".to_owned(), time);
    format!("{when} by {}", if letter.processor.is_empty() { "?" } else { &letter.processor })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::dead_letters::letter::tests::{letter, message};
    use crate::render::text::plain;

    fn whole(value: Option<&str>) -> LetterJson {
        let message = message(&[("trace", "t1"), ("cx.error.reason", "malformed")]);
        LetterJson::of(&message, value.map(str::as_bytes))
    }

    #[test]
    fn a_page_has_the_reason_the_headers_and_the_value() {
        let page = plain(&page(&letter("malformed", Some(0)), &whole(Some("{\"a\":1}"))));
        assert_eq!(
            page,
            "dead letter 3:17\n  reason     malformed\n  detail     line 1 column 2\n  from       cx.events/2@5\n  \
             refused    1970-01-01 00:00:00Z by decode\n  timestamp  1970-01-01 00:00:00Z\n  key        none\n\nheaders\n  \
             trace            t1\n  cx.error.reason  malformed\n\nvalue\n  {\n    \"a\": 1\n  }\n"
        );
    }

    #[test]
    fn a_value_cannot_steer_the_terminal() {
        let page = page(&letter("malformed", None), &whole(Some("a\u{1b}[2J\nb\u{202e}")));
        assert!(page.contains("  a\\u{1b}[2J\n  b\\u{202e}\n"), "{page}");
    }

    #[test]
    fn what_had_to_be_left_out_is_said() {
        let cut = Letter { left_out: "its value, which had 9 bytes".to_owned(), ..letter("too-large", None) };
        assert!(
            page(&cut, &whole(None)).contains(
                "value\n  the topic did not take it whole, it lacks its value, which had 9 bytes\n"
            )
        );
    }

    #[test]
    fn a_value_that_is_gone_is_said_to_be() {
        assert!(page(&letter("erased", None), &whole(None)).contains("value\n  none"));
    }

    #[test]
    fn json_has_key_and_value_as_text() {
        let json = serde_json::to_value(whole(Some("not json"))).unwrap();
        assert_eq!((&json["position"], &json["value"]), (&"3:17".into(), &"not json".into()));
        assert_eq!((&json["headers"]["trace"], &json["timestamp"]), (&"t1".into(), &7.into()));
    }
}
