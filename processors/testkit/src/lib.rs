// SPDX-License-Identifier: Apache-2.0

//! Test helpers: events, a driver for the real task, the contract of stores, and a simulation of the whole system with faults.

mod cluster;
mod driver;
mod events;
mod generated;
mod processor;
pub mod sim;
mod store_contract;
mod topology;

pub use cluster::Letter;
pub use driver::Driver;
pub use events::{EventFactory, agent_news};
pub use generated::generated_event;
pub use processor::{process_micros, thread_micros};
pub use store_contract::{records_from, store_contract};
pub use topology::{AGENT_STATES, INNER, topology, topology_with, writes};
