// SPDX-License-Identifier: Apache-2.0

//! An AsyncAPI 3 document of all topics that others write or read.

mod address;
mod binding;
mod description;
mod inputs;
mod message;

use engine::LetterHeaders;

use crate::json::{Json, object, reference};
use crate::{Definition, GenerateError, Role, Topic, json_schema};
use address::address;
use binding::bindings;
use description::about;
use message::{component, message, prefix, tombstone};

const VERSION: &str = "3.0.0";
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::LETTER_HEADERS;
    use crate::tests::{definition, in_avro};
    use model::Schema;
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
    fn in_avro_the_payload_is_the_avro_schema() {
        let document = parsed(&in_avro(definition()));
        let record = &document["channels"]["cx_agents"]["messages"]["record"];
        assert_eq!(record["contentType"], "application/vnd.confluent.avro");
        assert_eq!(record["payload"]["schemaFormat"], message::AVRO);
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
