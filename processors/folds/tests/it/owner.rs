// SPDX-License-Identifier: Apache-2.0

//! Tests of the owner of changelog records, which show that an erased conversation leaves no data.

use std::collections::BTreeMap;

use crate::common::driver_of;
use folds::owner::Owner;
use folds::owners;
use serde_json::{Value, json};
use testkit::{Driver, EventFactory};

/// Ids that nothing else contains, so that every record with them is found.
const CONVERSATION: &str = "erase/me%";
const SESSION: &str = "session/of%";

fn of_session(mut event: Value) -> Value {
    event["channelSession"] = json!({"id": SESSION, "customer": {"_id": "cus"}});
    event
}

/// Every kind of state: a message with a reply, flags and suggestions, a waiting relation, a session, an alert, and more events
/// than one page of ids holds.
fn events(conversation: &str) -> Vec<Value> {
    let of = EventFactory::new(conversation);
    let name = |kind: &str| format!("{kind} of {conversation}");
    let suggestion =
        json!({"requestedMessage": {"id": name("m")}, "suggestions": [{"messageBody": {"t": "x"}}]});
    let message = of.message(&name("e1"), "CUSTOMER_MESSAGE", 0, &name("m"), "CUSTOMER:cus", "words");
    let fact = |number: i64| of.event(&name(&format!("f{number}")), "ANYTHING", 3, json!({}));
    let mut events = vec![
        if conversation == CONVERSATION { of_session(message) } else { message },
        of.event(&name("e2"), "BOT_SUGGESTION", 1, suggestion),
        of.message(&name("e3"), "AGENT_MESSAGE", 2, &name("r"), "AGENT:ann", "words"),
        of.edit(&name("e4"), 3, "unknown", "CUSTOMER:cus", "words"),
        of.event(&name("e5"), "ANYTHING", 7_200, json!({})),
    ];
    events.extend((0..60).map(fact));
    events
}

fn push_all(driver: &mut Driver, events: &[Value]) {
    events.iter().for_each(|event| driver.push(event.to_string()));
    driver.finish();
}

/// Number of records of the owner by namespace and kind, and whether they stay.
fn owned(driver: &Driver, wanted: &Owner<'_>) -> BTreeMap<(String, bool), usize> {
    let mut counts = BTreeMap::new();
    for (key, value) in driver.changelog() {
        if let Some(found) = owners::of_state(key, value).filter(|found| found.owner == *wanted) {
            let kind = String::from_utf8_lossy(&key[..2]).into_owned();
            *counts.entry((kind, found.stays)).or_default() += 1;
        }
    }
    counts
}

fn erased() -> Owner<'static> {
    Owner::Conversation(CONVERSATION.into())
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn whatever_names_a_conversation_is_its_own() {
    let mut driver = driver_of(4);
    push_all(&mut driver, &events(CONVERSATION));
    push_all(&mut driver, &events("other"));
    let escaped = model::escape(CONVERSATION);
    for (key, value) in driver.changelog() {
        let names_it =
            contains(key, &escaped) || contains(key, CONVERSATION) || value == CONVERSATION.as_bytes();
        let is_its_own = owners::of_state(key, value).is_some_and(|found| found.owner == erased());
        assert_eq!(names_it, is_its_own, "{:?}", String::from_utf8_lossy(key));
    }
    let kinds = owned(&driver, &erased());
    for kind in ["ge", "gl", "ht", "te", "ts", "br", "bm", "be", "ws", "wr", "wt", "ke", "ko"] {
        assert!(kinds.contains_key(&(kind.to_owned(), false)), "{kind} is missing in {kinds:?}");
    }
}

#[test]
fn of_an_erased_conversation_only_the_marker_its_pair_and_timers_are_left() {
    let mut driver = driver_of(4);
    push_all(&mut driver, &events("other"));
    let before: Vec<_> = driver.changelog().map(|(key, _)| key.to_vec()).collect();
    push_all(&mut driver, &events(CONVERSATION));
    driver.push_erasure(
        model::ErasureRequest { conversation_id: Some(CONVERSATION.to_owned()), customer_id: None }.write(),
    );
    driver.finish();
    let left = owned(&driver, &erased());
    assert!(left.keys().all(|(_, stays)| *stays), "{left:?}");
    assert_eq!((left[&("gl".to_owned(), true)], left[&("hp".to_owned(), true)]), (1, 1), "{left:?}");
    for (key, value) in driver.changelog() {
        let found = owners::of_state(key, value);
        let is_new = !before.iter().any(|known| known == key);
        let is_timer_or_marker = found.as_ref().is_some_and(|found| found.owner == erased() && found.stays);
        let is_nobodys = found.is_none() && matches!(key[0], b'm' | 0);
        assert!(!is_new || is_timer_or_marker || is_nobodys, "{:?}", String::from_utf8_lossy(key));
        assert!(!is_timer_or_marker || !contains(value, "words"));
    }
}

#[test]
fn what_waits_for_its_conversation_belongs_to_its_session() {
    let mut driver = driver_of(4);
    let homeless = EventFactory::homeless();
    let event = homeless.message("e9", "CUSTOMER_MESSAGE", 0, "m9", "CUSTOMER:cus", "words");
    push_all(&mut driver, &[of_session(event)]);
    let kinds = owned(&driver, &Owner::Session(SESSION.into()));
    assert_eq!(kinds.get(&("hw".to_owned(), false)), Some(&1), "{kinds:?}");
    assert_eq!(kinds.get(&("hx".to_owned(), true)), Some(&1), "{kinds:?}");
}

#[test]
fn what_is_kept_of_a_customer_and_of_no_conversation_is_the_customers() {
    let mut driver = driver_of(4);
    push_all(&mut driver, &events(CONVERSATION));
    let kinds = owned(&driver, &Owner::Customer("cus".into()));
    let expected = [("kc", false), ("kx", false)].map(|(kind, stays)| ((kind.to_owned(), stays), 1));
    assert_eq!(kinds, BTreeMap::from(expected));
}

#[test]
fn what_belongs_to_no_conversation_is_nobodys() {
    for key in [&b""[..], b"\0stream-time", b"mw agent/ann", b"a50%25", b"g", b"gl", b"hp", b"zx/y"] {
        assert_eq!(owners::of_state(key, b"\xff"), None, "{:?}", String::from_utf8_lossy(key));
    }
    assert_eq!(
        (owners::of_message(b""), owners::of_message(b"m1234"), owners::of_message(b"h?")),
        (None, None, None)
    );
}

#[test]
fn a_message_about_a_pair_is_its_conversations() {
    assert_eq!(owners::of_message(b"hLerase/me%"), Some(erased()));
    assert_eq!(owners::of_message(b"hG12345678erase/me%"), Some(erased()));
    assert_eq!(owners::of_message(b"kU\x09erase/me%"), Some(erased()));
    assert_eq!(owners::of_message(b"kO\x09erase/me%\x03cus"), Some(erased()));
    assert_eq!(owners::of_message(b"kU\x09short"), None);
}
