// SPDX-License-Identifier: Apache-2.0

//! `cx-timelines bridge`: events from a real ActiveMQ, Classic and Artemis, to a real Kafka.

mod faults;
mod ground;
mod jms;
mod refusals;
mod routes;
mod tls;

pub(crate) use ground::{await_ready, flags};
