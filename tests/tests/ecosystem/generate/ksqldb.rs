// SPDX-License-Identifier: Apache-2.0

//! The statements for ksqlDB, in the eyes of a parser that is made of ksqlDB's own grammar.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use cx_timelines_tests::copy;
use serde_json::{Value, json};

use super::{MADE_BY_TOOLS, REGISTRY, TOP, generated, in_avro, tool};

/// The simple types that ksqlDB documents: the grammar takes any name.
const TYPES: [&str; 12] = [
    "BOOLEAN",
    "INT",
    "INTEGER",
    "BIGINT",
    "DOUBLE",
    "DECIMAL",
    "VARCHAR",
    "STRING",
    "BYTES",
    "TIME",
    "DATE",
    "TIMESTAMP",
];

/// What the parser makes of statements.
fn parsed(statements: &str) -> Value {
    let how = "npm ci in a copy of tests/ksqldb, and the path of its node_modules";
    let modules = tool("CX_KSQLDB_MODULES", how);
    let folder = tempfile::tempdir().unwrap();
    copy(&Path::new(TOP).join("tests/ksqldb"), folder.path(), &MADE_BY_TOOLS);
    std::os::unix::fs::symlink(modules, folder.path().join("node_modules")).unwrap();
    let mut command = Command::new("node");
    command.arg("parse.mjs").current_dir(folder.path());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(statements.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let parsed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.success(), parsed["errors"] == json!([]), "{parsed}");
    parsed
}

#[test]
fn ksqldbs_grammar_accepts_every_statement_with_values_in_json_and_in_avro() {
    let folder = tempfile::tempdir().unwrap();
    let config = in_avro(folder.path());
    let avro = generated(&[&["ksqldb", "--config", config.to_str().unwrap()], &REGISTRY[..]].concat());
    for (ddl, format) in [(generated(&["ksqldb"]), "'JSON'"), (avro, "'AVRO'")] {
        let parsed = parsed(&ddl);
        assert_eq!(parsed["errors"], json!([]));
        let statements = parsed["statements"].as_array().unwrap();
        assert_eq!(statements.len(), ddl.matches("\nCREATE ").count());
        for (_, product) in folds::products() {
            let topic = format!("'{}'", product.topic);
            let table = statements.iter().find(|statement| statement["options"]["KAFKA_TOPIC"] == topic);
            let table = table.unwrap_or_else(|| panic!("there is no statement for {topic}"));
            assert_eq!(
                (&table["kind"], &table["isSource"]),
                (&json!("CreateTable"), &json!(true)),
                "{topic}"
            );
            assert_eq!(table["columns"][0]["constraint"], "PRIMARYKEY", "{topic}");
            assert_eq!(table["options"]["VALUE_FORMAT"], format, "{topic}");
        }
        let types: BTreeSet<&str> =
            parsed["types"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
        assert!(types.contains("VARCHAR") && types.iter().all(|name| TYPES.contains(name)), "{types:?}");
    }
}

#[test]
fn ksqldbs_grammar_refuses_a_statement_in_which_something_is_wrong() {
    let ddl = generated(&["ksqldb"]);
    for (right, wrong) in [
        ("PRIMARY KEY", "PRIMARY"),
        ("STRUCT<", "STRUCT("),
        ("HEADER('", "HEADER "),
        (") WITH (", ") WHERE ("),
        ("'JSON');", "'JSON'"),
        ("`cx_metrics`", "cx.metrics`"),
    ] {
        assert!(ddl.contains(right), "{right}");
        let errors = parsed(&ddl.replace(right, wrong))["errors"].clone();
        assert_ne!(errors, json!([]), "{right} → {wrong}");
    }
}
