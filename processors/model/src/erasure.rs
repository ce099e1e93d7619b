// SPDX-License-Identifier: Apache-2.0

//! An erasure request (contract section 9): a record's value in the topic of requests.

use serde::{Deserialize, Serialize};

use crate::IDENTIFIER_BYTES_MAX;

/// What to erase; at least one of both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ErasureRequest {
    /// The conversation with this id, known or not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversation_id: Option<String>,
    /// All known conversations of the customer with this id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<String>,
}

impl ErasureRequest {
    /// Parses a record's value.
    ///
    /// # Errors
    /// It names nothing to erase, or an id that no event can have: a sentence for a dead letter, without any text of the value.
    pub fn read(value: &[u8]) -> Result<Self, String> {
        let asked: Self = serde_json::from_slice(value).map_err(|problem| {
            format!("at line {}, column {}: not an erasure request", problem.line(), problem.column())
        })?;
        let filled = |id: Option<String>| id.filter(|id| !id.is_empty());
        let asked =
            Self { conversation_id: filled(asked.conversation_id), customer_id: filled(asked.customer_id) };
        if asked.conversation_id.is_none() && asked.customer_id.is_none() {
            return Err("an erasure request needs a conversationId or a customerId".to_owned());
        }
        for (name, id) in [("conversationId", &asked.conversation_id), ("customerId", &asked.customer_id)] {
            if let Some(bytes) = id.as_ref().map(String::len).filter(|bytes| *bytes > IDENTIFIER_BYTES_MAX) {
                return Err(format!(
                    "{name} has {bytes} bytes, an identifier may have {IDENTIFIER_BYTES_MAX}: no accepted event has such an identifier"
                ));
            }
        }
        Ok(asked)
    }

    /// The record's value.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        // Writing plain data into memory cannot fail.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_as_it_was_written() {
        let request = ErasureRequest { conversation_id: Some("c\"1".to_owned()), customer_id: None };
        assert_eq!(request.write(), br#"{"conversationId":"c\"1"}"#);
        assert_eq!(ErasureRequest::read(&request.write()), Ok(request));
        let both = ErasureRequest::read(br#"{"conversationId":"c","customerId":"u","why":"asked"}"#);
        assert_eq!(both.map(|both| both.customer_id), Ok(Some("u".to_owned())));
    }

    #[test]
    fn an_id_that_no_event_can_have_is_refused() {
        for field in ["conversationId", "customerId"] {
            let of = |bytes: usize| {
                ErasureRequest::read(format!(r#"{{"{field}":"{}"}}"#, "x".repeat(bytes)).as_bytes())
            };
            assert!(of(512).is_ok());
            let problem = of(513).unwrap_err();
            assert!(problem.starts_with(&format!("{field} has 513 bytes")), "{problem}");
        }
    }

    #[test]
    fn a_value_that_asks_for_nothing_is_refused_without_repeating_it() {
        for value in [r#"{"conversationId":""}"#, "{}", "secret", r#"{"conversationId":{"secret":1}}"#, "[]"]
        {
            let problem = ErasureRequest::read(value.as_bytes()).unwrap_err();
            assert!(!problem.contains("secret"), "{problem}");
        }
    }
}
