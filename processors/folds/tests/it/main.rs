// SPDX-License-Identifier: Apache-2.0

//! The folds on the real task, in one program.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this program is tests, its helpers too"
)]

mod activities;
mod admission;
mod agents;
mod alerts;
mod audit;
mod bot_training;
mod bounds;
mod cases;
mod common;
mod conservation;
mod convergence;
mod correlate;
mod customers;
mod erasure;
mod examples;
mod expiry;
mod explain;
mod long_conversations;
mod look;
mod metrics;
mod owner;
mod platform;
