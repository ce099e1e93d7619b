//! State on disk, behind the engine's [`StateStore`](engine::StateStore): a cache of the changelog topics.
//!
//! A [`Home`] is a directory that one process has for itself; each partition has a [`DiskStore`] in it. What is applied lies
//! in a sorted buffer in memory first and is written as one run of sorted tables, together with the changelog offset up to
//! which it reaches. There is no journal: that is the changelog's job. After a kill or a power failure a store is what its
//! last run left, a state that it has really had, and the changelog's tail is read again from the offset that lies beside it.
//!
//! Why so, and what it costs, is in `DECISION.md`.

mod buffer;
pub mod care;
mod error;
mod home;
mod keeper;
mod merge;
mod meta;
mod purge;
mod recent;
mod register;
mod shelf;
mod stamp;
mod store;
mod tables;

pub use error::HomeError;
pub use home::{Budget, Found, Home};
pub use stamp::Stamp;
pub use store::DiskStore;
