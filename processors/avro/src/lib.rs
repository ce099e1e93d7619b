//! Records and events as Avro, in the wire format of Confluent's schema registry (contract, section 10).

mod compatibility;
mod encode;
mod format;
mod read;
pub mod registry;
mod schemas;
mod shape;
mod subject;

pub use compatibility::{Conflict, Direction, conflicts};
pub use format::{AvroFormat, split};
pub use read::{PlanError, Plans};
pub use schemas::Schema;
pub use shape::SchemaError;
pub use subject::SubjectStrategy;
