// SPDX-License-Identifier: Apache-2.0

//! Helm and kubeconform, as a user calls them.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// Values as users have them, each a file in the chart's folder `ci`.
pub(super) const VALUES: [&str; 5] = ["minimal", "scram", "strimzi", "oauth", "everything"];

/// What `tests/run` finds.
fn tool(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| {
        panic!("{variable} is not set: run `tests/run ecosystem`, which installs what it needs")
    })
}

pub(super) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

pub(super) fn chart() -> PathBuf {
    repository().join("helm/cx-timelines")
}

/// A file of the repository.
pub(super) fn file(name: &str) -> String {
    let path = repository().join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn values_file(name: &str) -> String {
    chart().join(format!("ci/{name}.yaml")).to_str().unwrap().to_owned()
}

/// One of Helm's commands on a chart, with one of the values files.
fn helm_on(chart: &Path, command: &[&str], values: &str, flags: &[&str]) -> Output {
    // Without the settings, repositories and plug-ins of the user.
    let home = tempfile::tempdir().unwrap();
    let mut helm = Command::new(tool("CX_HELM"));
    for variable in ["HELM_CONFIG_HOME", "HELM_CACHE_HOME", "HELM_DATA_HOME"] {
        helm.env(variable, home.path());
    }
    helm.args(command).arg(chart).args(["--values", &values_file(values)]).args(flags).output().unwrap()
}

/// The same on our chart.
pub(super) fn helm(command: &[&str], values: &str, flags: &[&str]) -> Output {
    helm_on(&chart(), command, values, flags)
}

fn rendered_of(chart: &Path, values: &str, flags: &[&str]) -> String {
    let output = helm_on(chart, &["template", "cx", "--namespace", "contact-centre"], values, flags);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{values} {flags:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// What our chart becomes.
pub(super) fn rendered(values: &str, flags: &[&str]) -> String {
    rendered_of(&chart(), values, flags)
}

/// The objects of a chart, without the documents that are empty.
pub(super) fn objects_of(chart: &Path, values: &str, flags: &[&str]) -> Vec<Value> {
    let objects: Vec<Value> = serde_saphyr::from_multiple(&rendered_of(chart, values, flags)).unwrap();
    objects.into_iter().filter(|object| !object.is_null()).collect()
}

/// The objects of our chart.
pub(super) fn objects(values: &str, flags: &[&str]) -> Vec<Value> {
    objects_of(&chart(), values, flags)
}

/// Why Helm refuses.
pub(super) fn refused(values: &str, flags: &[&str]) -> String {
    let output = helm(&["template", "cx"], values, flags);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success(), "{values} {flags:?} was rendered");
    said
}

/// What kubeconform says about resources, in strict mode: a kind without a schema is an error too.
pub(super) fn kubeconform(resources: &str) -> (bool, String) {
    let schemas = tool("CX_KUBERNETES_SCHEMAS") + "/{{.ResourceKind}}{{.KindSuffix}}.json";
    let mut check = Command::new(tool("CX_KUBECONFORM"))
        .args(["-strict", "-summary", "-output", "json", "-schema-location", &schemas])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = check.stdin.take().unwrap();
    let resources = resources.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(resources.as_bytes()));
    let said = check.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    let text = [said.stdout, said.stderr].concat();
    (said.status.success(), String::from_utf8(text).unwrap())
}

/// Checks resources, and gives how many were valid.
pub(super) fn valid(resources: &str) -> u64 {
    let (is_valid, said) = kubeconform(resources);
    assert!(is_valid, "{said}");
    let summary: Value = serde_json::from_str(&said).unwrap();
    let count = |name: &str| summary["summary"][name].as_u64().unwrap();
    assert_eq!((count("invalid"), count("errors"), count("skipped")), (0, 0, 0), "{said}");
    count("valid")
}
