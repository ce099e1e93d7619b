// SPDX-License-Identifier: Apache-2.0

//! Messages between the partition of a conversation and that of its customer. The first byte is the type.

use engine::ProcessError;

use super::NAME;
use super::store::Entry;
use crate::stored::behind;

const LIST: u8 = b'L';
const UNLIST: u8 = b'U';
const LEFT: u8 = b'O';

/// A message. Those about a customer's list have the customer as their key, the other one the conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Message<'m> {
    /// The conversation belongs in the list, with this entry.
    List { conversation: &'m str, entry: Entry<'m> },
    /// It belongs in another list, or in none.
    Unlist { conversation: &'m str },
    /// It has left this customer's list, but not for another list.
    Left { conversation: &'m str, customer: &'m str },
}

impl<'m> Message<'m> {
    /// Serializes the message.
    pub(super) fn write(&self) -> Vec<u8> {
        // Serializing plain data into memory cannot fail.
        match self {
            Self::List { conversation, entry } => behind(LIST, &(conversation, entry)),
            Self::Unlist { conversation } => behind(UNLIST, conversation),
            Self::Left { conversation, customer } => behind(LEFT, &(conversation, customer)),
        }
        .unwrap_or_default()
    }

    /// Parses what [`write`](Self::write) wrote.
    ///
    /// # Errors
    /// The bytes are not a message.
    pub(super) fn read(bytes: &'m [u8]) -> Result<Self, ProcessError> {
        let read = match bytes {
            [LIST, rest @ ..] => {
                postcard::from_bytes(rest).map(|(conversation, entry)| Self::List { conversation, entry })
            }
            [UNLIST, rest @ ..] => {
                postcard::from_bytes(rest).map(|conversation| Self::Unlist { conversation })
            }
            [LEFT, rest @ ..] => postcard::from_bytes(rest)
                .map(|(conversation, customer)| Self::Left { conversation, customer }),
            _ => return Err(unknown(&"it begins with no known byte")),
        };
        read.map_err(|problem| unknown(&problem))
    }
}

pub(super) fn unknown(problem: &dyn std::fmt::Display) -> ProcessError {
    ProcessError::UnknownMessage(format!("processor {NAME}: {problem}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::Contact;

    #[test]
    fn a_message_reads_back_as_it_was_written_and_anything_else_is_refused() {
        let contact = Contact {
            customer: "cus",
            started_at: 1,
            closed_at: Some(3),
            last_event_at: 4,
            outcome: Some(1),
            channel: Some("WEB"),
            queue: None,
            agent: Some("ann"),
        };
        for message in [
            Message::List { conversation: "c", entry: Entry { came_ms: 7, contact } },
            Message::Unlist { conversation: "c" },
            Message::Left { conversation: "c", customer: "cus" },
        ] {
            let bytes = message.write();
            assert_eq!(Message::read(&bytes).unwrap(), message);
            assert!(Message::read(&bytes[..bytes.len() - 1]).is_err());
        }
        assert!(Message::read(b"").is_err() && Message::read(b"?").is_err());
    }
}
