// SPDX-License-Identifier: Apache-2.0

//! The harness of the end-to-end tests: the program as a user starts it, a real broker, and consumers that read only what
//! is committed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this crate is tests' code: whatever goes wrong fails the test"
)]

mod admin;
pub mod certificates;
pub mod chaos;
mod compare;
mod consume;
pub mod figures;
mod folders;
pub mod hostile;
pub mod http;
mod program;
mod promtool;

pub use admin::{add_partitions, block_on, create_topic, cut_off, delete_topic, remove_all, set_topic};
pub use compare::{DEAD_LETTERS, OUTPUTS, Records, differences, of_lines, shuffled};
pub use consume::{Consumed, Watch, await_finished, consume, is_in_sync, partitions_of};
pub use folders::copy;
pub use program::{Instance, Program, fold, fold_file, program, run_to_end, series, succeed, wait_until};
pub use promtool::check_scrape;
