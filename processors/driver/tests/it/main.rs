// SPDX-License-Identifier: Apache-2.0

//! A whole driver, action by action.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this file is a test, its helpers too"
)]

mod beginnings;
mod cluster;
mod fetch_wait;
