//! What a first try needs: a throw-away broker and realistic conversations; and what tests need besides, a schema registry.
//!
//! [`kafka`] starts an Apache Kafka on loopback that is gone when it is dropped, [`registry`] an Apicurio Registry;
//! [`conversations`] makes the events of a contact centre. `cx-timelines demo` and the end-to-end tests are built on them.

pub mod conversations;
pub mod kafka;
mod process;
pub mod registry;

pub use process::{Guarded, peak_memory_bytes};
