// SPDX-License-Identifier: Apache-2.0

//! Sends the events of a short web chat to cx.events: `producer CONVERSATION [START_MS]`.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use rdkafka::ClientConfig;
use rdkafka::ClientContext;
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer as _, ProducerContext};
use serde_json::{Value, json};

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let conversation = arguments.next().context("usage: producer CONVERSATION [START_MS]")?;
    let start = match arguments.next() {
        Some(start) => start.parse()?,
        None => i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())? - 60_000,
    };
    let events = Chat { conversation: &conversation, start }.events();

    let producer: BaseProducer<Deliveries> = ClientConfig::new()
        .set(
            "bootstrap.servers",
            std::env::var("CX_BOOTSTRAP").unwrap_or_else(|_| "127.0.0.1:9092".to_owned()),
        )
        // Retries write a record once, and keep the order in its partition. It includes acks=all.
        .set("enable.idempotence", "true")
        // Java's partitioner, which the pipeline expects. librdkafka's own default is another one: then every record would have
        // to be sent on to its partition first.
        .set("partitioner", "murmur2_random")
        .create_with_context(Deliveries::default())?;
    for event in &events {
        let value = event.to_string();
        // All events of a conversation have its id as their key, and so lie in one partition, in order.
        let record = BaseRecord::to("cx.events").key(&conversation).payload(&value);
        producer.send(record).map_err(|(error, _)| error)?;
    }
    // Only an acknowledged record is sent. `flush` waits for the acknowledgements.
    producer.flush(Duration::from_secs(30)).context("some events have no answer: send all again")?;
    producer.context().all_delivered()?;
    println!("sent {} events of {conversation}", events.len());
    Ok(())
}

/// The first record that could not be delivered.
#[derive(Default)]
struct Deliveries {
    failed: Mutex<Option<rdkafka::error::KafkaError>>,
}

impl Deliveries {
    fn all_delivered(&self) -> anyhow::Result<()> {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner).take();
        failed.map_or(Ok(()), |error| Err(error).context("an event was not delivered: send all again"))
    }
}

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            self.failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| error.clone());
        }
    }
}

/// A web chat that begins at this time, in epoch milliseconds.
struct Chat<'c> {
    conversation: &'c str,
    start: i64,
}

impl Chat<'_> {
    fn events(&self) -> Vec<Value> {
        let mut first = self.event(1, 0, "CHANNEL_SESSION_STARTED", &json!({}));
        let session = json!({
            "id": format!("{}-session", self.conversation),
            "channel": {"channelType": {"name": "WEB"}},
            "customer": {"_id": format!("{}-customer", self.conversation), "firstName": "Cy"},
        });
        if let Some(fields) = first.as_object_mut() {
            fields.insert("channelSession".to_owned(), session);
        }
        let ann = json!({"role": "PRIMARY", "participant": {"id": "ann", "displayName": "Ann"}});
        let question = self.message(1, &sender("CUSTOMER", "cy", "Cy"), "Where is my parcel?");
        let answer = self.message(2, &sender("AGENT", "ann", "Ann"), "It comes tomorow.");
        let correction = self.correction(2, &sender("AGENT", "ann", "Ann"), "It comes tomorrow.");
        vec![
            first,
            self.event(2, 5, "CUSTOMER_MESSAGE", &question),
            self.event(3, 9, "AGENT_SUBSCRIBED", &json!({"agentParticipant": ann})),
            self.event(4, 20, "AGENT_MESSAGE", &answer),
            self.event(5, 24, "MODIFY_ACTIVITY", &correction),
            self.event(6, 40, "CONVERSATION_CLOSED", &json!({})),
        ]
    }

    fn event(&self, number: u32, seconds: i64, name: &str, data: &Value) -> Value {
        json!({
            // An id belongs to one event, for ever. So an event may be sent again: the same id with the same content is a
            // duplicate, and changes nothing.
            "id": format!("{}-{number}", self.conversation),
            "name": name,
            "timestamp": self.start + seconds * 1000,
            "conversationId": self.conversation,
            "data": data,
        })
    }

    fn message(&self, number: u32, sender: &Value, text: &str) -> Value {
        json!({
            "id": format!("{}-message-{number}", self.conversation),
            "header": {"sender": sender},
            "body": {"type": "PLAIN", "markdownText": text},
        })
    }

    fn correction(&self, number: u32, sender: &Value, text: &str) -> Value {
        json!({
            "header": {
                "sender": sender,
                "originalMessageId": format!("{}-message-{number}", self.conversation),
            },
            "body": {"action": "EDIT", "body": {"type": "PLAIN", "markdownText": text}},
        })
    }
}

fn sender(kind: &str, id: &str, name: &str) -> Value {
    json!({"type": kind, "id": id, "senderName": name})
}
