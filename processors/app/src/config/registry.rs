// SPDX-License-Identifier: Apache-2.0

//! The part of the file that says where the schema registry is.

use std::path::PathBuf;

use avro::SubjectStrategy;
use serde_json::Value;

use super::tree::{Errors, Node, kind};
use super::{Format, ProcessorSpec, Role, Topic, TopicName};
use crate::products;

/// Where the schema registry is, and how it is used. Who we are is no matter of this file: see `formats::credentials`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrySpec {
    /// Its addresses; never empty.
    pub urls: Vec<String>,
    /// How subjects are called.
    pub subjects: SubjectStrategy,
    /// Whether schemas that are missing there are registered.
    pub register: bool,
    /// The certificates of those whom we trust; none: those whom the system trusts.
    pub ca_file: Option<PathBuf>,
    /// The file with user and password, or the token.
    pub credentials_file: Option<PathBuf>,
}

/// Reads the section. `flag` is what the command line says in place of `url`.
pub(super) fn registry(
    value: Option<&Value>,
    flag: Option<&str>,
    errors: &mut Errors,
) -> Option<RegistrySpec> {
    const PLACE: &str = "schema_registry";
    let empty = Value::Object(serde_json::Map::new());
    let mut node = Node::new(PLACE, value.unwrap_or(&empty), errors);
    let mut urls = urls(&mut node, errors);
    if let Some(flag) = flag {
        urls = flag.split(',').map(|url| url.trim().to_owned()).collect();
    }
    for url in &urls {
        if let Err(problem) = check_url(url) {
            let place = if flag.is_some() { "--schema-registry" } else { "schema_registry.url" };
            errors.add(place, problem);
        }
    }
    let subjects = node.text("subjects", errors).and_then(|word| {
        let found = SubjectStrategy::from_name(word);
        if found.is_none() {
            let all: Vec<&str> = SubjectStrategy::ALL.iter().map(|strategy| strategy.as_str()).collect();
            errors.add(&node.place("subjects"), format_args!("{word:?} is none of: {}", all.join(", ")));
        }
        found
    });
    let register = flag_of(&mut node, "register", errors).unwrap_or(true);
    let ca_file = node.text("ca_file", errors).map(PathBuf::from);
    let credentials_file = node.text("credentials_file", errors).map(PathBuf::from);
    node.finish(errors);
    if urls.is_empty() {
        return None;
    }
    let subjects = subjects.unwrap_or_default();
    Some(RegistrySpec { urls, subjects, register, ca_file, credentials_file })
}

fn flag_of(node: &mut Node<'_>, key: &'static str, errors: &mut Errors) -> Option<bool> {
    let value = node.get(key)?;
    let flag = value.as_bool();
    if flag.is_none() {
        errors.add(&node.place(key), format_args!("expected true or false, found {}", kind(value)));
    }
    flag
}

/// One address, or a list of them.
fn urls(node: &mut Node<'_>, errors: &mut Errors) -> Vec<String> {
    match node.get("url") {
        Some(Value::Array(_)) => node.texts("url", errors),
        _ => node.text("url", errors).map(str::to_owned).into_iter().collect(),
    }
}

fn check_url(url: &str) -> Result<(), &'static str> {
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    let host = rest.map(|rest| rest.split('/').next().unwrap_or_default());
    match host {
        None | Some("") => {
            Err("write an address as http://HOST:PORT or https://HOST, with the path of the API, \
                                as http://127.0.0.1:8080/apis/ccompat/v7")
        }
        // The address is shown in logs.
        Some(host) if host.contains('@') => {
            Err("holds a user or a password: put them into the environment, or into a `credentials_file`")
        }
        Some(_) => Ok(()),
    }
}

/// What of the topics cannot be Avro.
pub(super) fn check(
    topics: &[Topic],
    processors: &[ProcessorSpec],
    registry: Option<&RegistrySpec>,
    errors: &mut Errors,
) {
    let avro = topics.iter().enumerate().filter(|(_, topic)| topic.format == Format::Avro);
    for (index, topic) in avro {
        let place = format!("topics[{index}].format");
        if !matches!(topic.role, Role::Input | Role::AgentStates | Role::Output) {
            errors
                .add(&place, "only inputs and outputs can be avro; the records of this role are as they are");
        } else if registry.is_none() {
            errors.add(
                &place,
                "avro needs a schema registry: name its `url` under `schema_registry`, or give --schema-registry",
            );
        }
        let TopicName::Exact(name) = &topic.name else { continue };
        let writers: Vec<&str> = processors
            .iter()
            .filter(|spec| spec.writes.contains(name) && products::schema_of(&spec.name).is_some())
            .map(|spec| spec.name.as_str())
            .collect();
        if let [first, second, ..] = writers.as_slice() {
            errors.add(
                &place,
                format_args!(
                    "{first} and {second} both write {name}, and a topic of avro has records of one schema: give each its own"
                ),
            );
        }
    }
}
