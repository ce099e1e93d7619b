// SPDX-License-Identifier: Apache-2.0

//! What the dialects of SQL share.

use avro::{Kind, Outline};

/// The column with a record's key. No record has a field of this name.
pub(crate) const KEY: &str = "record_key";
/// The widest line of a comment.
const COLUMNS: usize = 110;

/// A string literal.
pub(crate) fn text(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A name in backquotes; no name of a field or topic has one itself.
pub(crate) fn name(name: &str) -> String {
    format!("`{}`", name.replace('`', ""))
}

/// Lines of a comment, each after `-- `.
pub(crate) fn comment(text: &str) -> String {
    text.lines().flat_map(|line| wrapped(line, COLUMNS)).map(|line| format!("-- {line}\n")).collect()
}

/// The lines of a text, none wider than this unless a word is.
pub(crate) fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= columns => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// A dialect's types.
pub(crate) trait Types {
    /// The words of types.
    fn word(&self, kind: &Kind) -> Option<&'static str>;
    /// A list.
    fn list(&self, of: &str) -> String;
    /// A map from text.
    fn map(&self, of: &str) -> String;
    /// A record, by the names and types of its fields as columns have them.
    fn record(&self, fields: &str) -> String;
    /// A type that may be null. As it is, where every type may.
    fn nullable(&self, of: String, _kind: &Kind) -> String {
        of
    }

    /// A type; `None` for one of several, which no dialect has.
    fn of(&self, outline: &Outline, kind: &Kind) -> Option<String> {
        Some(match kind {
            Kind::List(of) => self.list(&self.of(outline, of)?),
            Kind::Map(of) => self.map(&self.of(outline, of)?),
            Kind::Record(record) => {
                let mut fields = Vec::new();
                for field in &outline.record(record)?.fields {
                    let of = self.of(outline, &field.kind)?;
                    let of = if field.is_nullable { self.nullable(of, &field.kind) } else { of };
                    fields.push(format!("{} {of}", name(&field.name)));
                }
                self.record(&fields.join(", "))
            }
            other => self.word(other)?.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::definition;

    #[test]
    fn a_quote_within_a_text_is_doubled_and_lines_are_wrapped_between_words() {
        assert_eq!(text("Its author's."), "'Its author''s.'");
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(comment("one\ntwo"), "-- one\n-- two\n");
    }

    #[test]
    fn no_record_has_a_field_that_is_called_as_the_key_is() {
        for (topic, output) in definition().outputs() {
            for record in output.outline.records() {
                assert!(record.fields.iter().all(|field| field.name != KEY), "{}", topic.name());
            }
        }
    }
}
