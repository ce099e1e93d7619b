// SPDX-License-Identifier: Apache-2.0

//! ClickHouse, within a process of Python: its tables and views, with the records of a real broker's topics. The records are handed
//! over here, because the engine that reads Kafka needs a server.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use cx_timelines_tests::partitions_of;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::Message as _;
use rdkafka::{Offset, TopicPartitionList};
use serde_json::{Value, json};

use super::{TOP, python};

/// How long a broker may take for the next records.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A ClickHouse with tables. It is killed when it is dropped.
pub(super) struct ClickHouse {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl ClickHouse {
    /// Runs statements.
    pub(super) fn start(folder: &Path, statements: &str) -> Self {
        let file = folder.join("clickhouse.sql");
        std::fs::write(&file, statements).unwrap();
        let mut command = Command::new(python("CX_CHDB_PYTHON", "chdb"));
        command.arg(Path::new(TOP).join("tests/tests/ecosystem/generate/clickhouse.py")).arg(file);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut started = Self { child, input, output };
        assert_eq!(started.line(), "ready\n", "ClickHouse refuses a statement");
        started
    }

    /// The rows of a query, without line breaks in it.
    pub(super) fn rows(&mut self, query: &str) -> Vec<Value> {
        writeln!(self.input, "{query}").unwrap();
        serde_json::from_str(&self.line()).unwrap()
    }

    /// Passes on each committed record of a topic, as ClickHouse's queue has it: a tombstone's value is empty.
    pub(super) fn take(&mut self, bootstrap: &str, topic: &str) {
        let rows: String = committed(bootstrap, topic).iter().map(|row| format!(" {row}")).collect();
        let queue = format!("{}_queue", topic.replace(['.', '-'], "_"));
        assert!(self.rows(&format!("INSERT INTO {queue} FORMAT JSONEachRow{rows}")).is_empty());
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line
    }
}

impl Drop for ClickHouse {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// All committed records of a topic.
fn committed(bootstrap: &str, topic: &str) -> Vec<Value> {
    let mut client = ClientConfig::new();
    client
        .set("bootstrap.servers", bootstrap)
        .set("group.id", "clickhouse")
        .set("enable.auto.commit", "false");
    client.set("isolation.level", "read_committed").set("enable.partition.eof", "true");
    let consumer: BaseConsumer = client.create().unwrap();
    let mut places = TopicPartitionList::new();
    for partition in 0..partitions_of(bootstrap, topic) {
        places.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
    }
    consumer.assign(&places).unwrap();
    let (mut open, mut rows) = (places.count(), Vec::new());
    while open > 0 {
        match consumer.poll(TIMEOUT) {
            Some(Err(KafkaError::PartitionEOF(_))) => open -= 1,
            Some(Ok(message)) => {
                let text =
                    |bytes: Option<&[u8]>| String::from_utf8(bytes.unwrap_or_default().to_vec()).unwrap();
                let (key, value) = (text(message.key()), text(message.payload()));
                rows.push(json!({"value": value, "_key": key, "_offset": message.offset()}));
            }
            other => panic!("{topic} is not read: {other:?}"),
        }
    }
    rows
}
