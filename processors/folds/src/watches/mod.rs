// SPDX-License-Identifier: Apache-2.0

//! Watches: waits in a conversation that run against a target, with their start and their due time.
//!
//! The scan of the timeline starts and ends them ([`Watch`]); the processor `alerts` takes the timelines' notifications about
//! them and keeps the timers. Both depend on this module, but not on each other's internals.

mod news;
mod sessions;
mod settings;
mod span;
mod watch;

pub(crate) use news::{Changed, Changes};
pub use settings::{AlertSettings, AlertUnits};
pub(crate) use span::Span;
pub(crate) use watch::{Late, Watch};
