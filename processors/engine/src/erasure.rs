//! Requests to erase (contract section 9): read where they come from, and told to the tasks that may know something.

use model::ErasureRequest;

use crate::outbox::{Message, To};

/// What is to be erased, as processors are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Erasure<'r> {
    /// The conversation of this id, known or not.
    Conversation(&'r str),
    /// All conversations that are known of the customer of this id.
    Customer(&'r str),
}

const CONVERSATION: u8 = b'c';
const CUSTOMER: u8 = b'u';

/// Marks a request in the repartition topic. No processor's namespace.
pub(crate) const ERASURE: u8 = 1;

/// The messages of a request: to the conversation's partition, or of a customer to every one, since any may know a
/// conversation of his.
///
/// # Errors
/// The value asks for nothing: a sentence for a person, without any of the value's words.
pub(crate) fn messages(value: &[u8], partitions: i32) -> Result<Vec<Message>, String> {
    let asked = ErasureRequest::read(value)?;
    let mut messages = Vec::new();
    if let Some(id) = asked.conversation_id {
        messages.push(Erasure::Conversation(&id).message(To::Key));
    }
    if let Some(id) = asked.customer_id {
        messages.extend((0..partitions).map(|to| Erasure::Customer(&id).message(To::Partition(to))));
    }
    Ok(messages)
}

impl<'r> Erasure<'r> {
    fn message(&self, to: To) -> Message {
        let (kind, id) = match self {
            Erasure::Conversation(id) => (CONVERSATION, id.as_bytes()),
            Erasure::Customer(id) => (CUSTOMER, id.as_bytes()),
        };
        Message::new(ERASURE, id, &[kind]).to(to)
    }

    /// Reads what is told in the repartition topic.
    pub(crate) fn read(key: &'r [u8], payload: &[u8]) -> Option<Self> {
        let id = std::str::from_utf8(key).ok()?;
        match payload {
            [CONVERSATION] => Some(Erasure::Conversation(id)),
            [CUSTOMER] => Some(Erasure::Customer(id)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_for_a_conversation_goes_to_one_partition_and_one_for_a_customer_to_all() {
        assert_eq!(messages(br#"{"conversationId":"c"}"#, 4).map(|all| all.len()), Ok(1));
        assert_eq!(messages(br#"{"customerId":"cus","why":"asked"}"#, 4).map(|all| all.len()), Ok(4));
        assert_eq!(messages(br#"{"conversationId":"c","customerId":"cus"}"#, 4).map(|all| all.len()), Ok(5));
    }

    #[test]
    fn a_message_is_read_as_it_was_written() {
        for erasure in [Erasure::Conversation("c/1"), Erasure::Customer("ü")] {
            let message = erasure.message(To::Key);
            let (key, value) = message.parts();
            assert_eq!(value.split_first().map(|(first, _)| *first), Some(ERASURE));
            assert_eq!(Erasure::read(key, value.get(1..).unwrap_or_default()), Some(erasure));
        }
        assert_eq!(Erasure::read(b"c", b"?"), None);
    }
}
