// SPDX-License-Identifier: Apache-2.0

//! Events from Avro, written with any version of a schema.
//!
//! The writer's schema defines the order of the fields, `cim-event` how they are read. The combination is resolved once per
//! schema id and kept as a plan. Text is borrowed from the value; only objects written as records are first converted to JSON.

mod cursor;
mod json;
mod plan;
mod records;

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use model::{AgentNews, Envelope, Event, Invalid, Limits, NotDecoded, Origin, Reason};

use crate::header::{HEADER_BYTES, split};
use crate::registry::RegistryError;
use cursor::{Cursor, Mismatch};
use plan::Plan;

pub use plan::PlanError;
pub use records::{RecordReader, Unreadable};

/// An event's objects may be this many times longer as JSON than a value may be.
const JSON_OF_VALUE: usize = 8;
/// The buffer kept from one record to the next. Few records need more, and theirs must not stay allocated.
const ROOM_KEPT_BYTES: usize = 1 << 20;
/// Registries use Java's positive integers as ids.
const ID_MAX: u32 = i32::MAX as u32;

/// Plans by schema id, shared by all reading threads.
#[derive(Debug, Default)]
pub struct Plans {
    by_id: RwLock<HashMap<u32, Arc<Result<Plan, PlanError>>>>,
}

impl Plans {
    /// Creates an empty set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether values with this schema can be decoded or rejected without a request.
    #[must_use]
    pub fn knows(&self, id: u32) -> bool {
        self.plan(id).is_some()
    }

    /// Adds the schema of an id.
    ///
    /// # Errors
    /// No event can be written with this schema. Its records are rejected as malformed.
    pub fn learn(&self, id: u32, schema: &str) -> Result<(), PlanError> {
        let plan = Plan::new(schema);
        let error = plan.as_ref().err().cloned();
        self.set(id, plan);
        error.map_or(Ok(()), Err)
    }

    /// Notes that the registry does not know an id. Its records are rejected as malformed.
    pub fn learn_nothing(&self, id: u32) {
        self.set(id, Err(PlanError::NotRegistered(id)));
    }

    /// Removes the note that the registry does not know an id: the next record with it requests it again.
    pub(crate) fn forget_nothing(&self, id: u32) {
        let mut plans = self.by_id.write().unwrap_or_else(PoisonError::into_inner);
        if plans.get(&id).is_some_and(|plan| matches!(**plan, Err(PlanError::NotRegistered(_)))) {
            plans.remove(&id);
        }
    }

    /// The id of a value, if its schema is unknown.
    #[must_use]
    pub fn unknown_id(&self, value: &[u8]) -> Option<u32> {
        let (id, _) = split(value)?;
        (id <= ID_MAX && !self.knows(id)).then_some(id)
    }

    /// Notes that an id is not Avro, according to the registry. Its records are rejected as malformed.
    pub(crate) fn learn_foreign(&self, id: u32, what: &RegistryError) {
        self.set(id, Err(PlanError::NotAvro(what.to_string())));
    }

    /// The number of known schemas.
    pub(crate) fn len(&self) -> usize {
        let plans = self.by_id.read().unwrap_or_else(PoisonError::into_inner);
        plans.values().filter(|plan| !matches!(***plan, Err(PlanError::NotRegistered(_)))).count()
    }

    fn set(&self, id: u32, plan: Result<Plan, PlanError>) {
        let mut plans = self.by_id.write().unwrap_or_else(PoisonError::into_inner);
        plans.insert(id, Arc::new(plan));
    }

    fn plan(&self, id: u32) -> Option<Arc<Result<Plan, PlanError>>> {
        self.by_id.read().unwrap_or_else(PoisonError::into_inner).get(&id).map(Arc::clone)
    }

    /// Decodes a record's value in the wire format, as [`model::decode()`] decodes JSON. `scratch` is a buffer whose content is
    /// replaced; the event borrows from it and from the value.
    ///
    /// # Errors
    /// See [`NotDecoded`].
    pub fn decode<'a>(
        &self,
        value: &'a [u8],
        origin: impl Into<Origin<'a>>,
        limits: &Limits,
        scratch: &'a mut Vec<u8>,
    ) -> Result<Event<'a>, NotDecoded> {
        let envelope = self.envelope(value, limits, scratch)?;
        Ok(model::decode_envelope(&envelope, origin, limits)?)
    }

    /// The same for an agent's state, as [`model::decode_agent`] reads JSON.
    ///
    /// # Errors
    /// See [`NotDecoded`].
    pub fn decode_agent<'a>(
        &self,
        value: &'a [u8],
        origin: impl Into<Origin<'a>>,
        limits: &Limits,
        scratch: &'a mut Vec<u8>,
    ) -> Result<AgentNews<'a>, NotDecoded> {
        let envelope = self.envelope(value, limits, scratch)?;
        Ok(model::decode_agent_envelope(&envelope, origin, limits)?)
    }

    fn envelope<'a>(
        &self,
        value: &'a [u8],
        limits: &Limits,
        scratch: &'a mut Vec<u8>,
    ) -> Result<Envelope<'a>, NotDecoded> {
        if value.len() > limits.value_bytes_max {
            let (length, max) = (value.len(), limits.value_bytes_max);
            let detail = format!("the value has {length} bytes, the limit is {max}");
            return Err(Invalid { reason: Reason::TooLarge, detail }.into());
        }
        let Some((id, data)) = split(value) else {
            let detail =
                "the value is not in the wire format: it does not begin with a zero byte and a schema's id";
            return Err(malformed(detail.to_owned()));
        };
        if id > ID_MAX {
            return Err(malformed(format!("no schema can have the id {id}: is this Avro at all?")));
        }
        let plan = self.plan(id).ok_or(NotDecoded::UnknownSchema(id))?;
        let plan = plan.as_ref().as_ref().map_err(|error| malformed(format!("schema {id}: {error}")))?;
        if scratch.capacity() > ROOM_KEPT_BYTES {
            *scratch = Vec::new();
        }
        let mut cursor = Cursor::new(data, HEADER_BYTES);
        let json_bytes_max = limits.value_bytes_max.saturating_mul(JSON_OF_VALUE);
        let read = plan.read(&mut cursor, json_bytes_max, scratch);
        read.map_err(|mismatch| malformed(sentence(id, &mismatch)))
    }
}

fn malformed(detail: String) -> NotDecoded {
    Invalid { reason: Reason::Malformed, detail }.into()
}

fn sentence(id: u32, mismatch: &Mismatch) -> String {
    let Mismatch { offset, what, path } = mismatch;
    let path: Vec<_> = path.iter().rev().map(String::as_str).collect();
    let place = if path.is_empty() { "the value".to_owned() } else { format!("field {}", path.join(".")) };
    format!("{place} does not match schema {id} at byte {offset} (counted from 0): {what}")
}
