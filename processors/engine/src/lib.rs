// SPDX-License-Identifier: Apache-2.0

//! The pure part of the pipeline's engine: topology, tasks, staged transactions, stores.
//!
//! No I/O, no clock, no tokio, no rdkafka: records are passed in as borrowed values, time is an argument, and a transaction's
//! writes leave through a [`Sink`]. The edge runs it on Kafka, `fold` on a file, and tests in a loop; all three run the same
//! [`Task`].

mod asked;
mod batch;
mod budget;
mod capabilities;
mod carried;
mod committed;
mod context;
mod counter;
mod damages;
mod deadletter;
mod emitter;
mod ending;
mod erasure;
mod error;
mod form;
mod hashed;
mod headers;
mod key_map;
mod letter_headers;
mod marks;
mod news;
mod outbox;
mod outcome;
mod overlay;
mod partitioner;
mod phase;
mod pile;
mod processor;
mod product;
mod recent;
mod record;
mod repartitioner;
mod requests;
mod staged;
mod state;
mod store;
mod stream_time;
mod tally;
mod task;
mod topic;
mod topology;

pub use budget::{Budget, Effort};
pub use capabilities::{Expire, Forget, HandleErasures, Punctuate, TakeAgents};
pub use carried::{Carried, NotCarried};
pub use committed::Committed;
pub use context::Context;
pub use counter::{Counter, Unit};
pub use damages::{Damages, Repeated};
pub use deadletter::{
    DeadLetter, HEADER_AT, HEADER_DETAIL, HEADER_ERROR_PROCESSOR, HEADER_OFFSET, HEADER_PARTITION,
    HEADER_REASON, HEADER_TIMESTAMP, HEADER_TOPIC, HEADER_TRUNCATED, HEADER_TRUNCATED_HEADERS,
    HEADER_TRUNCATED_KEY, LETTER_BYTES_LEAST,
};
pub use emitter::Emitter;
pub use ending::is_to_be_erased;
pub use error::{ProcessError, TaskError};
pub use form::StateForm;
pub use hashed::{AsItIs, ByHash};
pub use headers::{HEADER_PROCESSOR, HEADER_SCHEMA};
pub use key_map::KeyMap;
pub use letter_headers::{LETTER_HEADERS_OF_OTHERS, LetterHeaders};
pub use news::{News, Note};
pub use outcome::{Outcome, Rejection};
pub use partitioner::{murmur2, partition_of};
pub use phase::Phase;
pub use processor::Processor;
pub use product::Product;
pub use record::{HeaderSource, LeftOut, NoHeaders, OutputRecord, Route, Sink, SinkError, SourceRecord};
pub use repartitioner::{Repartitioner, UnknownSchema};
pub use requests::{Retracted, Scope, Slice};
pub use staged::SourceOffset;
pub use state::State;
pub use store::{
    KEY_BYTES_MAX, MemoryStore, Place, StateStore, StoreError, StoreStats, Visit, WriteBatch, check_key,
};
pub use tally::{EventClass, Notice, Tally};
pub use task::Task;
pub use topic::TopicId;
pub use topology::{InnerTopics, Node, Topology, TopologyError};
