// SPDX-License-Identifier: Apache-2.0

//! The time of the events goes on: so that all that waits, and all that is closed or idle, is over.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;

use super::PARTITIONS;
use super::record::{Batch, Fate, Maker, message};

/// So far the time goes on in the end: further than anything is kept, as `scene` writes it into topics.yaml, and less than the hour
/// that brokers let a record be ahead.
const ON_MS: i64 = 40 * 60_000;

/// Now, in epoch milliseconds.
pub(super) fn now_ms() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// An event for each partition, by which it is that much later.
pub(super) fn goes_on(prefix: &str) -> Batch {
    let mut maker = Maker::new(prefix.to_owned(), now_ms() + ON_MS, 0);
    maker.batch.what = "the clock";
    for partition in 0..PARTITIONS {
        let lies_there = |id: &String| engine::partition_of(id.as_bytes(), PARTITIONS) == partition;
        let conversation =
            (0..).map(|number| maker.id(&format!("{partition}-{number}"))).find(lies_there).unwrap();
        let mut event =
            maker.event(&maker.id(&format!("e{partition}")), "CLOCK", Some(&conversation), json!({}));
        event["timestamp"] = maker.now_ms.into();
        maker.good(&conversation, &event);
    }
    maker.batch
}

/// An event for each of these conversations, which are forgotten.
pub(super) fn too_late<'c>(prefix: &str, conversations: impl Iterator<Item = &'c String>) -> Batch {
    let mut maker = Maker::new(prefix.to_owned(), now_ms() + ON_MS, 0);
    maker.batch.what = "events for what is forgotten";
    for (number, conversation) in conversations.enumerate() {
        let id = maker.id(&format!("e{number}"));
        let event = maker.event(
            &id,
            "CUSTOMER_MESSAGE",
            Some(conversation),
            json!({"data": message(&id, "is there a person?")}),
        );
        maker.send(conversation, &event, Fate::Letter("conversation-expired"));
    }
    maker.batch
}
