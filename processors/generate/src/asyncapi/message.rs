// SPDX-License-Identifier: Apache-2.0

//! The messages of a channel: content, headers, payload.

use engine::LetterHeaders;
use model::Schema;

use super::binding::binding_of_key;
use super::description::about;
use super::inputs;
use crate::definition::{Header, LETTER_HEADERS, RECORD_HEADERS};
use crate::json::{Json, object, reference};
use crate::{GenerateError, Output, Role, Topic};

pub(super) const AVRO: &str = "application/vnd.apache.avro;version=1.12.0";
const TEXT: &str = "string";
/// What the headers of Kafka Streams' dead letters begin with.
const STREAMS: &str = "__streams.";
/// What those of Kafka Connect's begin with.
const CONNECT: &str = "__connect.";
/// The headers that every dead letter has.
const LETTER_HEADERS_ALWAYS: [&str; 5] = [
    engine::HEADER_REASON,
    engine::HEADER_DETAIL,
    engine::HEADER_TOPIC,
    engine::HEADER_PARTITION,
    engine::HEADER_OFFSET,
];

/// A record of a topic.
pub(super) fn message(topic: &Topic, others: LetterHeaders) -> Result<Json, GenerateError> {
    let message = object().with("title", about(topic)).with("contentType", content_type(topic));
    Ok(message
        .with_some("headers", headers(topic, others))
        .with("payload", payload(topic)?)
        .with("bindings", binding_of_key(topic)))
}

fn content_type(topic: &Topic) -> &'static str {
    match topic.role {
        Role::DeadLetters => "application/octet-stream",
        _ if topic.is_avro => "application/vnd.confluent.avro",
        _ => "application/json",
    }
}

pub(super) fn tombstone(topic: &Topic, others: LetterHeaders) -> Json {
    object()
        .with("title", "A tombstone")
        .with(
            "summary",
            "There is no record of this key any more: it was erased, or what it was of has gone. Delete the row with this key.",
        )
        .with_some("headers", headers(topic, others))
        .with("payload", object().with("type", "null"))
        .with("bindings", binding_of_key(topic))
}

fn headers(topic: &Topic, others: LetterHeaders) -> Option<Json> {
    let (headers, always): (&[Header], &[&str]) = match topic.role {
        Role::Output(_) => (&RECORD_HEADERS, &[engine::HEADER_PROCESSOR, engine::HEADER_SCHEMA]),
        Role::DeadLetters => (&LETTER_HEADERS, &LETTER_HEADERS_ALWAYS),
        _ => return None,
    };
    let text = |about: &str| object().with("type", TEXT).with("description", about);
    let mut properties = headers.iter().fold(object(), |all, (name, about)| all.with(name, text(about)));
    if topic.role == Role::DeadLetters {
        for name in engine::LETTER_HEADERS_OF_OTHERS {
            if (others.streams && name.starts_with(STREAMS)) || (others.connect && name.starts_with(CONNECT))
            {
                properties =
                    properties.with(name, text("The same, or empty, under the name of another program."));
            }
        }
    }
    Some(object().with("type", "object").with("properties", properties).with("required", always.to_vec()))
}

fn payload(topic: &Topic) -> Result<Json, GenerateError> {
    let avro = |text: &str| {
        let schema: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
        object().with("schemaFormat", AVRO).with("schema", &schema)
    };
    Ok(match &topic.role {
        Role::Output(output) if topic.is_avro => avro(output.schema.text),
        Role::Events | Role::AgentStates if topic.is_avro => avro(Schema::CIM_EVENT.text),
        Role::Output(output) => reference(&root(output)),
        Role::Events => inputs::event()?,
        Role::AgentStates => inputs::agent_state(),
        Role::Erasures => inputs::request(),
        Role::DeadLetters | Role::Internal => {
            object().with("description", "The value of the record that it was, as it came.")
        }
    })
}

fn root(output: &Output) -> String {
    let name = output.outline.root().map(|root| root.name.as_str()).unwrap_or_default();
    format!("{}{name}", prefix(&output.schema))
}

/// The place of a schema's records; the records of several schemas have the same names.
pub(super) fn prefix(schema: &Schema) -> String {
    format!("#/components/schemas/{}", component(schema, ""))
}

pub(super) fn component(schema: &Schema, record: &str) -> String {
    format!("{}.{record}", schema.name)
}
