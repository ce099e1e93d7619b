//! What a first try needs: a throw-away broker and realistic conversations.
//!
//! [`kafka`] starts an Apache Kafka on loopback that is gone when it is dropped; [`conversations`] makes the events
//! of a contact centre. `cx-timelines demo` and the end-to-end tests are built on both.

pub mod conversations;
pub mod kafka;
