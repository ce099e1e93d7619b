// SPDX-License-Identifier: Apache-2.0

//! The definition that everything is made of.

use std::collections::BTreeMap;

use avro::{FieldOutline, Outline};
use model::Schema;

use crate::GenerateError;

/// The header of each record, by its name, with what it is.
pub(crate) type Header = (&'static str, &'static str);

/// The headers of each record that the program writes.
pub(crate) const RECORD_HEADERS: [Header; 2] = [
    (engine::HEADER_PROCESSOR, "The processor that wrote the record."),
    (engine::HEADER_SCHEMA, "Name and version of the record's schema."),
];

/// The headers that a dead letter has besides those of the record that it was.
pub(crate) const LETTER_HEADERS: [Header; 14] = [
    (engine::HEADER_REASON, "Why the record cannot be folded, in a word."),
    (
        engine::HEADER_DETAIL,
        "The same in a sentence, with the place in the record. It never quotes the record.",
    ),
    (engine::HEADER_TOPIC, "The topic that the record came from."),
    (engine::HEADER_PARTITION, "Its partition there."),
    (engine::HEADER_OFFSET, "Its offset there."),
    (engine::HEADER_ERROR_PROCESSOR, "Where it was rejected: decode, or a processor."),
    (engine::HEADER_AT, "When it was rejected, in epoch milliseconds."),
    (engine::HEADER_TIMESTAMP, "The record's own Kafka timestamp, in epoch milliseconds."),
    (engine::HEADER_TRUNCATED, "The size of the value in bytes, where it is left out."),
    (engine::HEADER_TRUNCATED_HEADERS, "The size of the record's headers in bytes, where they are left out."),
    (engine::HEADER_TRUNCATED_KEY, "The size of the key in bytes, where it is cut."),
    (
        "cx.moved.from",
        "The letter's previous offset, where an erasure has moved it to the end of its partition.",
    ),
    (engine::HEADER_PROCESSOR, "The same as cx.error.processor."),
    (engine::HEADER_SCHEMA, "Name and version of the form of dead letters."),
];

/// The topics, with what their records are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// The program's version.
    pub version: String,
    /// All topics, in the order of topics.yaml.
    pub topics: Vec<Topic>,
    /// The programs under whose names a dead letter has headers too.
    pub letter_headers: engine::LetterHeaders,
}

/// A topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// Its name.
    pub name: Name,
    /// What it is for.
    pub role: Role,
    /// How many partitions it is created with; `None`: as many as the input has.
    pub partitions: Option<i32>,
    /// `cleanup.policy`, as brokers write it.
    pub cleanup: &'static str,
    /// `retention.ms`; `None`: the brokers' default.
    pub retention_ms: Option<i64>,
    /// Any other settings of the topic.
    pub settings: BTreeMap<String, String>,
    /// Whether its values are Avro in the wire format of the schema registry; else they are JSON.
    pub is_avro: bool,
}

/// A topic's name, or the pattern of many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name {
    /// One topic.
    Exact(String),
    /// One topic for each conversation: a regular expression.
    Pattern(String),
}

/// What a topic is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// Events come from here.
    Events,
    /// Agents' states come from here.
    AgentStates,
    /// Requests to erase come from here.
    Erasures,
    /// Records go here.
    Output(Box<Output>),
    /// Records that cannot be folded go here.
    DeadLetters,
    /// Only the program itself uses it.
    Internal,
}

/// What the records of an output topic are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// The processor that writes them.
    pub processor: &'static str,
    /// Their schema.
    pub schema: Schema,
    /// The schema's records and fields.
    pub outline: Outline,
    /// What has a record each.
    pub one_for_each: &'static str,
    /// What the key of a record is, as a document says it in Markdown.
    pub key: &'static str,
}

impl Output {
    /// An output with the records of a schema.
    ///
    /// # Errors
    /// The schema cannot be used.
    pub fn new(
        processor: &'static str,
        schema: Schema,
        one_for_each: &'static str,
        key: &'static str,
    ) -> Result<Self, GenerateError> {
        Ok(Self { processor, schema, outline: outline(&schema)?, one_for_each, key })
    }

    /// What the key of a record is, without marks of Markdown.
    #[must_use]
    pub fn key_text(&self) -> String {
        self.key.replace('`', "")
    }

    /// The fields of a record.
    #[must_use]
    pub fn fields(&self) -> &[FieldOutline] {
        self.outline.root().map(|root| root.fields.as_slice()).unwrap_or_default()
    }
}

impl Topic {
    /// Its name, or its pattern.
    #[must_use]
    pub fn name(&self) -> &str {
        match &self.name {
            Name::Exact(name) | Name::Pattern(name) => name,
        }
    }

    /// What its records are, if it is an output.
    #[must_use]
    pub fn output(&self) -> Option<&Output> {
        match &self.role {
            Role::Output(output) => Some(output),
            _ => None,
        }
    }

    /// Its name in a language whose names are letters, digits and `_`: `cx.agent-states` is `cx_agent_states`.
    #[must_use]
    pub fn identifier(&self) -> String {
        identifier(self.name())
    }
}

impl Definition {
    /// The topics that others write or read.
    pub fn public(&self) -> impl Iterator<Item = &Topic> {
        self.topics.iter().filter(|topic| topic.role != Role::Internal)
    }

    /// The output topics, with what their records are.
    pub fn outputs(&self) -> impl Iterator<Item = (&Topic, &Output)> {
        self.topics.iter().filter_map(|topic| Some((topic, topic.output()?)))
    }

    /// The first output topic with records of this schema.
    pub(crate) fn of(&self, schema: &Schema) -> Option<(&Topic, &Output)> {
        self.outputs().find(|(_, output)| output.schema == *schema)
    }

    /// Checks that no two topics have one [identifier](Topic::identifier).
    pub(crate) fn check_identifiers(&self) -> Result<(), GenerateError> {
        let mut known: BTreeMap<String, &str> = BTreeMap::new();
        for topic in self.public() {
            let (name, second) = (topic.identifier(), topic.name().to_owned());
            if let Some(first) = known.insert(name.clone(), topic.name()) {
                return Err(GenerateError::OneName { name, first: first.to_owned(), second });
            }
        }
        Ok(())
    }
}

/// The outline of a schema.
pub(crate) fn outline(schema: &Schema) -> Result<Outline, GenerateError> {
    let problem = |source| GenerateError::Schema { name: schema.name.to_owned(), source };
    Outline::parse(schema.text).map_err(problem)
}

/// A name of letters, digits and single `_`, which begins with a letter and ends without `_`.
fn identifier(name: &str) -> String {
    let mut out = String::new();
    // A group's name, as (?<conversation>, is left out with its brackets.
    for c in without_groups(name).chars() {
        match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' => out.push(c),
            _ if out.is_empty() || out.ends_with('_') => {}
            _ => out.push('_'),
        }
    }
    let out = out.trim_end_matches('_');
    match out.chars().next() {
        Some(first) if first.is_ascii_alphabetic() => out.to_owned(),
        _ => format!("topic_{out}"),
    }
}

/// A pattern with the names of its groups in their place.
fn without_groups(pattern: &str) -> String {
    let mut out = String::new();
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once("(?<") {
        out.push_str(before);
        let Some((name, behind)) = after.split_once('>') else { break };
        out.push_str(name);
        rest = behind.split_once(')').map_or("", |(_, behind)| behind);
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::definition;

    #[test]
    fn a_topics_identifier_is_its_name_with_underscores() {
        assert_eq!(identifier("cx.agent-states"), "cx_agent_states");
        assert_eq!(identifier(r"^cx\.conversation\.(?<conversation>.+)$"), "cx_conversation_conversation");
        assert_eq!(identifier("1.x"), "topic_1_x");
        assert_eq!(identifier("..."), "topic_");
    }

    #[test]
    fn two_topics_of_one_identifier_are_refused_with_both_names() {
        let mut definition = definition();
        let mut other = definition.topics[0].clone();
        other.name = Name::Exact("cx_events".to_owned());
        assert_eq!(definition.check_identifiers(), Ok(()));
        definition.topics.push(other);
        let error = definition.check_identifiers().unwrap_err().to_string();
        assert!(
            error.starts_with("topics cx.events and cx_events would both be called cx_events"),
            "{error}"
        );
    }
}
