// SPDX-License-Identifier: Apache-2.0

//! The documents, in the eyes of their own validators, and records in the eyes of the documents.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use cx_timelines_tests::{DEAD_LETTERS, copy, fold, run_to_end};
use jsonschema::Validator;
use serde_json::{Value, json};

use super::{MADE_BY_TOOLS, REGISTRY, TOP, generated, in_avro, tool};

/// What AsyncAPI's own parser says of a document: whether it is valid, and the lines that it prints.
fn parsed(document: &str) -> (bool, String) {
    let modules =
        tool("CX_ASYNCAPI_MODULES", "npm ci in a copy of tests/asyncapi, and the path of its node_modules");
    let folder = tempfile::tempdir().unwrap();
    copy(&Path::new(TOP).join("tests/asyncapi"), folder.path(), &MADE_BY_TOOLS);
    std::os::unix::fs::symlink(modules, folder.path().join("node_modules")).unwrap();
    let mut command = Command::new("node");
    command.arg("validate.mjs").current_dir(folder.path());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(document.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status.success(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn asyncapis_own_parser_accepts_the_document_with_values_in_json_and_in_avro() {
    let (is_valid, said) = parsed(&generated(&["asyncapi", "--bootstrap", "a:9092,b:9092"]));
    assert!(is_valid, "{said}");
    // Nine outputs with a record and a tombstone each; five others.
    assert_eq!(said, "3.0.0: 14 channels, 23 messages\n");
    let folder = tempfile::tempdir().unwrap();
    let config = in_avro(folder.path());
    let avro = generated(&[&["asyncapi", "--config", config.to_str().unwrap()], &REGISTRY[..]].concat());
    let (is_valid, said) = parsed(&avro);
    assert!(is_valid, "{said}");
}

#[test]
fn asyncapis_own_parser_refuses_the_document_where_something_is_wrong() {
    let document: Value = serde_json::from_str(&generated(&["asyncapi"])).unwrap();
    let with = |change: &dyn Fn(&mut Value)| {
        let mut changed = document.clone();
        change(&mut changed);
        parsed(&changed.to_string())
    };
    for (what, change) in [
        ("info", &(|all: &mut Value| drop(all["info"].take())) as &dyn Fn(&mut Value)),
        ("channel", &|all| all["operations"]["send_cx_agents"]["channel"]["$ref"] = json!("#/channels/none")),
        ("partitions", &|all| {
            all["channels"]["cx_agents"]["bindings"]["kafka"]["partitions"] = json!("many");
        }),
    ] {
        let (is_valid, said) = with(change);
        assert!(!is_valid && said.contains(what), "{what}: {said}");
    }
}

/// The JSON Schemas of the bundle.
struct Schemas(Vec<(String, Validator)>);

impl Schemas {
    fn generated() -> Self {
        let bundle: Value = serde_json::from_str(&generated(&["json-schemas"])).unwrap();
        let of = |(name, schema): (&String, &Value)| {
            assert!(jsonschema::meta::is_valid(schema), "{name} is no JSON Schema");
            (name.clone(), jsonschema::draft202012::new(schema).unwrap())
        };
        Self(bundle["$defs"].as_object().unwrap().iter().map(of).collect())
    }

    /// What is wrong with a record of a topic.
    fn wrong(&self, topic: &str, record: &Value) -> Vec<String> {
        let (_, product) = folds::products().find(|(_, product)| product.topic == topic).unwrap();
        let name = product.schema.split('/').next().unwrap();
        let (_, validator) = self.0.iter().find(|(known, _)| known == name).unwrap();
        validator.iter_errors(record).map(|error| format!("{}: {error}", error.instance_path())).collect()
    }
}

/// The records that `fold` prints of all cases and examples, with their topics; every emission of them.
fn records() -> Vec<(String, Value)> {
    let mut folders: Vec<_> = std::fs::read_dir(Path::new(TOP).join("tests/cases"))
        .unwrap()
        .map(|entry| entry.unwrap().path().join("events.ndjson"))
        .filter(|path| path.is_file())
        .collect();
    assert_eq!(folders.len(), 36);
    for name in ["events.ndjson", "agent-states.ndjson"] {
        folders.push(Path::new(TOP).join("schemas/examples").join(name));
    }
    let mut records = Vec::new();
    for path in folders {
        let folded = run_to_end(&["fold", "--as-emitted", "--expire", path.to_str().unwrap()], b"");
        assert!(folded.status.success(), "{}", path.display());
        let lines = String::from_utf8(folded.stdout).unwrap();
        records.extend(lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).filter_map(
            |line| {
                let topic = line["topic"].as_str().unwrap().to_owned();
                (topic != DEAD_LETTERS && !line["value"].is_null()).then(|| (topic, line["value"].clone()))
            },
        ));
    }
    records
}

#[test]
fn every_record_that_fold_gives_of_the_cases_has_its_json_schema() {
    let schemas = Schemas::generated();
    let records = records();
    for (_, product) in folds::products() {
        let count = records.iter().filter(|(topic, _)| topic == product.topic).count();
        assert!(count > 0, "no case has a record of {}", product.topic);
    }
    for (topic, record) in &records {
        let wrong = schemas.wrong(topic, record);
        assert_eq!(wrong, Vec::<String>::new(), "{topic}: {record}");
    }
}

#[test]
fn a_record_that_is_broken_has_not_its_json_schema() {
    let schemas = Schemas::generated();
    let mut broken = 0;
    for (topic, record) in records() {
        // Every field is always there, and none of them is a truth value.
        for field in record.as_object().unwrap().keys() {
            let mut without = record.clone();
            without.as_object_mut().unwrap().remove(field);
            assert!(!schemas.wrong(&topic, &without).is_empty(), "{topic} without {field}");
            let mut other = record.clone();
            other[field] = json!(true);
            assert!(!schemas.wrong(&topic, &other).is_empty(), "{topic} with {field} true");
            broken += 2;
        }
        let mut more = record;
        more["fieldOfANewerVersion"] = json!([1]);
        assert!(schemas.wrong(&topic, &more).is_empty(), "{topic} with one more field");
    }
    assert!(broken > 1000, "{broken}");
    // Also within: a text where the time of an edit belongs.
    let edits =
        fold(&std::fs::read(Path::new(TOP).join("tests/cases/edits-and-deletions/events.ndjson")).unwrap());
    let edited = edits.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).find(|line| {
        line["topic"] == "cx.activities"
            && line["value"]["edits"].as_array().is_some_and(|edits| !edits.is_empty())
    });
    let mut record = edited.unwrap()["value"].clone();
    record["edits"][0]["at"] = json!("yesterday");
    assert_eq!(schemas.wrong("cx.activities", &record).len(), 1);
}
