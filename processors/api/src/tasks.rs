// SPDX-License-Identifier: Apache-2.0

//! The tasks of this instance, and the group's instances.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::State;
use engine::Phase;
use serde::Serialize;

use crate::Api;
use crate::answers::{Answer, Json};
use crate::params::{NoParams, Params};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Tasks {
    instance: String,
    partitions: Option<i32>,
    tasks: Vec<Task>,
    instances: Vec<Instance>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Task {
    partition: i32,
    worker: String,
    phase: &'static str,
    state_records: u64,
    state_bytes: u64,
    lag: BTreeMap<String, i64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Instance {
    name: String,
    url: Option<String>,
    partitions: BTreeSet<i32>,
    is_this: bool,
}

/// `/api/tasks`
pub(crate) async fn all(State(api): State<Api>, _: Params<NoParams>) -> Answer {
    let queries = &api.sources.queries;
    let tasks = queries.tasks().into_iter().map(|task| Task {
        partition: task.partition,
        worker: task.worker,
        phase: word(task.phase),
        state_records: task.records,
        state_bytes: task.bytes,
        lag: task.lags,
    });
    let instances = api.sources.peers.all().into_iter().map(|instance| Instance {
        is_this: instance.name == api.options.instance,
        name: instance.name,
        url: instance.url,
        partitions: instance.partitions,
    });
    Ok(Json::of(&Tasks {
        instance: api.options.instance.clone(),
        partitions: queries.partitions(),
        tasks: tasks.collect(),
        instances: instances.collect(),
    }))
}

fn word(phase: Phase) -> &'static str {
    match phase {
        Phase::Created => "created",
        Phase::Restoring => "restoring",
        Phase::Running => "running",
    }
}
