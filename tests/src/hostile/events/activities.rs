// SPDX-License-Identifier: Apache-2.0

//! Activities that a great many events change, or a few large ones.

use rand::RngExt as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use crate::hostile::record::{Is, Maker, by_agent, message, text_of};

/// The number of events of each relation that are folded (contract A10).
const RELATIONS_MAX: usize = 200;
/// Of a suggestion so many items are taken.
const ITEMS_MAX: usize = 20;

fn edit(target: &str, agent: &str, text: &str) -> Value {
    json!({"header": {"sender": {"type": "AGENT", "id": agent}, "originalMessageId": target},
        "body": {"action": "EDIT", "body": {"type": "PLAIN", "markdownText": text}}})
}

/// Edits as large as they can be, by the dozen, on one message.
pub(super) fn large_edits(maker: &mut Maker, rng: &mut ChaCha8Rng) {
    let (conversation, activity) = (maker.id("c"), maker.id("m"));
    let edits = rng.random_range(18..=26);
    maker.tell(&conversation, &activity, "AGENT_MESSAGE", by_agent(&activity, "ann", &text_of(900_000)));
    for number in 1..=edits {
        let text = format!("{number} {}", text_of(1_000_000));
        maker.tell(
            &conversation,
            &maker.id(&format!("x{number}")),
            "MODIFY_ACTIVITY",
            edit(&activity, "ann", &text),
        );
    }
    let key = model::activity_key(Some(&conversation), &activity);
    let last = format!("{edits} {}", text_of(1_000_000));
    maker.claim("cx.activities", key.clone(), Is::At("/body/markdownText", last.into()));
    maker.claim("cx.activities", key.clone(), Is::Long("/edits", edits));
    maker.claim("cx.activities", key.clone(), Is::At("/edits/0/body", Value::Null));
    maker.claim("cx.activities", key, Is::At("/omitted/edits", 0.into()));
    maker.batch.conversations.push(conversation);
}

/// Hundreds of each relation on one message, in any order.
pub(super) fn many_relations(maker: &mut Maker, rng: &mut ChaCha8Rng) {
    let (conversation, activity) = (maker.id("c"), maker.id("m"));
    let count = 300;
    let mut events = Vec::new();
    let mut all = |maker: &mut Maker, kind: &str, name: &str, data: &dyn Fn(usize) -> Value| {
        for number in 0..count {
            let id = maker.id(&format!("{kind}{number:04}"));
            events.push(maker.event(&id, name, Some(&conversation), json!({"data": data(number)})));
        }
    };
    all(maker, "e", "MODIFY_ACTIVITY", &|number| edit(&activity, "ann", &format!("text {number}")));
    all(maker, "r", "REACTION", &|number| {
        json!({"header": {"sender": {"type": "AGENT", "id": format!("agent-{number}")}, "originalMessageId": activity},
            "body": {"kind": "EMOJI", "value": format!("emoji {number}")}})
    });
    all(
        maker,
        "s",
        "BOT_SUGGESTION",
        &|number| json!({"requestedMessage": {"id": activity}, "suggestions": [{"messageBody": {"text": number}, "confidenceLevel": 0.5}]}),
    );
    all(
        maker,
        "d",
        "MESSAGE_DELIVERY_NOTIFICATION",
        &|number| json!({"body": {"messageId": activity, "status": (["SENT", "DELIVERED", "READ", "UNKNOWN STATUS"][number % 4])}}),
    );
    let written = json!({"data": by_agent(&activity, "ann", "hello")});
    events.push(maker.event(&activity, "AGENT_MESSAGE", Some(&conversation), written));
    events.shuffle(rng);
    maker.all_good(&conversation, &events);

    let key = model::activity_key(Some(&conversation), &activity);
    let omitted = count - RELATIONS_MAX;
    for (list, field) in [
        ("/edits", "/omitted/edits"),
        ("/reactions", "/omitted/reactions"),
        ("/suggestions", "/omitted/suggestions"),
    ] {
        maker.claim("cx.activities", key.clone(), Is::Long(list, RELATIONS_MAX));
        maker.claim("cx.activities", key.clone(), Is::At(field, omitted.into()));
    }
    maker.claim("cx.activities", key.clone(), Is::At("/omitted/others", omitted.into()));
    maker.claim("cx.activities", key, Is::At("/body/markdownText", format!("text {}", count - 1).into()));
    maker.claim("cx.conversations", conversation.clone(), Is::At("/revision", (4 * count + 1).into()));
    maker.batch.conversations.push(conversation);
}

/// Suggestions of thousands of items.
pub(super) fn many_items(maker: &mut Maker, _: &mut ChaCha8Rng) {
    let (conversation, activity) = (maker.id("c"), maker.id("m"));
    maker.tell(&conversation, &activity, "CUSTOMER_MESSAGE", message(&activity, "what now?"));
    for number in 0..4 {
        let items: Vec<Value> =
            (0..8_000).map(|item| json!({"messageBody": {"text": item}, "confidenceLevel": 0.25})).collect();
        let data = json!({"requestedMessage": {"id": activity}, "suggestions": items});
        maker.tell(&conversation, &maker.id(&format!("s{number}")), "BOT_SUGGESTION", data);
    }
    // None of these is an item.
    let others: Vec<Value> =
        (0..50_000).map(|number| if number % 2 == 0 { json!(null) } else { json!([]) }).collect();
    let data = json!({"requestedMessage": {"id": activity}, "suggestions": others});
    maker.tell(&conversation, &maker.id("others"), "BOT_SUGGESTION", data);
    for (topic, list) in
        [("cx.activities", "/suggestions/0/items"), ("cx.activities", "/suggestions/3/items")]
    {
        maker.claim(topic, model::activity_key(Some(&conversation), &activity), Is::Long(list, ITEMS_MAX));
    }
    maker.batch.conversations.push(conversation);
}

/// Suggestions of items as large as they can be, on a message that bots learn from.
pub(super) fn large_items(maker: &mut Maker, _: &mut ChaCha8Rng) {
    let (conversation, activity) = (maker.id("c"), maker.id("m"));
    maker.tell(&conversation, &activity, "CUSTOMER_MESSAGE", message(&activity, &text_of(900_000)));
    for number in 0..12 {
        let items: Vec<Value> = (0..3).map(|_| json!({"messageBody": {"text": text_of(300_000)}})).collect();
        let data = json!({"requestedMessage": {"id": activity}, "suggestions": items});
        maker.tell(&conversation, &maker.id(&format!("s{number:02}")), "BOT_SUGGESTION", data);
    }
    let reply = maker.id("reply");
    maker.tell(&conversation, &reply, "AGENT_MESSAGE", by_agent(&reply, "ann", &text_of(900_000)));
    let key = model::activity_key(Some(&conversation), &activity);
    maker.claim("cx.activities", key.clone(), Is::At("/suggestions/0/items/0/body", Value::Null));
    maker.claim("cx.activities", key, Is::Long("/suggestions", 12));
    maker.batch.conversations.push(conversation);
}

/// Hundreds of replies to one question.
pub(super) fn many_answers(maker: &mut Maker, _: &mut ChaCha8Rng) {
    let (conversation, activity) = (maker.id("c"), maker.id("m"));
    let question = json!({"id": activity, "header": {"sender": {"type": "BOT", "id": "bot"}}, "body": {"type": "SURVEY"}});
    maker.tell(&conversation, &activity, "BOT_MESSAGE", question);
    for number in 0..400 {
        let id = maker.id(&format!("a{number:03}"));
        let mut reply = message(&id, "yes");
        reply["header"]["intent"] = "REPLY_TO".into();
        reply["header"]["originalMessageId"] = activity.clone().into();
        maker.tell(&conversation, &id, "CUSTOMER_MESSAGE", reply);
    }
    let key = model::activity_key(Some(&conversation), &activity);
    maker.claim("cx.activities", key.clone(), Is::Long("/reactions", RELATIONS_MAX));
    maker.claim("cx.activities", key, Is::At("/omitted/reactions", 200.into()));
    maker.claim("cx.conversations", conversation.clone(), Is::At("/counts/customerMessages", 400.into()));
    maker.batch.conversations.push(conversation);
}

/// One message that is delivered under hundreds of event ids, each time with another long text.
pub(super) fn one_message_many_times(maker: &mut Maker, _: &mut ChaCha8Rng) {
    let (conversation, activity) = (maker.id("c"), maker.id("m"));
    for number in 0..301 {
        let id = maker.id(&format!("e{number:03}"));
        maker.tell(
            &conversation,
            &id,
            "CUSTOMER_MESSAGE",
            message(&activity, &format!("{number} {}", text_of(20_000))),
        );
    }
    let key = model::activity_key(Some(&conversation), &activity);
    maker.claim("cx.activities", key.clone(), Is::Long("/rejected", RELATIONS_MAX));
    maker.claim("cx.activities", key.clone(), Is::At("/omitted/others", 100.into()));
    maker.claim("cx.activities", key, Is::At("/body/markdownText", format!("0 {}", text_of(20_000)).into()));
    maker.claim("cx.conversations", conversation.clone(), Is::At("/counts/customerMessages", 1.into()));
    maker.batch.conversations.push(conversation);
}

/// Messages that are deleted: before, between and after their edits. No final record may hold what was removed.
pub(super) fn deleted_texts(maker: &mut Maker, rng: &mut ChaCha8Rng) {
    let conversation = maker.id("c");
    for number in 0..6 {
        let activity = maker.id(&format!("m{number}"));
        let secret = format!("secret-{activity}-text");
        let mut events = Vec::new();
        let written = json!({"data": by_agent(&activity, "ann", &secret)});
        events.push(maker.event(&activity, "AGENT_MESSAGE", Some(&conversation), written));
        for edits in 0..250 {
            let id = maker.id(&format!("x{number}-{edits}"));
            let edited = json!({"data": edit(&activity, "ann", &secret)});
            events.push(maker.event(&id, "MODIFY_ACTIVITY", Some(&conversation), edited));
        }
        let deletion = json!({"data": {"header": {"sender": {"type": "AGENT", "id": "ann"}, "originalMessageId": activity},
            "body": {"action": "DELETE"}}});
        events.push(maker.event(
            &maker.id(&format!("d{number}")),
            "MODIFY_ACTIVITY",
            Some(&conversation),
            deletion,
        ));
        events.shuffle(rng);
        maker.all_good(&conversation, &events);
        let key = model::activity_key(Some(&conversation), &activity);
        maker.claim("cx.activities", key.clone(), Is::At("/body", Value::Null));
        maker.claim("cx.activities", key, Is::Without(secret));
    }
    maker.batch.conversations.push(conversation);
}

/// Bodies that are the whole data of an event.
pub(super) fn large_data(maker: &mut Maker, _: &mut ChaCha8Rng) {
    let conversation = maker.id("c");
    for number in 0..3 {
        let id = maker.id(&format!("e{number}"));
        maker.tell(
            &conversation,
            &id,
            "CONVERSATION_DATA_CHANGED",
            json!({"all": text_of(1_000_000), "number": number}),
        );
        let key = model::activity_key(Some(&conversation), &id);
        maker.claim("cx.activities", key, Is::At("/body/number", number.into()));
    }
    maker.batch.conversations.push(conversation);
}
