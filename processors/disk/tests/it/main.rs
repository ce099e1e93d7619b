// SPDX-License-Identifier: Apache-2.0

//! The store on disk, in one program.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this program is tests, its helpers too"
)]

mod common;
mod contract;
mod damage;
mod home;
mod kill;
mod longest_ids;
mod model;
mod purge;
