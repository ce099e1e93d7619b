// SPDX-License-Identifier: Apache-2.0

//! The Avro codec, in one program.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this program is tests, its helpers too"
)]

mod common;
mod compatibility;
mod load;
mod reader;
mod records;
mod registry;
mod registry_tls;

#[path = "../../../folds/tests/it/common/generated.rs"]
mod generated;
