//! Records as Avro data, field by field in the schemas' order.
//!
//! Avro writes neither names nor types, so a record is the sequence of its fields. The order is repeated here, checked against
//! the schemas by a test; that avoids reading the schema for each value (see the measurements in `schemas/README.md`). A field
//! missing in the list does not compile.

mod datum;
mod event;
mod records;

pub(crate) use datum::Datum;
pub use event::event_value;
