// SPDX-License-Identifier: Apache-2.0

//! The values of inputs in JSON. What is read of them is described in docs/reference/events.md; everything else may be there too.

use avro::{FieldOutline, Kind};
use model::Schema;

use crate::GenerateError;
use crate::definition::outline;
use crate::json::{Json, object};
use crate::value::is_object;

/// An event, in any of its three forms.
pub(super) fn event() -> Result<Json, GenerateError> {
    let bare = bare()?;
    let entities = with_event("entities", with_event("cimEvent", bare.clone()));
    let forms = vec![
        bare.clone().with("title", "The bare event"),
        with_event("cimEvent", bare)
            .with("title", "The form of sockets, also with conversationId beside cimEvent"),
        with_event("payload", entities.clone()).with("title", "The form of the studio"),
        entities.with("title", "The same without payload"),
    ];
    Ok(object().with("description", "An event. Unknown fields are ignored.").with("anyOf", forms))
}

/// An object with this field.
fn with_event(name: &str, of: Json) -> Json {
    object().with("type", "object").with("properties", object().with(name, of)).with("required", vec![name])
}

/// The fields of the schema of events in Avro. Other types than these count as absent, so only what has to be there is required.
fn bare() -> Result<Json, GenerateError> {
    let outline = outline(&Schema::CIM_EVENT)?;
    let fields = outline.root().map(|root| root.fields.as_slice()).unwrap_or_default();
    let properties = fields.iter().fold(object(), |all, field| all.with(&field.name, property(field)));
    Ok(object().with("type", "object").with("properties", properties).with("required", vec!["id", "name"]))
}

fn property(field: &FieldOutline) -> Json {
    let types = match &field.kind {
        _ if is_object(field) => vec!["object", "null"],
        Kind::OneOf(kinds) if kinds.contains(&Kind::Time) => vec!["integer", "number", "string"],
        Kind::OneOf(_) | Kind::Record(_) => vec!["object", "null"],
        // An id may be a whole number.
        _ => vec!["string", "integer", "null"],
    };
    let description = field.doc.replace(" as JSON text", "");
    object().with("description", description).with("type", types)
}

/// An agent's state.
pub(super) fn agent_state() -> Json {
    let object_of = |fields: Vec<(&str, Json)>| {
        let properties = fields.into_iter().fold(object(), |all, (name, of)| all.with(name, of));
        object().with("type", "object").with("properties", properties)
    };
    let text =
        |about: &str| object().with("type", vec!["string", "integer", "null"]).with("description", about);
    let time = |about: &str| {
        object().with("type", vec!["integer", "number", "string", "null"]).with("description", about)
    };
    let agent = object_of(vec![("id", text("The agent's id."))]).with("required", vec!["id"]);
    let domain = object_of(vec![
        ("mrd", object_of(vec![("id", text("The domain's id.")), ("name", text("The domain's name."))])),
        ("state", text("The agent's state there.")),
        ("stateChangeTime", time("Since when.")),
    ]);
    let state = object_of(vec![
        ("name", text("The state, for example READY.")),
        ("reasonCode", object().with("description", "Why: an object with label, name or code, or a text.")),
    ]);
    let presence = object_of(vec![
        ("agent", agent),
        ("state", state),
        ("stateChangeTime", time("When it changed.")),
        ("agentLoginTime", time("When the agent logged in.")),
        ("agentMrdStates", object().with("type", "array").with("items", domain)),
    ])
    .with("required", vec!["agent"]);
    object_of(vec![
        ("name", text("The event's name.")),
        ("data", object_of(vec![("agentPresence", presence)]).with("required", vec!["agentPresence"])),
        ("timestamp", time("The event's time, where stateChangeTime is absent.")),
    ])
    .with("description", "An agent's state after a change. Unknown fields are ignored.")
    .with("required", vec!["data"])
}

/// A request to erase.
pub(super) fn request() -> Json {
    let id = |about: &str| {
        object().with("type", "string").with("minLength", 1).with("maxLength", 512).with("description", about)
    };
    let required = |name: &str| object().with("required", vec![name]);
    object()
        .with("description", "A request to erase; it stays valid for what comes later.")
        .with("type", "object")
        .with(
            "properties",
            object().with("conversationId", id("The conversation to erase.")).with(
                "customerId",
                id("The customer to erase, with all conversations known of the customer."),
            ),
        )
        .with("anyOf", vec![required("conversationId"), required("customerId")])
}
