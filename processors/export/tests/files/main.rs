// SPDX-License-Identifier: Apache-2.0

//! Tests of the export: the conversion of records, and directories that are brought up to date.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this program is tests, its helpers too"
)]

mod conversion;
mod directory;
mod generated;
mod reading;
mod update;
