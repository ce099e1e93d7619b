// SPDX-License-Identifier: Apache-2.0

//! Decoding of input values in any format.

use crate::{AgentNews, Event, Invalid, Limits, Origin, decode, decode_agent};

/// Why a value gives no event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotDecoded {
    /// The record is invalid: a dead letter.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The schema of the value is unknown. The caller fetches it and decodes the record again.
    #[error("the schema of id {0} is not known yet")]
    UnknownSchema(u32),
}

/// Decodes values of input topics. Events do not depend on the format.
pub trait Decode: Send + Sync {
    /// The schema id of a value, if the schema must be fetched before the value can be decoded. Inspects only the header.
    fn unknown_schema(&self, _topic: &str, _value: &[u8]) -> Option<u32> {
        None
    }

    /// Decodes a value of this topic, as [`decode()`] decodes JSON. `scratch` is a buffer whose content is replaced; the event
    /// borrows from it and from the value.
    ///
    /// # Errors
    /// See [`NotDecoded`].
    fn decode<'a>(
        &self,
        topic: &str,
        value: &'a [u8],
        origin: Origin<'a>,
        limits: &Limits,
        scratch: &'a mut Vec<u8>,
    ) -> Result<Event<'a>, NotDecoded>;

    /// Reads a value of a topic of agents' states, in the same way; by default as JSON, with [`decode_agent`].
    ///
    /// # Errors
    /// See [`NotDecoded`].
    fn decode_agent<'a>(
        &self,
        _topic: &str,
        value: &'a [u8],
        origin: Origin<'a>,
        limits: &Limits,
        _scratch: &'a mut Vec<u8>,
    ) -> Result<AgentNews<'a>, NotDecoded> {
        Ok(decode_agent(value, origin, limits)?)
    }
}

/// A decoder for which all topics are JSON.
#[derive(Debug, Clone, Copy, Default)]
pub struct JsonDecode;

impl Decode for JsonDecode {
    fn decode<'a>(
        &self,
        _topic: &str,
        value: &'a [u8],
        origin: Origin<'a>,
        limits: &Limits,
        _scratch: &'a mut Vec<u8>,
    ) -> Result<Event<'a>, NotDecoded> {
        Ok(decode(value, origin, limits)?)
    }
}
