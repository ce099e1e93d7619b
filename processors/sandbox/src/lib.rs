// SPDX-License-Identifier: Apache-2.0

//! Helpers for trials and tests: a temporary broker, realistic conversations, a schema registry.
//!
//! [`kafka`] starts an Apache Kafka on loopback that is removed when dropped, [`registry`] an Apicurio Registry, and [`activemq`]
//! an ActiveMQ; [`conversations`] generates the events of a contact centre. `cx-timelines demo` and the end-to-end tests use them.

pub mod activemq;
pub mod conversations;
pub mod kafka;
mod process;
pub mod registry;

pub use process::{Guarded, peak_memory_bytes};
