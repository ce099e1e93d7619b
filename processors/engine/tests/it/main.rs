// SPDX-License-Identifier: Apache-2.0

//! The engine on its own stores, in one program.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this program is tests, its helpers too"
)]

mod common;
mod decoders;
mod following;
mod formats;
mod forms;
mod products;
mod punctuate;
mod signature;
mod store;
