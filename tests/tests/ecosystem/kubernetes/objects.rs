// SPDX-License-Identifier: Apache-2.0

//! Looks into rendered objects.

use serde_json::Value;

/// The only object of this kind and, where there are several, of this name.
pub(super) fn one<'o>(objects: &'o [Value], kind: &str, name: &str) -> &'o Value {
    let mut found =
        objects.iter().filter(|object| object["kind"] == kind && object["metadata"]["name"] == name);
    let first = found.next().unwrap_or_else(|| panic!("there is no {kind} {name}"));
    assert!(found.next().is_none(), "there are several {kind}s {name}");
    first
}

pub(super) fn of_kind<'o>(objects: &'o [Value], kind: &str) -> Vec<&'o Value> {
    objects.iter().filter(|object| object["kind"] == kind).collect()
}

/// Pods of all kinds: their metadata and spec.
pub(super) fn pods(objects: &[Value]) -> Vec<&Value> {
    let pod = |object| match kind(object) {
        "StatefulSet" | "Job" => Some(&object["spec"]["template"]),
        "Pod" => Some(object),
        _ => None,
    };
    objects.iter().filter_map(pod).collect()
}

fn kind(object: &Value) -> &str {
    object["kind"].as_str().unwrap()
}

/// The one container of a pod.
pub(super) fn container(pod: &Value) -> &Value {
    let [container] = &pod["spec"]["containers"].as_array().unwrap()[..] else { panic!("{pod}") };
    container
}

pub(super) fn words(value: &Value) -> Vec<&str> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .map(|word| word.as_str().unwrap_or_else(|| panic!("{word}")))
        .collect()
}

/// The container's environment: name and entry.
pub(super) fn environment(container: &Value) -> Vec<(&str, &Value)> {
    let all = container["env"].as_array().unwrap();
    all.iter().map(|entry| (entry["name"].as_str().unwrap(), entry)).collect()
}

/// The value of a variable that has one.
pub(super) fn variable<'c>(container: &'c Value, name: &str) -> Option<&'c str> {
    environment(container).into_iter().find(|(its, _)| *its == name)?.1["value"].as_str()
}

/// Whether an object's labels have all of a selector's.
pub(super) fn selects(selector: &Value, labels: &Value) -> bool {
    let selector = selector.as_object().unwrap();
    assert!(!selector.is_empty(), "an empty selector selects everything");
    selector.iter().all(|(name, value)| labels[name] == *value)
}
