// SPDX-License-Identifier: Apache-2.0

//! DuckDB, the package of Python.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

/// Reads queries as JSON lines, and prints the rows of each as a JSON list in one line.
const PROGRAM: &str = r#"
import json, sys
import duckdb
duckdb.sql("SET TimeZone = 'UTC'")
for line in sys.stdin:
    query = json.loads(line).strip().rstrip(";")
    rows = duckdb.sql("SELECT to_json(answer)::VARCHAR FROM (" + query + ") AS answer").fetchall()
    print("[" + ",".join(row[0] for row in rows) + "]", flush=True)
"#;

/// The rows that queries give, in this folder.
pub(super) fn query(folder: &Path, queries: &[&str]) -> Vec<Vec<Value>> {
    let python = std::env::var_os("CX_DUCKDB_PYTHON").expect(
        "CX_DUCKDB_PYTHON names no Python with duckdb; tests/run makes one, or: python3 -m venv V && V/bin/pip install duckdb",
    );
    let mut child = Command::new(python)
        .args(["-c", PROGRAM])
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let lines: String = queries.iter().map(|query| format!("{}\n", Value::from(*query))).collect();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "DuckDB failed: {queries:#?}");
    writer.join().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<Vec<Value>> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), queries.len());
    answers
}
