// SPDX-License-Identifier: Apache-2.0

//! From JMS topics and queues of ActiveMQ, Classic or Artemis, to the input topics on Kafka.
//!
//! A message is accepted (acknowledged) only after Kafka has confirmed its record, so none is lost; after a failure some come
//! twice, which the pipeline's deduplication removes. Credit bounds the messages between the two.
//!
//! [`route`], [`task_state`], [`window`], [`backoff`], [`broker`] and [`verdict`] decide, without I/O and without a clock; [`run()`] and
//! [`dry_run`] carry it out over AMQP 1.0 and librdkafka.

mod amqp;
pub mod backoff;
pub mod broker;
mod failure;
mod figures;
mod intake;
mod line;
mod link;
pub mod message;
mod outbox;
mod preview;
mod refusal;
pub mod route;
mod run;
mod settings;
pub mod task_state;
mod tls;
pub mod verdict;
pub mod window;

pub use failure::Failure;
pub use figures::{FigureError, Figures, METRICS};
pub use outbox::{Encode, Outbox, Reports};
pub use preview::{DryRunError, dry_run};
pub use run::{Ended, Tools, routes, run};
pub use settings::{Destination, Security, Settings};
