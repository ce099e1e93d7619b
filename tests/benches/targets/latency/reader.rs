// SPDX-License-Identifier: Apache-2.0

//! Reads the activities as others do: only what is committed.

use std::time::{Duration, Instant};

use cx_timelines_tests::partitions_of;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use serde_json::Value;

use super::sender::Plan;

const TOPIC: &str = "cx.activities";
const POLL: Duration = Duration::from_millis(500);

/// A consumer of the activities, from the beginning on.
pub(super) struct Reader {
    consumer: BaseConsumer,
}

impl Reader {
    /// Reads this broker's.
    pub(super) fn new(bootstrap: &str) -> Self {
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", bootstrap).set("group.id", "targets");
        client.set("isolation.level", "read_committed").set("enable.auto.commit", "false");
        let consumer: BaseConsumer = client.set("socket.nagle.disable", "true").create().unwrap();
        let mut places = TopicPartitionList::new();
        for partition in 0..partitions_of(bootstrap, TOPIC) {
            places.add_partition_offset(TOPIC, partition, Offset::Beginning).unwrap();
        }
        consumer.assign(&places).unwrap();
        Self { consumer }
    }

    /// When the first record of each event of a plan came; ends when all have, or when nothing comes any more.
    ///
    /// # Errors
    /// What the check says.
    pub(super) fn read(
        &self,
        plan: &Plan,
        silence: Duration,
        mut check: impl FnMut() -> Result<(), String>,
    ) -> Result<Vec<Option<Instant>>, String> {
        let mut arrived = vec![None; plan.count];
        let (mut missing, mut heard) = (plan.count, Instant::now());
        while missing > 0 && heard.elapsed() < silence {
            let polled = self.consumer.poll(POLL);
            let now = Instant::now();
            let Some(Ok(record)) = polled else {
                // What the client is not content with it tries again.
                check()?;
                continue;
            };
            heard = now;
            let Some(number) = event_of(&record).and_then(|event| plan.number(&event)) else { continue };
            if arrived[number].is_none() {
                arrived[number] = Some(now);
                missing -= 1;
            }
        }
        Ok(arrived)
    }
}

/// The event whose effect a record is: what its key ends with; where the key is only the conversation's, as the value says.
fn event_of(record: &BorrowedMessage<'_>) -> Option<String> {
    let key = std::str::from_utf8(record.key()?).ok()?;
    if let Some((_, event)) = key.rsplit_once('/') {
        return Some(event.to_owned());
    }
    let value: Value = serde_json::from_slice(record.payload()?).ok()?;
    let id = [value.get("activityId"), value.pointer("/cimEvent/id"), value.get("id")];
    id.into_iter().flatten().find_map(Value::as_str).map(str::to_owned)
}
