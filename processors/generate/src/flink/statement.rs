// SPDX-License-Identifier: Apache-2.0

//! A statement of Flink SQL: columns with their types, and the options of a table.

use std::fmt::Write as _;

use avro::Kind;

use crate::sql::{self, KEY, Types};
use crate::{GenerateError, Name, Topic};

/// Where Flink finds Kafka and the schema registry.
#[derive(Debug, Clone, Copy)]
pub struct Connection<'c> {
    /// The brokers.
    pub bootstrap: &'c str,
    /// The schema registry's URL with the path of its API.
    pub registry: Option<&'c str>,
}

/// The types of Flink SQL.
pub(super) struct FlinkTypes;

impl Types for FlinkTypes {
    fn word(&self, kind: &Kind) -> Option<&'static str> {
        match kind {
            Kind::Boolean => Some("BOOLEAN"),
            // A time is the same number in JSON and in Avro; each format would read a TIMESTAMP in another way.
            Kind::Long | Kind::Time => Some("BIGINT"),
            Kind::Double => Some("DOUBLE"),
            Kind::Text => Some("STRING"),
            _ => None,
        }
    }

    fn list(&self, of: &str) -> String {
        format!("ARRAY<{of}>")
    }

    fn map(&self, of: &str) -> String {
        format!("MAP<STRING, {of}>")
    }

    fn record(&self, fields: &str) -> String {
        format!("ROW<{fields}>")
    }
}

/// A column with its comment.
pub(super) fn column(name: &str, of: &str, doc: &str) -> String {
    format!("{} {of} COMMENT {}", sql::name(name), sql::text(doc))
}

/// An option of a table.
pub(super) type Choice = (&'static str, String);

pub(super) fn statement(topic: &Topic, about: &str, columns: &[String], options: &[Choice]) -> String {
    let mut out =
        format!("CREATE TABLE {} (\n  {}\n)", sql::name(&topic.identifier()), columns.join(",\n  "));
    let options: Vec<String> =
        options.iter().map(|(key, value)| format!("{} = {}", sql::text(key), sql::text(value))).collect();
    // Writing to a String cannot fail.
    let _ = write!(out, " COMMENT {} WITH (\n  {}\n);\n", sql::text(about), options.join(",\n  "));
    out
}

/// The options that say which topic it is.
pub(super) fn source(topic: &Topic, connector: &str, connection: &Connection<'_>) -> Vec<Choice> {
    let which = match &topic.name {
        Name::Exact(name) => ("topic", name.clone()),
        Name::Pattern(pattern) => ("topic-pattern", pattern.clone()),
    };
    let mut options = vec![
        ("connector", connector.to_owned()),
        which,
        ("properties.bootstrap.servers", connection.bootstrap.to_owned()),
        ("properties.isolation.level", "read_committed".to_owned()),
    ];
    if connector == "kafka" {
        options.push(("scan.startup.mode", "earliest-offset".to_owned()));
        options.push(("key.fields", KEY.to_owned()));
    }
    options.push(("key.format", "raw".to_owned()));
    options.push(("value.fields-include", "EXCEPT_KEY".to_owned()));
    options
}

/// The options of the format of values.
pub(super) fn format(topic: &Topic, connection: &Connection<'_>) -> Result<Vec<Choice>, GenerateError> {
    if !topic.is_avro {
        return Ok(vec![("value.format", "json".to_owned())]);
    }
    let missing = || GenerateError::NoRegistry { topic: topic.name().to_owned() };
    let url = connection.registry.ok_or_else(missing)?;
    Ok(vec![("value.format", "avro-confluent".to_owned()), ("value.avro-confluent.url", url.to_owned())])
}
