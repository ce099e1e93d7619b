// SPDX-License-Identifier: Apache-2.0

//! Sends at a fixed rate. The plan does not wait for the pipeline: what is sent late counts from when it should have been.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use cx_timelines_tests::partitions_of;
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

const PER_CONVERSATION: usize = 20;
const FLUSH_MAX: Duration = Duration::from_secs(60);

/// When each event is due.
pub(super) struct Plan {
    /// Events of different plans have different ids.
    pub(super) name: &'static str,
    /// Events in a second.
    pub(super) rate: u32,
    /// How many events.
    pub(super) count: usize,
}

impl Plan {
    /// How long after the beginning the event of this number is due.
    pub(super) fn due(&self, number: usize) -> Duration {
        Duration::from_nanos(number as u64 * 1_000_000_000 / u64::from(self.rate))
    }

    /// The number of an event of this plan by its id.
    pub(super) fn number(&self, event: &str) -> Option<usize> {
        event.strip_prefix(self.name)?.strip_prefix("-e")?.parse().ok().filter(|number| *number < self.count)
    }
}

/// A producer that is there before the first event is due.
pub(super) struct Sender {
    producer: BaseProducer,
    partitions: i32,
}

impl Sender {
    /// Sends to this broker.
    pub(super) fn new(bootstrap: &str) -> Self {
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", bootstrap).set("linger.ms", "0").set("acks", "all");
        let producer = client.set("socket.nagle.disable", "true").create().unwrap();
        Self { producer, partitions: partitions_of(bootstrap, "cx.events") }
    }

    /// Sends all of a plan; gives by how much it was behind at the most.
    pub(super) fn send(&self, plan: &Plan, begun: Instant) -> Duration {
        let mut late_max = Duration::ZERO;
        for number in 0..plan.count {
            let due = begun + plan.due(number);
            self.producer.poll(Duration::ZERO);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            late_max = late_max.max(due.elapsed());
            let conversation = format!("{}-c{}", plan.name, number / PER_CONVERSATION);
            let value = message(&format!("{}-e{number}", plan.name), &conversation);
            let record: BaseRecord<'_, str, str> = BaseRecord::to("cx.events")
                .partition(engine::partition_of(conversation.as_bytes(), self.partitions))
                .key(conversation.as_str())
                .payload(value.as_str());
            self.producer.send(record).map_err(|(error, _)| error).unwrap();
        }
        self.producer.flush(FLUSH_MAX).unwrap();
        late_max
    }
}

/// A message of a customer: an activity of its own, which has the event's id.
fn message(event: &str, conversation: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    format!(
        r#"{{"cimEvent":{{"id":"{event}","name":"CUSTOMER_MESSAGE","type":"MESSAGE","timestamp":{now},"conversationId":"{conversation}","data":{{"id":"{event}","header":{{"channelSessionId":"{conversation}-s","customer":{{"_id":"{conversation}-p"}},"sender":{{"id":"{conversation}-p","type":"CUSTOMER","senderName":"Amira"}},"channelData":{{"channelTypeCode":"WEB","serviceIdentifier":"1122"}}}},"body":{{"type":"PLAIN","markdownText":"Could you tell me where my parcel is? It should have come on Monday, and the page shows nothing."}}}}}},"conversationId":"{conversation}"}}"#
    )
}
