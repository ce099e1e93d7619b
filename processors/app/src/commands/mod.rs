//! Commands, one module each.

pub mod acls;
pub mod as_of;
pub mod bench;
mod confirm;
mod conversation;
pub mod dead_letters;
pub mod demo;
pub mod doctor;
pub mod erase;
pub mod explain;
pub mod fold;
mod group;
mod lines;
pub mod load;
pub mod manual;
pub mod reset;
pub mod run;
pub mod schemas;
pub mod show;
mod spool;
pub mod tail;
pub mod topics;
mod transactions;

use std::time::{SystemTime, UNIX_EPOCH};

/// The current time in epoch milliseconds.
fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
