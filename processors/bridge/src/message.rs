// SPDX-License-Identifier: Apache-2.0

//! A JMS message as it comes over AMQP 1.0.

use fe2o3_amqp_types::messaging::{Body, Message, MessageId};
use serde_amqp::Value;

/// A header's value on Kafka is cut to this length, in bytes.
const HEADER_BYTES_MAX: usize = 512;

/// What the bridge uses of a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Received {
    /// The body's bytes, unchanged: those of a text or a bytes message; else the AMQP encoding of the body; none without a body.
    pub body: Vec<u8>,
    /// `JMSType`, which AMQP calls the subject.
    pub jms_type: Option<String>,
    /// `JMSMessageID`.
    pub id: Option<String>,
    /// `JMSDestination`, without the broker's prefix.
    pub destination: Option<String>,
    /// Whether the broker has sent it before.
    pub is_again: bool,
}

impl Received {
    /// Takes a message apart.
    #[must_use]
    pub fn of(message: Message<Body<Value>>) -> Self {
        let is_again = message.header.as_ref().is_some_and(|header| header.delivery_count > 0);
        let properties = message.properties.unwrap_or_default();
        Self {
            body: bytes_of(message.body),
            jms_type: properties.subject.filter(|name| !name.is_empty()),
            id: properties.message_id.map(text_of),
            destination: properties.to.map(|to| bare(&to).to_owned()),
            is_again,
        }
    }

    /// The headers of its record: where it comes from, for the reader of a dead letter.
    #[must_use]
    pub fn headers(&self) -> Vec<(&'static str, &str)> {
        let given = [
            ("cx.jms.type", &self.jms_type),
            ("cx.jms.id", &self.id),
            ("cx.jms.destination", &self.destination),
        ];
        given.into_iter().filter_map(|(name, value)| Some((name, cut(value.as_deref()?)))).collect()
    }
}

/// A destination without the prefix that ActiveMQ Classic writes.
fn bare(address: &str) -> &str {
    let prefixes = ["topic://", "queue://"];
    prefixes.iter().find_map(|prefix| address.strip_prefix(prefix)).unwrap_or(address)
}

fn cut(text: &str) -> &str {
    let mut end = text.len().min(HEADER_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

fn text_of(id: MessageId) -> String {
    match id {
        MessageId::String(text) => text,
        MessageId::Ulong(number) => number.to_string(),
        MessageId::Uuid(uuid) => hex(uuid.as_inner()),
        MessageId::Binary(bytes) => hex(&bytes),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes_of(body: Body<Value>) -> Vec<u8> {
    match body {
        Body::Value(value) => match value.0 {
            Value::String(text) => text.into_bytes(),
            Value::Binary(bytes) => bytes.into_vec(),
            Value::Null => Vec::new(),
            other => encoded(&other),
        },
        Body::Data(sections) => sections.into_iter().flat_map(|data| data.0.into_vec()).collect(),
        Body::Sequence(sections) => {
            encoded(&sections.into_iter().map(|section| Value::List(section.0)).collect::<Vec<_>>())
        }
        Body::Empty => Vec::new(),
    }
}

/// A map or a list is no event. Its reader is to see that it came, so it is passed on as AMQP encodes it.
fn encoded<T: serde::Serialize>(value: &T) -> Vec<u8> {
    serde_amqp::to_vec(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use fe2o3_amqp_types::messaging::{AmqpValue, Batch, Data, Properties};
    use fe2o3_amqp_types::primitives::Binary;

    use super::*;

    fn message(body: Body<Value>) -> Message<Body<Value>> {
        Message {
            header: None,
            delivery_annotations: None,
            message_annotations: None,
            properties: None,
            application_properties: None,
            body,
            footer: None,
        }
    }

    #[test]
    fn a_text_and_a_bytes_message_keep_their_bytes() {
        let text = Body::Value(AmqpValue(Value::String("{\"id\":\"ä\"}".to_owned())));
        assert_eq!(Received::of(message(text)).body, "{\"id\":\"ä\"}".as_bytes());
        let data = vec![Data(Binary::from(vec![0xff, 0])), Data(Binary::from(vec![1]))];
        assert_eq!(Received::of(message(Body::Data(Batch::from(data)))).body, [0xff, 0, 1]);
    }

    #[test]
    fn a_message_without_a_body_is_empty_and_no_tombstone() {
        assert_eq!(Received::of(message(Body::Empty)).body, b"");
        assert_eq!(Received::of(message(Body::Value(AmqpValue(Value::Null)))).body, b"");
    }

    #[test]
    fn a_map_message_is_passed_on_as_amqp_encodes_it() {
        let list = Body::Value(AmqpValue(Value::List(vec![Value::String("x".to_owned())])));
        assert!(!Received::of(message(list)).body.is_empty());
    }

    #[test]
    fn type_id_and_destination_become_headers_of_bounded_length() {
        let properties = Properties {
            subject: Some("CUSTOMER_MESSAGE".to_owned()),
            message_id: Some(MessageId::String("ID:1".to_owned())),
            to: Some(format!("topic://{}", "ä".repeat(400))),
            ..Properties::default()
        };
        let received = Received::of(Message { properties: Some(properties), ..message(Body::Empty) });
        assert_eq!(received.jms_type.as_deref(), Some("CUSTOMER_MESSAGE"));
        let headers = received.headers();
        assert_eq!(headers[0], ("cx.jms.type", "CUSTOMER_MESSAGE"));
        assert_eq!(headers[1], ("cx.jms.id", "ID:1"));
        assert_eq!(headers[2].1, "ä".repeat(256));
    }
}
