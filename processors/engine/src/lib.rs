//! The pure part of the pipeline's engine: topology, tasks, staged transactions, stores.
//!
//! No I/O, no clock, no tokio, no rdkafka: records come in as borrowed values, time is an argument, and what a
//! transaction has to write leaves through a [`Sink`]. The edge drives it on Kafka, `fold` drives it on a file, tests
//! drive it in a loop; all three run the very same [`Task`].

mod carried;
mod committed;
mod context;
mod deadletter;
mod emitter;
mod erasure;
mod key_map;
mod mover;
mod outbox;
mod overlay;
mod partitioner;
mod phase;
mod processor;
mod record;
mod requests;
mod staged;
mod store;
mod stream_time;
mod tally;
mod task;
mod topology;

pub use carried::{Carried, NotCarried};
pub use committed::Committed;
pub use context::Context;
pub use deadletter::{DeadLetter, HEADER_PROCESSOR, HEADER_REASON, HEADER_SCHEMA};
pub use emitter::{Emitter, News, Note};
pub use erasure::Erasure;
pub use key_map::KeyMap;
pub use mover::{Mover, UnknownSchema};
pub use partitioner::{murmur2, partition_of};
pub use phase::Phase;
pub use processor::{Outcome, ProcessError, Processor, Rejection};
pub use record::{HeaderSource, NoHeaders, OutputRecord, Route, Sink, SinkError, SourceRecord};
pub use requests::{Retracted, Scope};
pub use staged::SourceOffset;
pub use store::{MemoryStore, Place, StateStore, StoreError, StoreStats, Visit, WriteBatch};
pub use tally::{EventClass, Notice, Tally};
pub use task::{Task, TaskError};
pub use topology::{InnerTopics, Node, TopicId, Topology, TopologyError};
