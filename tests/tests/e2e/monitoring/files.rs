// SPDX-License-Identifier: Apache-2.0

//! The files of monitoring/ and docs/runbook/, read: rules, their tests, the dashboards, the pages.

use regex::Regex;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A place in the repository.
pub(crate) fn place(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}

/// The text of a file of the repository.
pub(crate) fn text(name: &str) -> String {
    let path = place(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn yaml(name: &str) -> Value {
    serde_saphyr::from_str(&text(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The pages of a folder, by their names without the ending.
pub(crate) fn pages(folder: &str) -> BTreeSet<String> {
    let files = std::fs::read_dir(place(folder)).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    names
        .map(|name| name.strip_suffix(".md").unwrap_or_else(|| panic!("{folder}/{name}")).to_owned())
        .collect()
}

/// A rule's text.
pub(crate) fn word<'v>(value: &'v Value, field: &str) -> &'v str {
    value[field].as_str().unwrap_or_else(|| panic!("no {field} in {value}"))
}

fn rules(file: &str) -> Vec<Value> {
    let groups = yaml(file)["groups"].as_array().unwrap().clone();
    groups.iter().flat_map(|group| group["rules"].as_array().unwrap().clone()).collect()
}

/// All alerts.
pub(crate) fn alerts() -> Vec<Value> {
    rules("monitoring/rules/alerts.yml")
}

/// All recording rules.
pub(crate) fn recordings() -> Vec<Value> {
    rules("monitoring/rules/recording.yml")
}

/// For each case of the alerts' tests: which alert, and whether it is to fire.
pub(crate) fn alert_cases() -> Vec<(String, bool)> {
    let tests = yaml("monitoring/tests/alerts.yml")["tests"].as_array().unwrap().clone();
    let cases = tests.iter().flat_map(|test| test["alert_rule_test"].as_array().unwrap().clone());
    cases
        .map(|case| {
            let fires = !case["exp_alerts"].as_array().unwrap().is_empty();
            (word(&case, "alertname").to_owned(), fires)
        })
        .collect()
}

/// The dashboards, each with its name: that of operations, that of the contact centre, and that of the bridge.
pub(crate) fn dashboards() -> [(&'static str, Value); 3] {
    ["cx-timelines", "contact-centre", "bridge"].map(|name| {
        let file = format!("monitoring/grafana/dashboards/{name}.json");
        (name, serde_json::from_str(&text(&file)).unwrap())
    })
}

/// Those of the pipeline.
pub(crate) fn dashboards_of_pipeline() -> [(&'static str, Value); 2] {
    let [operations, contact_centre, _] = dashboards();
    [operations, contact_centre]
}

/// The panels of a dashboard that show something: all but the rows.
pub(crate) fn panels(dashboard: &Value) -> Vec<&Value> {
    let panels = dashboard["panels"].as_array().unwrap();
    panels.iter().filter(|panel| panel["type"] != "row").collect()
}

/// The queries of a panel.
pub(crate) fn queries(panel: &Value) -> Vec<&str> {
    panel["targets"].as_array().unwrap().iter().map(|target| word(target, "expr")).collect()
}

/// The names of metrics and of recorded figures in a text.
pub(crate) fn names_in(text: &str) -> BTreeSet<String> {
    let name = Regex::new(r"(?:[a-z_]+:)?(?:cx_timelines_|process_)[a-z_]+(?::[a-z0-9_]+)?").unwrap();
    name.find_iter(text).map(|found| found.as_str().to_owned()).collect()
}
