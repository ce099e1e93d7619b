// SPDX-License-Identifier: Apache-2.0

//! `cx-timelines generate`: documents and code made of topics.yaml and the schemas.

mod brokers;
mod clickhouse;
mod clients;
mod documents;
mod kept;
mod ksqldb;

use std::path::{Path, PathBuf};

use cx_timelines_tests::run_to_end;

/// Folders in clients/ and tests/ that tools make.
const MADE_BY_TOOLS: [&str; 3] = ["node_modules", "dist", "__pycache__"];
/// The top of the repository.
const TOP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// Values in Avro need to know where their schemas are.
const REGISTRY: [&str; 2] = ["--schema-registry", "http://127.0.0.1:8081"];

/// What `generate` prints with these words behind it.
fn generated(words: &[&str]) -> String {
    let output = run_to_end(&[&["generate"], words].concat(), b"");
    assert!(output.status.success(), "generate {words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A topics.yaml with all events and outputs in Avro, in a folder.
fn in_avro(folder: &Path) -> PathBuf {
    let shipped = std::fs::read_to_string(Path::new(TOP).join("topics.yaml")).unwrap();
    let mut role = "";
    let mut text = String::new();
    for line in shipped.lines() {
        role = line.trim().strip_prefix("role: ").unwrap_or(role);
        let is_avro = matches!(role, "input" | "output") && line.trim() == "format: json";
        text.push_str(&if is_avro { line.replace("json", "avro") } else { line.to_owned() });
        text.push('\n');
    }
    assert_eq!(text.matches("format: avro").count(), shipped.matches("format: avro").count() + 11);
    let path = folder.join("avro.yaml");
    std::fs::write(&path, text).unwrap();
    path
}

/// A tool's place, from the environment.
fn tool(variable: &str, how: &str) -> PathBuf {
    let place = std::env::var_os(variable);
    PathBuf::from(
        place.unwrap_or_else(|| panic!("{variable} is not set; `tests/run ecosystem` sets it, or: {how}")),
    )
}

/// A Python with one package, from the environment.
fn python(variable: &str, package: &str) -> PathBuf {
    tool(variable, &format!("python3 -m venv V && V/bin/pip install {package}, and {variable}=V/bin/python"))
}
