// SPDX-License-Identifier: Apache-2.0

//! Whatever bytes come in: an event that keeps its promises, or a reason that is true. Never a crash.
#![no_main]

use libfuzzer_sys::fuzz_target;
use model::{
    AT_MAX, AT_MIN, Action, Change, Event, FactDetail, IDENTIFIER_BYTES_MAX, Json, Kind, Limits, Reason,
};
use serde_json::Value;

/// The contract lets a decoder refuse what is nested deeper, and leaves it free not to.
const DEPTH_LEFT_OPEN: usize = 100;

fuzz_target!(|data: &[u8]| check(data));

fn check(data: &[u8]) {
    // Says the same as the contract of what is JSON: not UTF-8, a lone surrogate or a number that no double can
    // hold is an error to it too.
    let reference = serde_json::from_slice::<Value>(data);
    let deep = depth(data) > DEPTH_LEFT_OPEN;

    match model::decode(data, None, &Limits::default()) {
        Ok(event) => {
            assert!(reference.is_ok() || deep, "an event out of what is not JSON: {reference:?}");
            check_event(&event);
        }
        Err(invalid) => {
            assert!(!invalid.detail.is_empty(), "a dead letter without a detail");
            match invalid.reason {
                Reason::Malformed => assert!(reference.is_err() || deep, "JSON refused: {}", invalid.detail),
                Reason::NotAnEvent
                | Reason::MissingField
                | Reason::BadTimestamp
                | Reason::IdentifierTooLong
                | Reason::MissingIdentifier
                | Reason::BadRelation
                | Reason::NoKey => {
                    let reason = invalid.reason;
                    assert!(
                        reference.is_ok() || deep,
                        "what is not JSON is called {reason:?}: {reference:?}"
                    );
                }
                reason => panic!("one record of {} bytes cannot be {reason:?}", data.len()),
            }
        }
    }
}

fn check_event(event: &Event<'_>) {
    assert!(!event.id.is_empty(), "an event without an id");
    assert!(!event.name.is_empty(), "an event without a name");
    assert!((AT_MIN..=AT_MAX).contains(&event.at), "an event at {}", event.at);
    // An empty string is an absent one.
    for id in [&event.conversation_id, &event.channel_session_id, &event.customer_id].into_iter().flatten() {
        assert!(!id.is_empty(), "an empty id");
    }
    check_lengths(event);
    let _ = event.content_hash();
    if let Some(channel) = &event.channel {
        assert!(channel.channel_type.is_some() || channel.service_identifier.is_some(), "an empty channel");
    }
    match &event.action {
        Action::Primary(primary) => {
            assert!(!primary.activity_id.is_empty(), "an activity without an id");
            check_object(primary.body.as_ref());
            assert_eq!(primary.leg.is_some(), primary.kind == Kind::AgentCallLeg);
            for time in primary.leg.iter().flat_map(|leg| [leg.start_time, leg.end_time]).flatten() {
                assert!((AT_MIN..=AT_MAX).contains(&time), "a leg at {time}");
            }
        }
        Action::Relation(relation) => {
            assert!(!relation.target.is_empty(), "a relation on nothing");
            match &relation.change {
                Change::Edit { body } => check_object(Some(body)),
                Change::Delete { by_supervisor: _, is_done: _ }
                | Change::Mark(_)
                | Change::Hold { begins: _ } => {}
                Change::Reaction { kind: _, value, remove: _ } => {
                    assert!(value.as_ref().is_none_or(|value| !value.is_empty()), "an empty reaction")
                }
                Change::Suggestion { items } => {
                    for item in items {
                        check_object(item.body.as_ref());
                        if let Some(confidence) = &item.confidence {
                            assert!(
                                matches!(parse(confidence), Value::Number(_)),
                                "{confidence:?} is no number"
                            );
                        }
                    }
                }
                Change::Delivery { status, reason_code: _ } => assert!(!status.is_empty(), "an empty status"),
            }
        }
        // It may belong to nothing: it is in the audit alone.
        Action::Signal => {}
        Action::Fact(_) => assert!(
            event.conversation_id.is_some() || event.channel_session_id.is_some(),
            "a fact that belongs to nothing"
        ),
    }
}

/// What becomes part of keys has a bound.
fn check_lengths(event: &Event<'_>) {
    let mut words: Vec<&str> = vec![&event.id, &event.name];
    words.extend(
        [&event.conversation_id, &event.channel_session_id, &event.customer_id]
            .into_iter()
            .flatten()
            .map(|id| &**id),
    );
    words.extend(event.direction.as_deref());
    if let Some(channel) = &event.channel {
        words.extend(
            [&channel.channel_type, &channel.service_identifier].into_iter().flatten().map(|word| &**word),
        );
    }
    if let Some(actor) = &event.actor {
        words.extend([&actor.actor_type, &actor.id].into_iter().flatten().map(|word| &**word));
        assert!(actor.name.as_ref().is_none_or(|name| name.len() <= 1024), "a name that is not cut");
    }
    words.extend(event.activity_id());
    match &event.action {
        Action::Primary(primary) => {
            words.extend(
                [&primary.in_reply_to, &primary.provider_message_id].into_iter().flatten().map(|id| &**id),
            );
            words.extend(
                primary.leg.iter().flat_map(|leg| [&leg.call_id, &leg.reason]).flatten().map(|id| &**id),
            );
        }
        Action::Relation(relation) => match &relation.change {
            Change::Reaction { value, .. } => words.extend(value.as_deref()),
            Change::Delivery { status, reason_code } => {
                words.push(status);
                words.extend(reason_code.as_deref());
            }
            Change::Edit { .. }
            | Change::Delete { .. }
            | Change::Suggestion { .. }
            | Change::Mark(_)
            | Change::Hold { .. } => {}
        },
        Action::Signal => {}
        Action::Fact(fact) => match &fact.detail {
            FactDetail::None => {}
            FactDetail::Agent(agent) => {
                words.extend(
                    [&agent.agent_id, &agent.role, &agent.reason].into_iter().flatten().map(|word| &**word),
                );
            }
            FactDetail::Role { agent_id, role } => {
                words.extend([agent_id, role].into_iter().flatten().map(|word| &**word));
            }
            FactDetail::Request { direction } => words.extend(direction.as_deref()),
            FactDetail::Task(task) => {
                let all = [
                    &task.task_id,
                    &task.queue,
                    &task.direction,
                    &task.mode,
                    &task.state,
                    &task.reason,
                    &task.agent_id,
                    &task.timer_id,
                    &task.session_id,
                ];
                words.extend(all.into_iter().flatten().map(|word| &**word));
            }
            FactDetail::State(state) => words.extend(state.as_deref()),
        },
    }
    for word in words {
        assert!(word.len() <= IDENTIFIER_BYTES_MAX, "an identifier of {} bytes", word.len());
    }
}

fn check_object(body: Option<&Json<'_>>) {
    // The reference would refuse what is deeper; the decoder need not.
    if let Some(body) = body.filter(|body| depth(body.as_str().as_bytes()) <= DEPTH_LEFT_OPEN) {
        assert!(matches!(parse(body), Value::Object(_)), "a body that is no object: {}", body.as_str());
    }
}

/// Parses compact JSON.
fn parse(json: &Json<'_>) -> Value {
    let (mut in_string, mut escaped) = (false, false);
    for byte in json.as_str().bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ => assert!(in_string || !byte.is_ascii_whitespace(), "not compact: {}", json.as_str()),
        }
    }
    serde_json::from_str(json.as_str()).unwrap_or_else(|error| panic!("{error}: {}", json.as_str()))
}

/// How deep brackets are nested, outside of strings.
fn depth(data: &[u8]) -> usize {
    let (mut open, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in data {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                open += 1;
                deepest = deepest.max(open);
            }
            b'}' | b']' if !in_string => open = open.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}
