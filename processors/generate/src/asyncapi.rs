// SPDX-License-Identifier: Apache-2.0

//! An AsyncAPI 3 document of all topics that others write or read.

mod inputs;

use engine::LetterHeaders;
use model::Schema;

use crate::definition::{Header, LETTER_HEADERS, RECORD_HEADERS};
use crate::json::{Json, object, reference};
use crate::{Definition, GenerateError, Name, Output, Role, Topic, json_schema};

const VERSION: &str = "3.0.0";
/// The version of AsyncAPI's bindings for Kafka.
const BINDING: &str = "0.5.0";
const AVRO: &str = "application/vnd.apache.avro;version=1.12.0";
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

/// The document, as JSON, which is YAML too.
///
/// # Errors
/// Two topics would have one channel, or a schema cannot be used.
pub fn document(definition: &Definition, bootstrap: &str) -> Result<String, GenerateError> {
    definition.check_identifiers()?;
    let (mut channels, mut operations, mut schemas) = (object(), object(), object());
    let mut known: Vec<String> = Vec::new();
    for topic in definition.public() {
        let id = topic.identifier();
        channels = channels.with(&id, channel(topic, definition.letter_headers)?);
        operations = operations.with(&format!("{}_{id}", action(topic)), operation(topic, &id));
        let Some(output) = topic.output().filter(|_| !topic.is_avro) else { continue };
        for record in output.outline.records() {
            let name = component(&output.schema, &record.name);
            if !known.contains(&name) {
                schemas = schemas.with(&name, json_schema::of(record, &prefix(&output.schema)));
                known.push(name);
            }
        }
    }
    Ok(object()
        .with("asyncapi", VERSION)
        .with("info", info(definition))
        .with("servers", servers(bootstrap))
        .with("defaultContentType", "application/json")
        .with("channels", channels)
        .with("operations", operations)
        .with("components", object().with("schemas", schemas))
        .pretty())
}

fn info(definition: &Definition) -> Json {
    object()
        .with("title", "cx-timelines")
        .with("version", definition.version.as_str())
        .with(
            "description",
            "Events of a contact centre in; activities, timelines, summaries, metrics and alerts out. Every record of an output topic is \
             an upsert: the newest record of a key replaces the older ones, and a tombstone, which is a record without a value, deletes \
             it. Consumers have to read with isolation.level=read_committed. Newer versions of a record have more fields. Topics that \
             only the program itself uses are not listed.",
        )
        .with("license", object().with("name", "Apache-2.0"))
}

fn servers(bootstrap: &str) -> Json {
    let hosts = bootstrap.split(',').enumerate();
    hosts.fold(object(), |all, (number, host)| {
        let name = if number == 0 { "kafka".to_owned() } else { format!("kafka{}", number + 1) };
        all.with(&name, object().with("host", host).with("protocol", "kafka"))
    })
}

/// What cx-timelines does with a topic.
fn action(topic: &Topic) -> &'static str {
    match topic.role {
        Role::Output(_) | Role::DeadLetters => "send",
        Role::Events | Role::AgentStates | Role::Erasures | Role::Internal => "receive",
    }
}

fn operation(topic: &Topic, channel: &str) -> Json {
    object()
        .with("action", action(topic))
        .with("channel", reference(&format!("#/channels/{channel}")))
        .with("summary", about(topic))
}

/// What a topic is for.
fn about(topic: &Topic) -> String {
    match &topic.role {
        Role::Events if matches!(topic.name, Name::Pattern(_)) => {
            "Events of contact-centre systems, in one topic for each conversation.".to_owned()
        }
        Role::Events => "Events of contact-centre systems.".to_owned(),
        Role::AgentStates => "Agents' states, as the routing engine publishes them.".to_owned(),
        Role::Erasures => "Requests to erase conversations and customers.".to_owned(),
        Role::Output(output) => format!("One record for each {}.", output.one_for_each),
        Role::DeadLetters => {
            "Records that cannot be folded, unchanged, with the reason in their headers.".to_owned()
        }
        Role::Internal => "Only the program itself uses it.".to_owned(),
    }
}

fn channel(topic: &Topic, others: LetterHeaders) -> Result<Json, GenerateError> {
    let (address, parameters) = address(&topic.name);
    let mut messages = object().with("record", message(topic, others)?);
    if matches!(topic.role, Role::Output(_)) {
        messages = messages.with("tombstone", tombstone(topic, others));
    }
    Ok(object()
        .with("address", address)
        .with("title", topic.name())
        .with("description", about(topic))
        .with_some("parameters", parameters)
        .with("messages", messages)
        .with("bindings", object().with("kafka", bindings(topic))))
}

/// The address of a channel, and its parameters. That of a pattern is null, unless it is plain text with one group.
fn address(name: &Name) -> (Json, Option<Json>) {
    match name {
        Name::Exact(name) => (name.as_str().into(), None),
        Name::Pattern(pattern) => match template(pattern) {
            Some((address, parameter)) => {
                let about = object().with("description", format!("A name by the pattern {pattern}"));
                (address.into(), Some(object().with(&parameter, about)))
            }
            None => (Json::Null, None),
        },
    }
}

/// `^cx\.conversation\.(?<conversation>.+)$` is `cx.conversation.{conversation}`.
fn template(pattern: &str) -> Option<(String, String)> {
    let inner = pattern.strip_prefix('^')?.strip_suffix('$')?;
    let (before, group) = inner.split_once("(?<")?;
    let (name, _) = group.strip_suffix(')')?.split_once('>')?;
    let before = before.replace("\\.", ".").replace("\\-", "-");
    let is_plain = before.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    (is_plain && !group.contains("(?<")).then(|| (format!("{before}{{{name}}}"), name.to_owned()))
}

fn bindings(topic: &Topic) -> Json {
    let number = |name: &str| topic.settings.get(name).and_then(|value| value.parse::<i64>().ok());
    let cleanup: Vec<&str> = topic.cleanup.split(',').collect();
    let settings = object()
        .with("cleanup.policy", cleanup)
        .with_some("retention.ms", topic.retention_ms)
        .with_some("delete.retention.ms", number("delete.retention.ms"))
        .with_some("max.message.bytes", number("max.message.bytes"));
    let name = match &topic.name {
        Name::Exact(name) => Some(name.as_str()),
        Name::Pattern(_) => None,
    };
    object()
        .with_some("topic", name)
        .with_some("partitions", topic.partitions.map(i64::from))
        .with("topicConfiguration", settings)
        .with("bindingVersion", BINDING)
}

/// The key of a topic's records.
fn key(topic: &Topic) -> String {
    match &topic.role {
        Role::Output(output) => {
            format!("{}. In a key of several parts, % and / within an id are %25 and %2F.", output.key_text())
        }
        Role::Events => "The conversation's id.".to_owned(),
        Role::AgentStates => "The agent's id.".to_owned(),
        Role::Erasures => "The conversation's or the customer's id.".to_owned(),
        Role::DeadLetters | Role::Internal => "The key of the record that it was.".to_owned(),
    }
}

fn message(topic: &Topic, others: LetterHeaders) -> Result<Json, GenerateError> {
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

fn binding_of_key(topic: &Topic) -> Json {
    let key = object().with("type", TEXT).with("description", key(topic));
    object().with("kafka", object().with("key", key).with("bindingVersion", BINDING))
}

fn tombstone(topic: &Topic, others: LetterHeaders) -> Json {
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
fn prefix(schema: &Schema) -> String {
    format!("#/components/schemas/{}", component(schema, ""))
}

fn component(schema: &Schema, record: &str) -> String {
    format!("{}.{record}", schema.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{definition, in_avro};
    use serde_json::{Value, json};

    fn parsed(definition: &Definition) -> Value {
        serde_json::from_str(&document(definition, "a:9092,b:9092").unwrap()).unwrap()
    }

    #[test]
    fn every_public_topic_is_a_channel_with_an_operation() {
        let definition = definition();
        let document = parsed(&definition);
        let channels = document["channels"].as_object().unwrap();
        assert_eq!(channels.len(), definition.public().count());
        for topic in definition.public() {
            let channel = &channels[&topic.identifier()];
            let operation = &document["operations"][format!("{}_{}", action(topic), topic.identifier())];
            assert_eq!(operation["channel"]["$ref"], format!("#/channels/{}", topic.identifier()));
            assert_eq!(channel["messages"].get("tombstone").is_some(), topic.output().is_some());
        }
        assert_eq!(document["servers"]["kafka2"]["host"], "b:9092");
        let metrics = &channels["cx_metrics"];
        assert_eq!(metrics["address"], "cx.metrics");
        assert_eq!(
            metrics["messages"]["record"]["payload"]["$ref"],
            "#/components/schemas/metrics-window.MetricsWindow"
        );
        assert_eq!(metrics["bindings"]["kafka"]["partitions"], 8);
    }

    #[test]
    fn a_pattern_of_plain_text_and_one_group_is_an_address_with_a_parameter() {
        let found = template(r"^cx\.conversation\.(?<conversation>.+)$");
        assert_eq!(found, Some(("cx.conversation.{conversation}".to_owned(), "conversation".to_owned())));
        assert_eq!(template(r"^cx\.(a|b)\.(?<conversation>.+)$"), None);
        assert_eq!(template("cx.conversation"), None);
    }

    #[test]
    fn in_avro_the_payload_is_the_avro_schema() {
        let document = parsed(&in_avro(definition()));
        let record = &document["channels"]["cx_agents"]["messages"]["record"];
        assert_eq!(record["contentType"], "application/vnd.confluent.avro");
        assert_eq!(record["payload"]["schemaFormat"], AVRO);
        let schema: Value = serde_json::from_str(Schema::AGENT.text).unwrap();
        assert_eq!(record["payload"]["schema"], schema);
        assert_eq!(document["components"]["schemas"], json!({}));
    }

    #[test]
    fn a_dead_letter_has_all_its_headers() {
        let document = parsed(&definition());
        let headers = &document["channels"]["cx_dead_letters"]["messages"]["record"]["headers"];
        assert_eq!(headers["properties"].as_object().unwrap().len(), LETTER_HEADERS.len());
        assert_eq!(headers["required"][0], "cx.error.reason");
        let names = |streams: bool, connect: bool| {
            let letter_headers = LetterHeaders { streams, connect };
            let document = parsed(&Definition { letter_headers, ..definition() });
            let headers = &document["channels"]["cx_dead_letters"]["messages"]["record"]["headers"];
            headers["properties"].as_object().unwrap().len() - LETTER_HEADERS.len()
        };
        assert_eq!((names(true, false), names(false, true)), (6, 10));
        assert_eq!(names(true, true), engine::LETTER_HEADERS_OF_OTHERS.len());
    }
}
