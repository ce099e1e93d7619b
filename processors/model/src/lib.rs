//! Contact-centre events in, records out: the contract's types and codecs, without I/O.
//!
//! [`decode()`] reads a record's value into an [`Event`] or says why it cannot ([`Invalid`]); [`Activity`] is the
//! record that `cx.activities` carries. Everything borrows from the record's bytes where it can, so that a
//! record which is only passed on costs no allocation.

mod activity;
mod decode;
mod event;
mod json;
mod key;
mod kinds;
mod order;
mod reason;
mod time;

pub use activity::{Activity, Call, Deletion, Delivery, Edit, Reaction, Rejected, Suggestion};
pub use decode::{Limits, decode};
pub use event::{Action, Actor, Change, Channel, Event, Home, Leg, Primary, Relation, SuggestionItem};
pub use json::Json;
pub use key::{activity_key, escape, parse_activity_key, unescape};
pub use kinds::{FactKind, Kind, LegPhase, ReactionKind};
pub use order::compare;
pub use reason::{Invalid, Reason};
pub use time::{AT_MAX, AT_MIN, parse_time_text};
