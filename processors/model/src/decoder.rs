//! How input is read, whatever it is written as.

use crate::{Event, Invalid, Limits, Origin, decode};

/// A record's value that gives no event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotDecoded {
    /// It is the record's fault: a dead letter.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The schema that it was written with is not known yet. Whoever reads has it learnt, and reads the record again.
    #[error("the schema of id {0} is not known yet")]
    UnknownSchema(u32),
}

/// How the values of input topics are read. What an event says does not depend on it.
pub trait Decode: Send + Sync {
    /// The id of the schema that a value of this topic was written with, if it has still to be learnt before the value can be read.
    /// Looks at no more than that.
    fn unknown_schema(&self, _topic: &str, _value: &[u8]) -> Option<u32> {
        None
    }

    /// Reads a value of this topic into an event, as [`decode()`] reads JSON. `scratch` is room for work, anything in it is
    /// lost; the event borrows from it and from the value.
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
}

/// All topics are JSON.
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
