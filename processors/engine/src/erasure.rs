// SPDX-License-Identifier: Apache-2.0

//! Erasure requests (contract section 9): reads them from their topic and sends them to the tasks that may have the data.

use model::ErasureRequest;

use crate::outbox::{Message, To};

/// An erasure request, as sent to tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Erasure<'r> {
    /// The conversation with this id, known or not.
    Conversation(&'r str),
    /// All data of this customer up to this time, by Kafka timestamps, in epoch milliseconds. `None` if the message is of an
    /// older version without the time, and was itself written after the request.
    Customer(&'r str, Option<i64>),
}

const CONVERSATION: u8 = b'c';
const CUSTOMER: u8 = b'u';

/// First byte of a request in the repartition topic. It is no processor's namespace.
pub(crate) const ERASURE: u8 = 1;

/// The messages of a request with this time: to the conversation's partition, or for a customer to every partition, since any
/// may have data.
///
/// # Errors
/// The value is not a request; returns the problem in words, without any of the value's text.
pub(crate) fn messages(value: &[u8], at_ms: i64, partitions: i32) -> Result<Vec<Message>, String> {
    let asked = ErasureRequest::read(value)?;
    let mut messages = Vec::new();
    if let Some(id) = asked.conversation_id {
        messages.push(Erasure::Conversation(&id).message());
    }
    if let Some(id) = asked.customer_id {
        let message = Erasure::Customer(&id, Some(at_ms)).message();
        messages.extend((0..partitions).map(|to| message.clone().to(To::Partition(to))));
    }
    Ok(messages)
}

impl<'r> Erasure<'r> {
    pub(crate) fn message(&self) -> Message {
        let (id, payload) = match self {
            Erasure::Conversation(id) => (id, vec![CONVERSATION]),
            Erasure::Customer(id, at_ms) => {
                let mut payload = vec![CUSTOMER];
                payload.extend(at_ms.iter().flat_map(|at_ms| at_ms.to_be_bytes()));
                (id, payload)
            }
        };
        Message::new(ERASURE, id.as_bytes(), &payload)
    }

    /// Parses a request from the repartition topic.
    pub(crate) fn read(key: &'r [u8], payload: &[u8]) -> Option<Self> {
        let id = std::str::from_utf8(key).ok()?;
        match payload {
            [CONVERSATION] => Some(Erasure::Conversation(id)),
            [CUSTOMER] => Some(Erasure::Customer(id, None)),
            [CUSTOMER, at_ms @ ..] => {
                Some(Erasure::Customer(id, Some(i64::from_be_bytes(at_ms.try_into().ok()?))))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::IDENTIFIER_BYTES_MAX;

    #[test]
    fn a_request_for_a_conversation_goes_to_one_partition_and_one_for_a_customer_to_all() {
        let count = |value: &[u8]| messages(value, 7, 4).map(|all| all.len());
        assert_eq!(count(br#"{"conversationId":"c"}"#), Ok(1));
        assert_eq!(count(br#"{"customerId":"cus","why":"asked"}"#), Ok(4));
        assert_eq!(count(br#"{"conversationId":"c","customerId":"cus"}"#), Ok(5));
    }

    #[test]
    fn a_request_for_an_id_that_no_event_can_have_is_refused() {
        let request = |length: usize| format!(r#"{{"customerId":"{}"}}"#, "x".repeat(length)).into_bytes();
        assert!(messages(&request(IDENTIFIER_BYTES_MAX), 7, 1).is_ok());
        let problem = messages(&request(IDENTIFIER_BYTES_MAX + 1), 7, 1).unwrap_err();
        assert!(problem.contains("513 bytes") && !problem.contains("xx"), "{problem}");
    }

    #[test]
    fn a_message_is_read_as_it_was_written() {
        for erasure in [
            Erasure::Conversation("c/1"),
            Erasure::Customer("ü", Some(1_750_000_000_000)),
            Erasure::Customer("of an older version", None),
        ] {
            let message = erasure.message();
            let (key, value) = message.parts();
            assert_eq!(value.split_first().map(|(first, _)| *first), Some(ERASURE));
            assert_eq!(Erasure::read(key, value.get(1..).unwrap_or_default()), Some(erasure));
        }
        assert_eq!(Erasure::read(b"c", b"?"), None);
        assert_eq!(Erasure::read(b"c", b"u123"), None);
    }
}
