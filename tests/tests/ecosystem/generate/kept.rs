// SPDX-License-Identifier: Apache-2.0

//! What is generated and kept in this repository is what `generate` prints.

use std::path::Path;

use super::{TOP, generated};

/// Panics where a file is not as it is generated now; says how to write it again.
fn check(path: &str, text: &str, command: &str) {
    let kept = std::fs::read_to_string(Path::new(TOP).join(path)).unwrap_or_default();
    assert!(kept == text, "{path} is not what is generated now: run `cargo run -- generate {command}`");
}

#[test]
fn the_kept_client_kits_are_up_to_date() {
    check("clients/python/cx_timelines.py", &generated(&["python"]), "python --dir clients/python");
    check(
        "clients/typescript/src/cx-timelines.ts",
        &generated(&["typescript"]),
        "typescript --dir clients/typescript/src",
    );
}

#[test]
fn the_kept_json_schemas_are_up_to_date_and_no_other_is_there() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(generated(&["json-schemas", "--dir", folder.path().to_str().unwrap()]), "");
    let names = |folder: &Path| {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<String> = entries.map(|name| name.into_string().unwrap()).collect();
        names.retain(|name| name.ends_with(".schema.json"));
        names.sort();
        names
    };
    let made = names(folder.path());
    assert!(!made.is_empty());
    for name in &made {
        let text = std::fs::read_to_string(folder.path().join(name)).unwrap();
        check(&format!("schemas/{name}"), &text, "json-schemas --dir schemas");
    }
    assert_eq!(names(&Path::new(TOP).join("schemas")), made);
}

#[test]
fn what_is_generated_is_the_same_each_time() {
    for what in ["asyncapi", "json-schemas", "flink", "clickhouse", "ksqldb", "python", "typescript"] {
        assert!(generated(&[what]) == generated(&[what]), "{what}");
    }
}
