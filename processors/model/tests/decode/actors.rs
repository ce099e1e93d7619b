// SPDX-License-Identifier: Apache-2.0

//! The actor: the rule of section 1.

use crate::support::{event, read};
use model::Actor;
use serde_json::{Value, json};

fn actor(name: &str, fields: &Value) -> Option<(Option<String>, Option<String>, Option<String>)> {
    let owned = |text: Option<std::borrow::Cow<'_, str>>| text.map(std::borrow::Cow::into_owned);
    let Actor { actor_type, id, name } = read(&event(name, fields)).actor?;
    Some((owned(actor_type), owned(id), owned(name)))
}

fn sent(name: &str, sender: &Value) -> (Option<String>, Option<String>, Option<String>) {
    actor(name, &json!({"data": {"header": {"sender": sender}}})).unwrap()
}

fn triple(
    actor_type: Option<&str>,
    id: Option<&str>,
    name: Option<&str>,
) -> (Option<String>, Option<String>, Option<String>) {
    (actor_type.map(str::to_owned), id.map(str::to_owned), name.map(str::to_owned))
}

#[test]
fn with_a_header_only_its_sender_counts_even_when_it_has_none() {
    let emitter = json!({"type": "SYSTEM", "id": "sys"});
    let system = Some(triple(Some("SYSTEM"), Some("sys"), None));
    assert_eq!(actor("X", &json!({"eventEmitter": emitter, "data": {"header": {}}})), None);
    assert_eq!(actor("X", &json!({"eventEmitter": emitter, "data": {"header": {"sender": "x"}}})), None);
    assert_eq!(actor("X", &json!({"eventEmitter": emitter, "data": {"header": null}})), system);
    assert_eq!(actor("X", &json!({"eventEmitter": emitter, "data": "text"})), system);
    assert_eq!(actor("X", &json!({"eventEmitter": emitter})), system);
}

#[test]
fn without_a_sender_there_is_no_actor_and_an_empty_sender_is_one_of_nulls() {
    assert_eq!(actor("X", &json!({})), None);
    assert_eq!(actor("X", &json!({"eventEmitter": null})), None);
    assert_eq!(actor("X", &json!({"eventEmitter": {}})), Some(triple(None, None, None)));
}

#[test]
fn the_type_is_in_upper_case_by_ascii_alone() {
    assert_eq!(sent("X", &json!({"type": "agent"})).0.as_deref(), Some("AGENT"));
    assert_eq!(sent("X", &json!({"type": "agént ß"})).0.as_deref(), Some("AGéNT ß"));
}

#[test]
fn a_channel_session_as_participant_makes_a_customer() {
    let sender =
        json!({"type": "X", "id": "cus", "participant": {"participantType": "ChannelSession", "id": "s"}});
    assert_eq!(sent("AGENT_MESSAGE", &sender), triple(Some("CUSTOMER"), Some("cus"), None));
    let typeless = json!({"id": "cus", "participant": {"participantType": "ChannelSession"}});
    assert_eq!(sent("X", &typeless), triple(Some("CUSTOMER"), Some("cus"), None));
}

#[test]
fn a_connector_speaks_for_its_customer_in_three_events_and_has_no_name_of_the_customers() {
    let sender = json!({"type": "connector", "id": "web", "senderName": "W"});
    let customer = triple(Some("CUSTOMER"), Some("web"), None);
    assert_eq!(sent("CUSTOMER_MESSAGE", &sender), customer);
    for (name, body) in [
        ("MODIFY_ACTIVITY", json!({"action": "DELETE"})),
        ("REACTION", json!({"kind": "FLAG", "value": "v"})),
    ] {
        let data = json!({"header": {"sender": sender, "originalMessageId": "m"}, "body": body});
        assert_eq!(actor(name, &json!({"data": data})), Some(customer.clone()));
    }
    for name in ["AGENT_MESSAGE", "BOT_MESSAGE", "CAMPAIGN_MESSAGE", "ANYTHING"] {
        assert_eq!(sent(name, &sender), triple(Some("CONNECTOR"), Some("web"), Some("W")), "{name}");
    }
    let emitter = actor("CUSTOMER_MESSAGE", &json!({"eventEmitter": sender}));
    assert_eq!(emitter, Some(customer));
}

#[test]
fn a_customers_id_is_the_events_customer_else_the_channels_identifier_else_the_senders() {
    let sender = json!({"type": "CUSTOMER", "id": "3", "participant": {"id": "4"}});
    let mut record = json!({"channelSession": {"customer": {"_id": "1"}}, "data": {"header": {
        "sender": sender, "channelData": {"channelCustomerIdentifier": "2"}}}});
    let id = |record: &Value| actor("X", record).unwrap().1;
    assert_eq!(id(&record).as_deref(), Some("1"));
    record["channelSession"] = json!(null);
    assert_eq!(id(&record).as_deref(), Some("2"));
    record["data"]["header"]["channelData"] = json!(null);
    assert_eq!(id(&record).as_deref(), Some("3"));
    record["data"]["header"]["sender"]["id"] = json!("");
    assert_eq!(id(&record), None);
}

#[test]
fn any_others_id_is_the_participants_else_the_senders() {
    let with =
        |participant: Value| sent("X", &json!({"type": "AGENT", "id": "2", "participant": participant})).1;
    assert_eq!(with(json!({"id": "1"})).as_deref(), Some("1"));
    assert_eq!(with(json!({"id": ""})).as_deref(), Some("2"));
    assert_eq!(with(json!("1")).as_deref(), Some("2"));
    let event =
        json!({"channelSession": {"customer": {"_id": "k"}}, "eventEmitter": {"type": "BOT", "id": "b"}});
    assert_eq!(actor("X", &event), Some(triple(Some("BOT"), Some("b"), None)));
}

#[test]
fn the_name_is_the_first_of_four() {
    let mut sender = json!({"senderName": "1", "participant": {
        "displayName": "2", "keycloakUser": {"username": "3"}, "name": "4"}});
    let name = |sender: &Value| sent("X", sender).2;
    assert_eq!(name(&sender).as_deref(), Some("1"));
    sender["senderName"] = json!("");
    assert_eq!(name(&sender).as_deref(), Some("2"));
    sender["participant"]["displayName"] = json!(null);
    assert_eq!(name(&sender).as_deref(), Some("3"));
    sender["participant"]["keycloakUser"] = json!("3");
    assert_eq!(name(&sender).as_deref(), Some("4"));
    sender["participant"]["name"] = json!({});
    assert_eq!(name(&sender), None);
}

#[test]
fn a_connector_also_speaks_for_a_customer_who_emitted_the_event_or_answers_a_campaign() {
    let sender = json!({"type": "CONNECTOR", "id": "web", "senderName": "W"});
    let emitted_by = |emitter: &str| {
        let data = json!({"header": {"sender": sender}});
        actor("AGENT_MESSAGE", &json!({"data": data, "eventEmitter": {"type": emitter, "senderName": "Cy"}}))
            .unwrap()
    };
    assert_eq!(emitted_by("customer"), triple(Some("CUSTOMER"), Some("web"), Some("Cy")));
    assert_eq!(emitted_by("AGENT"), triple(Some("CONNECTOR"), Some("web"), Some("W")));
    let answers = |target: Value| {
        let data = json!({"header": {"sender": sender, "originalMessageId": target}});
        actor("THIRD_PARTY_ACTIVITY", &json!({"data": data})).unwrap().0
    };
    assert_eq!(answers(json!("offer")).as_deref(), Some("CUSTOMER"));
    assert_eq!(answers(json!("")).as_deref(), Some("CONNECTOR"));
}

#[test]
fn the_platforms_controller_is_no_bot_whatever_it_says() {
    let controller = json!({"type": "BOT", "id": "b", "senderName": "CONVERSATION_MONITOR"});
    assert_eq!(
        sent("BOT_MESSAGE", &controller),
        triple(Some("SYSTEM"), Some("b"), Some("CONVERSATION_MONITOR"))
    );
}

#[test]
fn a_customers_name_is_the_first_of_those_that_are_the_customers_own() {
    let mut record = json!({
        "channelSession": {"customer": {"_id": "k", "firstName": "2"}},
        "eventEmitter": {"type": "CUSTOMER", "senderName": "3"},
        "data": {"header": {"customer": {"firstName": "1"}, "channelData": {"customerFirstName": "4"},
            "sender": {"type": "CUSTOMER", "senderName": "5", "participant": {"displayName": "6"}}}}
    });
    let name = |record: &Value| actor("CUSTOMER_MESSAGE", record).unwrap().2;
    assert_eq!(name(&record).as_deref(), Some("1"));
    record["data"]["header"]["customer"]["firstName"] = json!(null);
    assert_eq!(name(&record).as_deref(), Some("2"));
    record["channelSession"]["customer"]["firstName"] = json!("");
    assert_eq!(name(&record).as_deref(), Some("3"));
    record["eventEmitter"]["type"] = json!("CONNECTOR");
    assert_eq!(name(&record).as_deref(), Some("4"));
    record["data"]["header"]["channelData"] = json!(null);
    assert_eq!(name(&record).as_deref(), Some("5"));
    record["data"]["header"]["sender"]["senderName"] = json!(null);
    assert_eq!(name(&record).as_deref(), Some("6"));
    record["data"]["header"]["sender"]["type"] = json!("CONNECTOR");
    assert_eq!(name(&record), None);
}
