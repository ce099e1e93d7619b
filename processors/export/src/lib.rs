// SPDX-License-Identifier: Apache-2.0

//! Topics as Parquet files, one file for each day, brought up to date run by run.
//!
//! [`Table`] is pure: it converts the records of one schema to Arrow. [`Folder`] is the directory with its manifest, [`Update`]
//! brings one topic in it up to date: it takes the records that are new, finds what they replace or delete, and rewrites the days
//! that change.
//!
//! The memory is bounded, whatever the size of the topic: values and keys go to anonymous temporary files in the directory, are
//! sorted there, and are written with one batch and one row group in memory.
//!
//! Nothing here knows Kafka: the caller reads the records, and names the first and end offsets of the partitions.

mod changes;
mod day;
mod days;
mod error;
mod file;
mod filter;
mod folder;
mod manifest;
mod plan;
mod sort;
mod spool;
mod table;
mod update;

pub use changes::Versions;
pub use day::Day;
pub use error::{Difference, Error};
pub use file::FILE_NAME;
pub use folder::{Folder, Selection};
pub use manifest::MANIFEST_NAME;
pub use plan::{Extent, Plan, Whole};
pub use table::{Row, Table};
pub use update::{Record, Summary, Update};
