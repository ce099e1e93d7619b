// SPDX-License-Identifier: Apache-2.0

//! New versions of schemas: what `schemas` says of them, and that old and new readers read both.

use cx_timelines_tests::run_to_end;
use serde_json::{Value, json};

use super::ground::{Ground, avro_outputs, await_readiness, end};
use super::independent;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../schemas");

/// A copy of the schemas, the activity's changed.
fn changed(folder: &std::path::Path, change: impl FnOnce(&mut Vec<Value>)) -> String {
    for schema in avro::Schema::ALL {
        std::fs::write(folder.join(format!("{}.avsc", schema.name)), schema.text).unwrap();
    }
    let file = folder.join("activity.avsc");
    let mut schema: Value = serde_json::from_str(avro::Schema::ACTIVITY.text).unwrap();
    change(schema["fields"].as_array_mut().unwrap());
    std::fs::write(&file, schema.to_string()).unwrap();
    schema.to_string()
}

#[test]
fn a_breaking_schema_fails_the_check_and_one_with_an_added_default_is_read_by_all() {
    let ground = Ground::new();
    let pipeline = ground.pipeline("e", &avro_outputs());
    let check = |folder: &str| pipeline.run(&["schemas", "check", "--schemas", folder], b"");
    let said = |output: &std::process::Output| String::from_utf8_lossy(&output.stdout).into_owned();

    let strict = ground.pipeline_with("e", &avro_outputs(), "register: false");
    let refused = strict.run(&["run", "--http", "127.0.0.1:0"], b"");
    let why = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{why}");
    assert!(why.contains("e.activities-value; run `cx-timelines schemas register`"), "{why}");

    let first = pipeline.ok(&["schemas", "check"], b"");
    assert!(first.contains("e.activities-value: has no version yet"), "{first}");
    let registered = pipeline.ok(&["schemas", "register"], b"");
    assert_eq!(
        registered.lines().filter(|line| line.ends_with("rule FULL_TRANSITIVE")).count(),
        avro_outputs().len(),
        "{registered}"
    );
    let mut program = ground.pipeline_with("e", &avro_outputs(), "register: false").start();
    await_readiness(&mut program, true);
    end(program);
    let second = pipeline.ok(&["schemas", "check"], b"");
    assert!(
        second.contains("e.activities-value: goes together with all registered versions (1)"),
        "{second}"
    );
    assert!(!second.contains("has no version") && !second.contains("the rule is"), "{second}");
    assert_eq!(said(&check(FOLDER)), second, "what is compiled in is what is in the folder");

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let subject = "e.activities-value";
    let breaking = changed(folder.path(), |fields| fields.retain(|field| field["name"] != "kind"));
    let output = check(path);
    assert_eq!(output.status.code(), Some(1));
    let report = said(&output);
    for place in ["activity: released version 1: ", "e.activities-value: registered version 1: "] {
        let line = report
            .lines()
            .find(|line| line.starts_with(place))
            .unwrap_or_else(|| panic!("{place}: {report}"));
        assert!(line.contains("field kind: it has been removed"), "{line}");
    }
    let refused = ground.client().register(subject, &breaking).unwrap_err();
    assert!(matches!(refused, avro::registry::RegistryError::Incompatible { .. }), "{refused}");

    let mood = json!({"name": "mood", "type": "string", "default": "calm"});
    let added = changed(folder.path(), |fields| fields.push(mood));
    let output = check(path);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    ground.client().register(subject, &added).unwrap();
    let third = pipeline.ok(&["schemas", "check"], b"");
    assert!(third.contains("goes together with all registered versions (2)"), "{third}");

    let old = avro::Schema::ACTIVITY.text;
    let record = json!({"activityId": "m", "kind": "NOTE", "occurredAt": 5, "updatedAt": 6, "revision": 1});
    let of_old = independent::resolved(&with_defaults(&record, old), old, &added);
    assert_eq!((&of_old["mood"], &of_old["occurredAt"]), (&json!("calm"), &json!(5)));
    let mut newer = with_defaults(&record, old);
    newer["mood"] = json!("merry");
    let of_new = independent::resolved(&newer, &added, old);
    assert_eq!((&of_new["kind"], of_new.get("mood")), (&json!("NOTE"), None));
    ground.kafka.stop();
}

/// A record with all fields of a schema.
fn with_defaults(record: &Value, schema: &str) -> Value {
    let schema: Value = serde_json::from_str(schema).unwrap();
    let mut whole = record.clone();
    for field in schema["fields"].as_array().unwrap() {
        let name = field["name"].as_str().unwrap();
        if whole.get(name).is_none() {
            whole[name] = field["default"].clone();
        }
    }
    whole
}

#[test]
fn schemas_without_a_registry_are_compared_with_what_was_released() {
    let output = run_to_end(&["schemas", "check"], b"");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(
        said.contains("activity: goes together with all released versions") && said.contains("no registry"),
        "{said}"
    );
    let output = run_to_end(&["schemas", "register"], b"");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--schema-registry"));
    let output = run_to_end(&["schemas", "check", "--schemas", "/nowhere"], b"");
    assert_eq!(output.status.code(), Some(2));
}
