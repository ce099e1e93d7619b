//! Records as Avro data, field by field in the order of the schemas.
//!
//! Avro writes neither names nor types, so a record's bytes are those of its fields, one after the other. Saying that
//! order here, once more than in the schemas, costs a test that compares both, and saves reading the schema for each
//! value: see the figures in `schemas/README.md`. A field that a type has and its list here has not does not compile.

mod datum;
mod event;
mod records;

pub(crate) use datum::Datum;
pub use event::event_value;
