// SPDX-License-Identifier: Apache-2.0

//! The resources as Strimzi's custom resource definitions have them.

use std::collections::BTreeMap;

use serde::Serialize;

/// Of Strimzi 0.49 and later.
const API_VERSION: &str = "kafka.strimzi.io/v1";

/// Any of them.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Resource<S> {
    api_version: &'static str,
    kind: &'static str,
    metadata: Metadata,
    spec: S,
}

#[derive(Debug, Serialize)]
struct Metadata {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<String>,
    labels: BTreeMap<&'static str, String>,
}

impl<S> Resource<S> {
    pub(super) fn new(
        kind: &'static str,
        name: String,
        (namespace, cluster): (Option<&str>, &str),
        spec: S,
    ) -> Self {
        let labels = BTreeMap::from([("strimzi.io/cluster", cluster.to_owned())]);
        let metadata = Metadata { name, namespace: namespace.map(str::to_owned), labels };
        Self { api_version: API_VERSION, kind, metadata, spec }
    }
}

/// One of the kinds that we write.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Document {
    Topic(Resource<TopicSpec>),
    User(Resource<UserSpec>),
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TopicSpec {
    /// Where the resource has another name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) topic_name: Option<String>,
    pub(super) partitions: i32,
    /// Where it is not the brokers' default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) replicas: Option<i32>,
    pub(super) config: BTreeMap<String, Setting>,
}

/// A setting of a topic; numbers are written as such.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Setting {
    Number(i64),
    Text(String),
}

#[derive(Debug, Serialize)]
pub(super) struct UserSpec {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) authentication: Option<Type>,
    pub(super) authorization: Authorization,
}

#[derive(Debug, Serialize)]
pub(super) struct Type {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
}

#[derive(Debug, Serialize)]
pub(super) struct Authorization {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) acls: Vec<Acl>,
}

#[derive(Debug, Serialize)]
pub(super) struct Acl {
    pub(super) resource: AclResource,
    pub(super) operations: Vec<&'static str>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AclResource {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) name: String,
    pub(super) pattern_type: &'static str,
}
