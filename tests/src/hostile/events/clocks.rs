// SPDX-License-Identifier: Apache-2.0

//! Clocks that are wrong.

use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use crate::hostile::record::{Fate, Is, Maker, by_agent, message};

const HOUR: i64 = 3_600_000;
/// 2000-01-01T00:00:00Z, the first time there is.
const FIRST: i64 = 946_684_800_000;
/// 2100-01-01T00:00:00Z, the last one.
const LAST: i64 = 4_102_444_800_000;

/// Times in every form: the first and the last, before and after them, in years to come, in seconds, and none at all.
pub(super) fn wrong(maker: &mut Maker, _: &mut ChaCha8Rng) {
    let conversation = maker.id("c");
    let now = maker.now_ms;
    let good = [
        json!(FIRST),
        json!("2000-01-01T00:00:00Z"),
        json!("946684800000.999"),
        json!(now + 23 * HOUR),
        json!(now.to_string()),
        json!((now + 23 * HOUR).to_string()),
        json!("2001-02-03 04:05:60z"),
        json!("2024-02-29T23:59:59.123456789+23:59"),
    ];
    let bad = [
        json!(FIRST - 1),
        json!(0),
        json!(-1),
        json!(now / 1000),
        json!(now * 1000),
        json!(1e300),
        json!(LAST + 1),
        json!("2100-01-01T00:00:00.001Z"),
        json!("99999999999999999999999999999999"),
        json!("2025-02-30T00:00:00Z"),
        json!("now"),
        json!(true),
        json!({"at": now}),
        Value::Null,
        // In range, and more than `limits.ahead` past the record's own time.
        json!(LAST),
        json!("2099-12-31T23:59:59Z"),
        json!(now + 24 * HOUR + 60_000),
        json!(now + 25 * HOUR),
    ];
    let count = good.len();
    for (number, (at, fate)) in good
        .into_iter()
        .map(|at| (at, Fate::Taken))
        .chain(bad.into_iter().map(|at| (at, Fate::Letter("bad-timestamp"))))
        .enumerate()
    {
        let id = maker.id(&format!("e{number}"));
        let mut event =
            maker.event(&id, "CUSTOMER_MESSAGE", Some(&conversation), json!({"data": message(&id, "hello")}));
        event["timestamp"] = at;
        maker.send(&conversation, &event, fate);
    }
    maker.claim("cx.conversations", conversation.clone(), Is::At("/revision", count.into()));
    maker.claim("cx.conversations", conversation.clone(), Is::At("/startedAt", FIRST.into()));
    maker.batch.conversations.push(conversation);
}

/// Agents who have stayed, customers who have waited, and calls that have lasted since the year 2000.
pub(super) fn long_stays(maker: &mut Maker, _: &mut ChaCha8Rng) {
    let conversation = maker.id("c");
    let agent = maker.id("agent");
    let stay = json!({"agentParticipant": {"participant": {"id": agent}, "role": "PRIMARY"}});
    let task =
        json!({"task": {"id": maker.id("t"), "state": "CLOSED"}, "queue": {"name": maker.id("queue")}});
    let leg = json!({"body": {"legId": maker.id("l"), "callId": maker.id("s")}, "header": {"sender": {"type": "AGENT", "id": agent}}});
    let text = by_agent(&maker.id("m"), &agent, "still here");
    let events = [
        ("TASK_ENQUEUED", &task, Some(FIRST)),
        ("AGENT_SUBSCRIBED", &stay, Some(FIRST + 1)),
        ("CALL_LEG_STARTED", &leg, Some(FIRST + 2)),
        ("AGENT_MESSAGE", &text, None),
        ("CALL_LEG_ENDED", &leg, None),
        ("TASK_STATE_CHANGED", &task, None),
        ("AGENT_UNSUBSCRIBED", &stay, None),
    ];
    for (number, (name, data, at)) in events.into_iter().enumerate() {
        let mut event =
            maker.event(&maker.id(&format!("e{number}")), name, Some(&conversation), json!({"data": data}));
        if let Some(at) = at {
            event["timestamp"] = at.into();
        }
        maker.good(&conversation, &event);
    }
    // In the windows on the way from then to now there is nothing.
    let day = 24 * HOUR;
    for at in [FIRST + HOUR, FIRST + day, FIRST + 30 * day, FIRST + 3_650 * day, maker.now_ms - day] {
        let window = at / 900_000 * 900_000;
        maker.claim("cx.metrics", format!("agent/{agent}/900000/{window}"), Is::Gone);
    }
    maker.claim("cx.conversations", conversation.clone(), Is::At("/agents/0/joinedAt", (FIRST + 1).into()));
    maker.batch.conversations.push(conversation);
}
