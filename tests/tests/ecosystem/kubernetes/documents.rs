// SPDX-License-Identifier: Apache-2.0

//! The chart's files and documents are those of this repository and of these values.

use std::path::Path;

use serde_json::Value;

use super::helm::{chart, file, objects, objects_of};
use super::objects::{of_kind, one};

#[test]
fn files_that_the_chart_has_a_copy_of_are_the_repository_s() {
    for (copy, original) in [
        ("topics.yaml", "topics.yaml"),
        ("alerts.yml", "monitoring/rules/alerts.yml"),
        ("recording.yml", "monitoring/rules/recording.yml"),
    ] {
        let copied = file(&format!("helm/cx-timelines/files/{copy}"));
        assert!(copied == file(original), "cp {original} helm/cx-timelines/files/{copy}");
    }
    let files = std::fs::read_dir(chart().join("files")).unwrap();
    assert_eq!(files.count(), 3, "each is compared");
}

#[test]
fn the_rules_are_those_of_the_repository() {
    let flags = ["--set", "prometheusRule.enabled=true"];
    let groups = |flags: &[&str]| {
        let objects = objects("minimal", flags);
        one(&objects, "PrometheusRule", "cx-cx-timelines")["spec"]["groups"].as_array().unwrap().clone()
    };
    let read = |name: &str| {
        let rules: Value = serde_saphyr::from_str(&file(name)).unwrap();
        rules["groups"].as_array().unwrap().clone()
    };
    let expected = [read("monitoring/rules/recording.yml"), read("monitoring/rules/alerts.yml")].concat();
    assert_eq!(groups(&flags), expected);
    let linked = groups(&[&flags[..], &["--set", "prometheusRule.runbookUrl=https://r/x/"]].concat());
    let links: Vec<&str> = linked
        .iter()
        .flat_map(|group| group["rules"].as_array().unwrap())
        .filter_map(|rule| rule["annotations"]["runbook_url"].as_str())
        .collect();
    assert!(
        links.len() > 20 && links.iter().all(|link| link.starts_with("https://r/x/alerts/")),
        "{links:?}"
    );
}

#[test]
fn the_chart_s_version_is_the_program_s() {
    let chart: Value = serde_saphyr::from_str(&file("helm/cx-timelines/Chart.yaml")).unwrap();
    assert_eq!(chart["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(chart["appVersion"], env!("CARGO_PKG_VERSION"));
    let objects = objects("minimal", &[]);
    let image = &of_kind(&objects, "StatefulSet")[0]["spec"]["template"]["spec"]["containers"][0]["image"];
    assert_eq!(*image, concat!("cx-timelines:", env!("CARGO_PKG_VERSION")));
}

/// All values that are no objects, by their path.
fn leaves(path: &str, value: &Value, found: &mut Vec<String>) {
    match value.as_object().filter(|fields| !fields.is_empty()) {
        Some(fields) => {
            for (key, value) in fields {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                leaves(&path, value, found);
            }
        }
        None => found.push(path.to_owned()),
    }
}

#[test]
fn the_readme_explains_every_value() {
    let values: Value = serde_saphyr::from_str(&file("helm/cx-timelines/values.yaml")).unwrap();
    let mut paths = Vec::new();
    leaves("", &values, &mut paths);
    assert!(paths.len() > 90, "{paths:?}");
    let readme = file("helm/cx-timelines/README.md");
    let rows = readme.lines().filter_map(|line| line.strip_prefix("| `")?.split(" | ").next());
    // `a.b`, `.c` and `a.d` of one row are a.b, a.c and a.d.
    let named: Vec<String> = rows
        .flat_map(|row| {
            let words: Vec<&str> = row.trim_end_matches('`').split("`, `").collect();
            let parent = words[0].rsplit_once('.').map_or("", |(parent, _)| parent).to_owned();
            words.into_iter().map(move |word| {
                if word.starts_with('.') { format!("{parent}{word}") } else { word.to_owned() }
            })
        })
        .collect();
    // Objects that Kubernetes defines, and those with the keys of others, are one row.
    let is_named = |path: &str| {
        let mut parents = path.match_indices('.').map(|(end, _)| &path[..end]);
        named.iter().any(|name| name == path) || parents.any(|parent| named.iter().any(|name| name == parent))
    };
    for path in &paths {
        assert!(is_named(path), "helm/cx-timelines/README.md does not explain {path}");
    }
    for name in &named {
        let pointer = format!("/{}", name.replace('.', "/"));
        assert!(
            values.pointer(&pointer).is_some(),
            "helm/cx-timelines/README.md explains {name}, which is no value"
        );
    }
}

/// Copies a folder.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// Helm renders the notes only with a cluster. So a copy of the chart has them as a file, and an object whose content they are.
fn notes(values: &str) -> String {
    const OBJECT: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: notes}\ndata:\n  notes: |\n\
                          {{ tpl (.Files.Get \"files/NOTES.txt\") . | indent 4 }}\n";
    let folder = tempfile::tempdir().unwrap();
    let copied = folder.path().join("cx-timelines");
    copy(&chart(), &copied);
    std::fs::rename(copied.join("templates/NOTES.txt"), copied.join("files/NOTES.txt")).unwrap();
    std::fs::write(copied.join("templates/notes.yaml"), OBJECT).unwrap();
    let objects = objects_of(&copied, values, &[]);
    one(&objects, "ConfigMap", "notes")["data"]["notes"].as_str().unwrap().to_owned()
}

#[test]
fn the_notes_say_what_to_do_next() {
    let minimal = notes("minimal");
    assert!(
        minimal.contains("set http.tokenSecret.name") && minimal.contains("set topicsJob.enabled"),
        "{minimal}"
    );
    assert!(minimal.contains("There is no ServiceMonitor"), "{minimal}");
    let scram = notes("scram");
    assert!(scram.contains("https://127.0.0.1:9464") && !scram.contains("There is no"), "{scram}");
}
