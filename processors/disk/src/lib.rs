// SPDX-License-Identifier: Apache-2.0

//! State on disk, behind the engine's [`StateStore`](engine::StateStore): a cache of the changelog topics.
//!
//! A [`Home`] is a directory owned by one process; each partition has a [`DiskStore`] in it. Applied changes are kept in a
//! sorted buffer in memory and then written as one run of sorted tables, together with the changelog offset that the state has
//! reached. There is no journal, because the changelog is one. After a kill or a power failure, a store has the state of its
//! last run, which existed at that offset, and the rest of the changelog is read again.
//!
//! `DECISION.md` has the reasons and costs.

mod buffer;
pub mod care;
mod counts;
mod directory;
mod error;
mod filter;
mod fresh;
mod hashed;
mod heads;
mod home;
mod keeper;
mod layout;
mod merge;
mod meta;
mod purge;
mod recent;
mod register;
mod shares;
mod shelf;
mod stamp;
mod store;
mod tables;
#[cfg(test)]
mod tests;

pub use counts::Counts;
pub use directory::OpenedState;
pub use error::HomeError;
pub use home::Home;
pub use shares::Budget;
pub use stamp::Stamp;
pub use store::DiskStore;
