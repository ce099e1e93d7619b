// SPDX-License-Identifier: Apache-2.0

//! Python's fastavro, which shares no code with ours.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

/// The Python that has fastavro.
fn python() -> std::ffi::OsString {
    std::env::var_os("CX_FASTAVRO_PYTHON").expect(
        "CX_FASTAVRO_PYTHON names no Python with fastavro; tests/run makes one, or: python3 -m venv V && V/bin/pip install fastavro",
    )
}

/// Asks it all of this, with the schemas of this registry; one answer for each.
fn ask(registry: &str, questions: &[Value]) -> Vec<Value> {
    let mut child = Command::new(python())
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/avro/independent.py"))
        .arg(registry)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let lines: String = questions.iter().map(|question| format!("{question}\n")).collect();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "fastavro failed");
    writer.join().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), questions.len());
    answers
}

/// What it reads in values in the wire format.
pub(super) fn decode(registry: &str, values: &[Vec<u8>]) -> Vec<Value> {
    let questions: Vec<Value> = values.iter().map(|value| json!({"decode": hex(value)})).collect();
    ask(registry, &questions)
}

/// Values in the wire format of these records, each with the id of its schema.
pub(super) fn encode(registry: &str, records: &[(Value, u32)]) -> Vec<Vec<u8>> {
    let questions: Vec<Value> =
        records.iter().map(|(record, id)| json!({"encode": record, "id": id})).collect();
    let answers = ask(registry, &questions);
    answers.iter().map(|answer| bytes(answer["value"].as_str().unwrap())).collect()
}

/// What a reader with one version of a schema makes of a record that was written with another.
pub(super) fn resolved(record: &Value, writer: &str, reader: &str) -> Value {
    ask("", &[json!({"record": record, "writer": writer, "reader": reader})]).remove(0)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}
