// SPDX-License-Identifier: Apache-2.0

//! Iceberg's own sink: what a reader of its table sees after a correction and an erasure.

use std::path::Path;
use std::process::Command;

use cx_timelines_tests::{consume, create_topic, wait_until};

use super::events::{self, ERASED, ERASED_CUSTOMER, KEPT};
use super::worker::Worker;
use crate::pipeline::{Pipeline, TIMEOUT};

/// The variable that names a folder with a folder of the sink's jars.
const TO_ICEBERG: &str = "CX_ICEBERG_PLUGINS";
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/ecosystem/sinks/iceberg");
const CONNECTOR: &str = "cx-iceberg";

#[test]
fn a_table_of_icebergs_sink_keeps_what_was_corrected_and_who_was_erased() {
    let pipeline = Pipeline::start(&[], None);
    create_topic(pipeline.bootstrap(), "iceberg-control", 1, &[]);
    let warehouse = pipeline.folder.path().join("warehouse");
    let worker = Worker::start(&pipeline.kafka, pipeline.folder.path(), TO_ICEBERG);
    let sink = std::fs::read_to_string(Path::new(FOLDER).join("sink.json")).unwrap();
    worker.create(&sink.replace("/warehouse", warehouse.to_str().unwrap()));

    let [first, second] = events::halves();
    load(&pipeline, &first);
    let table = warehouse.join("cx/conversations");
    let _ = await_rows(&worker, &table, "the customer's conversation arrives", &[ERASED.to_owned()]);
    load(&pipeline, &second);
    load(&pipeline, &events::late());
    let _ = pipeline.ok(&["erase", "--customer", ERASED_CUSTOMER, "--yes"], b"");
    // The sink has passed the tombstone when it has written what came later in each partition.
    load(&pipeline, &events::markers().concat());
    let rows = await_rows(&worker, &table, "the sink has written everything", &events::marked());

    let records = consume(pipeline.bootstrap(), &["cx.conversations"]).records.finals;
    let record = |id: &str| records.get(&("cx.conversations".to_owned(), id.to_owned()));
    let of = |id: &str| rows.iter().filter(|row| row.conversation == id).collect::<Vec<_>>();
    assert!(record(ERASED).is_none());
    assert!(of(ERASED).iter().any(|row| row.customer == ERASED_CUSTOMER), "the tombstone deletes nothing");
    assert!(of(KEPT).len() > 1, "each version of a record is a row");
    // What a view can do about versions: the row with the greatest offset of a key is its newest record.
    let newest = of(KEPT).into_iter().max_by_key(|row| row.offset).unwrap();
    assert_eq!(Some(newest.revision), record(KEPT).unwrap()["revision"].as_i64());
}

fn load(pipeline: &Pipeline, events: &str) {
    let _ = pipeline.ok(&["load", "-"], events.as_bytes());
    pipeline.wait_for_all();
}

/// A row, as a reader of the table sees it.
struct Row {
    conversation: String,
    customer: String,
    offset: i64,
    revision: i64,
}

/// The rows once all of these conversations are among them. Each new snapshot is read once.
fn await_rows(worker: &Worker, table: &Path, what: &str, conversations: &[String]) -> Vec<Row> {
    let mut read = None;
    wait_until(what, TIMEOUT, || {
        worker.assert_no_failure(CONNECTOR);
        let snapshot = std::fs::read_to_string(table.join("metadata/version-hint.text")).ok()?;
        if read.as_ref() == Some(&snapshot) {
            return None;
        }
        let rows = rows(table);
        read = Some(snapshot);
        let has = |id: &String| rows.iter().any(|row| row.conversation == *id);
        conversations.iter().all(has).then_some(rows)
    })
}

fn rows(table: &Path) -> Vec<Row> {
    let libs = std::env::var(TO_ICEBERG).unwrap();
    let mut java = Command::new("java");
    java.args([
        "-Xmx256m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-cp",
        &format!("{libs}/iceberg/*"),
    ]);
    let read = java.arg(Path::new(FOLDER).join("ReadTable.java")).arg(table).output().unwrap();
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    let said = String::from_utf8(read.stdout).unwrap();
    said.lines().map(row).collect()
}

fn row(line: &str) -> Row {
    let columns: Vec<&str> = line.split('\t').collect();
    let number = |column: &str| column.parse().unwrap();
    Row {
        conversation: columns[0].to_owned(),
        customer: columns[1].to_owned(),
        offset: number(columns[2]),
        revision: number(columns[3]),
    }
}
