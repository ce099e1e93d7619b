// SPDX-License-Identifier: Apache-2.0

//! Kafka Connect, from the output topics to Postgres: the files of `connect/`, as docs/how-to/postgres.md uses them. And to
//! Iceberg, as docs/how-to/lake.md warns of it.

mod events;
mod lake;
mod postgres;
mod rows;
mod story;
mod worker;

use crate::pipeline::Pipeline;

pub(crate) use rows::Tables;
pub(crate) use story::{Source, story};

/// Events that `cx-timelines load` brings to Kafka.
struct Load;

impl Source for Load {
    fn send(&mut self, pipeline: &Pipeline, events: &str) {
        let _ = pipeline.ok(&["load", "-"], events.as_bytes());
    }
}

#[test]
fn tables_of_columns_from_avro_are_what_fold_makes_whatever_is_killed_and_forget_who_is_erased() {
    story(Tables::Columns, &mut Load);
}

#[test]
fn tables_of_whole_records_from_json_are_what_fold_makes_whatever_is_killed_and_forget_who_is_erased() {
    story(Tables::Documents, &mut Load);
}
