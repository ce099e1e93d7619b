// SPDX-License-Identifier: Apache-2.0

//! All I/O: Kafka, disk, HTTP, metrics.
//!
//! [`Pipeline`] runs workers. `driver` decides what a worker does, the engine and the folds what a task does; this crate
//! carries it out on Kafka.

pub mod clients;
mod consumed;
mod consumer;
mod deliveries;
mod errors;
pub mod health;
pub mod http;
mod letters;
mod members;
pub mod metrics;
mod peers;
mod pipeline;
mod producer;
pub mod queries;
mod reading;
mod reread;
mod schemas;
mod settings;
mod shared;
pub mod spans;
mod standby;
mod stop;
mod stores;
pub mod token;
mod worker;

pub use consumed::Consumed;
pub use deliveries::{Deliveries, FailedDeliveries, NumberedDeliveries, Unconfirmed};
pub use errors::{ConnectionFailure, EdgeError};
pub use members::Instance;
pub use peers::Peers;
pub use pipeline::{Ended, Pipeline, worker_names};
pub use producer::OutputTopics;
pub use reading::{ReadsToTheEnd, TopicAndPartition, begins, committed_offset, ends, has_passed};
pub use reread::Reread;
pub use schemas::{Learnt, SchemaSource, SchemaUnavailable, Schemas};
pub use settings::{Membership, Overrides, Queues, RECORD_BYTES_MAX, Settings};
pub use shared::{Patterns, Shared};
pub use stop::Stop;
pub use stores::{StoreFactory, Stores};
