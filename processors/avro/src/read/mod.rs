//! Events from Avro, whatever version of a schema they were written with.
//!
//! The writer's schema decides in which order the fields lie, `cim-event` what they are read as. This is found out once
//! for each schema id, and kept as a plan. Text is borrowed from the value; only objects that were written as records
//! have to become JSON first.

mod cursor;
mod json;
mod plan;
mod records;

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use model::{Event, Invalid, Limits, NotDecoded, Origin, Reason};

use crate::format::{HEADER_BYTES, split};
use crate::registry::RegistryError;
use cursor::{Cursor, Mismatch};
use plan::Plan;

pub use plan::PlanError;
pub use records::{RecordReader, Unreadable};

/// An event's objects may be so many times longer as JSON than a value may be.
const JSON_OF_VALUE: usize = 8;
/// Room for work that is kept from one record to the next. Few records need more, and theirs must not stay for good.
const ROOM_KEPT_BYTES: usize = 1 << 20;
/// Registries number schemas by Java's positive integers.
const ID_MAX: u32 = i32::MAX as u32;

/// The schemas that events were written with, by their ids in the registry. Shared by all threads that read.
#[derive(Debug, Default)]
pub struct Plans {
    by_id: RwLock<HashMap<u32, Arc<Result<Plan, PlanError>>>>,
}

impl Plans {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether values written with this schema can be read, or refused, at once.
    #[must_use]
    pub fn knows(&self, id: u32) -> bool {
        self.plan(id).is_some()
    }

    /// Learns what the registry says of an id.
    ///
    /// # Errors
    /// No event can be written with this schema. From now on what was is refused as malformed.
    pub fn learn(&self, id: u32, schema: &str) -> Result<(), PlanError> {
        let plan = Plan::new(schema);
        let error = plan.as_ref().err().cloned();
        self.set(id, plan);
        error.map_or(Ok(()), Err)
    }

    /// Learns that the registry does not know an id. From now on what bears it is refused as malformed.
    pub fn learn_nothing(&self, id: u32) {
        self.set(id, Err(PlanError::NotRegistered(id)));
    }

    /// Forgets that the registry did not know an id: whoever meets it has it asked for again.
    pub(crate) fn forget_nothing(&self, id: u32) {
        let mut plans = self.by_id.write().unwrap_or_else(PoisonError::into_inner);
        if plans.get(&id).is_some_and(|plan| matches!(**plan, Err(PlanError::NotRegistered(_)))) {
            plans.remove(&id);
        }
    }

    /// The id that a value bears, if nothing is known of it.
    #[must_use]
    pub fn unknown_id(&self, value: &[u8]) -> Option<u32> {
        let (id, _) = split(value)?;
        (id <= ID_MAX && !self.knows(id)).then_some(id)
    }

    /// Learns that an id is something else than Avro, as the registry says. From now on what bears it is refused as malformed.
    pub(crate) fn learn_foreign(&self, id: u32, what: &RegistryError) {
        self.set(id, Err(PlanError::NotAvro(what.to_string())));
    }

    /// How many schemas are known.
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

    /// Reads a record's value in the wire format into an event, as [`model::decode()`] reads JSON. `scratch` is room for
    /// work, anything in it is lost; the event borrows from it and from the value.
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
        let envelope = read.map_err(|mismatch| malformed(sentence(id, &mismatch)))?;
        Ok(model::decode_envelope(&envelope, origin, limits)?)
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
