//! Times that run in a conversation: who waits since when, and until when that is within what was agreed.
//!
//! The scan of the timeline starts and ends them ([`Watch`]); the processor `alerts` follows what the timelines say of them and keeps
//! the timers. Both depend on this module, and neither on the other's insides.

mod news;
mod sessions;
mod settings;
mod span;
mod watch;

pub(crate) use news::{Changed, Changes};
pub use settings::{AlertSettings, AlertUnits};
pub(crate) use span::Span;
pub(crate) use watch::{Late, Watch};
