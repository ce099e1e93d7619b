// SPDX-License-Identifier: Apache-2.0

//! The contract's types and codecs: contact-centre events in, records out, without I/O.
//!
//! [`decode()`] decodes a record's value to an [`Event`] or to the reason why it is invalid ([`Invalid`]). Records of the
//! topics: [`Activity`] `cx.activities`, [`TimelineEntry`] `cx.timelines`, [`ConversationSummary`] `cx.conversations`,
//! [`MetricsWindow`] `cx.metrics`, [`AuditRecord`] `cx.audit`, [`TrainingRecord`] `cx.bot-training`, [`AlertRecord`]
//! `cx.alerts` [`AgentRecord`] `cx.agents` and [`CustomerRecord`] `cx.customers`. [`decode_agent`] decodes [`AgentNews`]. Everything borrows from the record's bytes where possible, so that passing a record on costs no allocation.

mod activity;
mod agent;
mod alert;
#[cfg(test)]
mod arbitrary;
mod audit;
mod category;
mod content;
mod conversation;
mod counts;
mod customer;
mod decode;
mod decoder;
mod erasure;
mod event;
mod histogram;
mod json;
mod key;
mod kinds;
mod order;
mod origin;
mod reader;
mod reason;
mod record;
mod schemas;
mod time;
mod timeline;
mod training;
mod value_hash;
mod window;
mod writer;

pub use activity::{Activity, Call, Deletion, Delivery, Edit, OmittedEvents, Reaction, Rejected, Suggestion};
pub use agent::{AgentNews, AgentRecord, MRDS_MAX, MrdState};
pub use alert::{AlertKind, AlertRecord, AlertState};
pub use audit::AuditRecord;
pub use category::{Category, Mark, MarkWords};
pub use conversation::{
    AgentStay, ConversationSummary, Cycle, OmittedLists, QueueVisit, SessionSummary, Task,
};
pub use conversation::{ConversationState, Finality, Outcome, SessionEnd, VisitOutcome, Waits, WrapUp};
pub use counts::{Counts, DeliveryCounts, ResponseFigures};
pub use customer::{CustomerConversation, CustomerRecord};
pub use decode::{Envelope, EnvelopeTime, IDENTIFIER_BYTES_MAX, Limits, decode, decode_envelope};
pub use decode::{decode_agent, decode_agent_envelope};
pub use decoder::{Decode, JsonDecode, NotDecoded};
pub use erasure::ErasureRequest;
pub use event::closes;
pub use event::{Action, Actor, AgentDetail, Change, Channel, Event, Fact, FactDetail, Home, Leg, Primary};
pub use event::{NUMBER_BYTES, Relation, SUGGESTED_ITEMS, SuggestionItem, Targets, TaskDetail};
pub use histogram::{BUCKETS, Bucket, percentile};
pub use json::Json;
pub use key::{activity_key, alert_key, escape, parse_activity_key, partition_id, timeline_key, unescape};
pub use kinds::{FactKind, Kind, LegPhase, ReactionKind, RoomMode};
pub use order::{Order, RANK_OF_OTHERS, compare, rank, wait_goes_on};
pub use origin::Origin;
pub use reason::{Invalid, Reason};
pub use record::{Format, JsonFormat, Record};
pub use schemas::Schema;
pub use time::{AT_MAX, AT_MIN, parse_time_text};
pub use timeline::{Stage, TimelineEntry};
pub use training::{TrainingRecord, TrainingReply};
pub use window::{Dimension, Figure, Histogram, MetricsWindow, WindowKey};
pub use window::{parse_window_key, queue_agent_id, window_key};
pub use writer::avro::{Encoded, Layout, LayoutId, long as avro_long};
