// SPDX-License-Identifier: Apache-2.0

//! Folds the selected records with the task of `run` and `fold`, on temporary in-memory state.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context;
use engine::{MemoryStore, OutputRecord, Phase, Sink, SinkError, Task, TopicId, Topology};

use super::selection::SelectedRecord;
use crate::clock::now_ms;
use crate::config::Config;
use crate::render::{Conversation, Products};

/// Folds the records in order and returns the resulting conversation. Nothing expires.
///
/// # Errors
/// The task fails: a defect of the program.
pub fn refold(
    topology: Topology,
    config: &Config,
    conversation: &str,
    records: &[SelectedRecord],
) -> anyhow::Result<Conversation> {
    let topology = Arc::new(topology);
    let store = Box::new(MemoryStore::default());
    // A single partition owns all keys, so nothing is repartitioned.
    let mut task = Task::new(0, 1, Arc::clone(&topology), config.limits.clone(), store);
    task.become_phase(Phase::Restoring);
    task.become_phase(Phase::Running);
    let mut finals = Finals::default();
    for kept in records {
        task.process(&kept.record(), now_ms())?;
        if task.staged_bytes() >= config.commit.bytes_max {
            commit(&mut task, &mut finals)?;
        }
    }
    commit(&mut task, &mut finals)?;

    let products = Products::of(config);
    let mut found = Conversation::new(conversation);
    for ((topic, key), value) in &finals.0 {
        if let Some(product) = products.product(topology.name(*topic)) {
            found.take(product, key, value.as_deref())?;
        }
    }
    Ok(found)
}

fn commit(task: &mut Task, finals: &mut Finals) -> anyhow::Result<()> {
    task.prepare(finals).context("the events cannot be folded")?;
    task.committed(None)?;
    Ok(())
}

/// The last record of every key.
#[derive(Default)]
struct Finals(BTreeMap<(TopicId, Vec<u8>), Option<Vec<u8>>>);

impl Sink for Finals {
    fn send(&mut self, record: OutputRecord<'_>) -> Result<(), SinkError> {
        let key = (record.topic, record.key.unwrap_or_default().to_owned());
        self.0.insert(key, record.value.map(<[u8]>::to_owned));
        Ok(())
    }
}
