// SPDX-License-Identifier: Apache-2.0

//! The program among others: message brokers, databases, lakes and schedulers, each of them the real one. What these tests need
//! is larger than what the end-to-end tests need, and takes longer, so they are a step of their own: `tests/run ecosystem`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this program is tests, its helpers too"
)]

mod bridge;
mod export;
mod flink;
mod generate;
mod kubernetes;
mod pipeline;
mod sinks;
mod whole;
