//! Records and events as Avro, in the wire format of Confluent's schema registry (contract, section 10).

mod encode;
mod format;
mod schemas;

pub use format::{AvroFormat, split};
pub use schemas::Schema;
