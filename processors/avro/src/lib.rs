// SPDX-License-Identifier: Apache-2.0

//! Records and events as Avro, in the wire format of Confluent's schema registry (contract, section 10).

mod compatibility;
mod event;
mod format;
mod header;
mod inputs;
mod layout;
mod learn;
mod outline;
mod read;
pub mod registry;
mod shape;
mod subject;

pub use compatibility::{Conflict, Direction, conflicts};
pub use event::event_value;
pub use format::AvroFormat;
pub use header::split;
pub use inputs::Inputs;
pub use learn::{Learner, Learnt};
pub use model::Schema;
pub use outline::{FieldOutline, Kind, Outline, RecordOutline};
pub use read::{PlanError, Plans, RecordReader, Unreadable};
pub use shape::SchemaError;
pub use subject::SubjectStrategy;
