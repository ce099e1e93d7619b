// SPDX-License-Identifier: Apache-2.0

//! The state of the group, restored from its changelog into a temporary folder and read there.

use std::ops::ControlFlow;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use disk::{Budget, Home, Stamp};
use engine::{Phase, Place, Task, Topology};
use folds::explain::{Contribution, contributions, contributions_of_agent, places_of_agent};
use folds::look::{self, Found};
use rdkafka::Message;
use rdkafka::metadata::Metadata;

use crate::config::{Config, Role};
use crate::exit::Failure;
use crate::kafka;
use crate::kafka::reader::{Reader, Span};
use crate::wiring;

/// Memory for the restored state; the rest of it is in the temporary folder.
const MEMORY_BYTES: u64 = 64 << 20;
/// Number of conversations listed at once.
const LISTED_MAX: usize = 1_024;

/// Source of contributions.
#[derive(Debug, Clone, Copy)]
pub(super) enum Subject<'w> {
    /// The conversation with this id.
    Conversation(&'w str),
    /// The states of the agent with this id.
    Agent(&'w str),
}

/// Receives contributions.
pub(super) type Visit<'v> = dyn FnMut(Subject<'_>, &[Contribution]) -> anyhow::Result<()> + 'v;

/// The partitions of the changelog up to their end offsets.
pub(super) struct Restored {
    spans: Vec<Span>,
}

impl Restored {
    /// # Errors
    /// There is no changelog, or the cluster does not answer.
    pub(super) fn spans(reader: &Reader, metadata: &Metadata, config: &Config) -> Result<Self, Failure> {
        let topic = config.name_of(Role::Changelog);
        let partitions = kafka::partitions(metadata, topic)
            .with_context(|| format!("there is no topic {topic}: does the group have this name (--group)?"))
            .map_err(Failure::usage)?;
        let spans = (0..partitions).map(|partition| reader.span(topic, partition));
        Ok(Self { spans: spans.collect::<anyhow::Result<_>>()? })
    }

    /// Passes the contributions of each conversation, and of each agent's states, to `visit`, one partition after the other.
    ///
    /// # Errors
    /// The changelog or the restored state cannot be read, or `visit` fails.
    pub(super) fn each(
        &self,
        reader: &Reader,
        config: &Config,
        agent: Option<&str>,
        visit: &mut Visit<'_>,
    ) -> Result<(), Failure> {
        let topology = Arc::new(wiring::topology(config, &[]).map_err(Failure::usage)?);
        let folder = tempfile::tempdir().context("there is no temporary folder for the state")?;
        let home = Home::open(folder.path(), Budget { memory_bytes: MEMORY_BYTES })
            .context("the temporary folder cannot be used")?;
        for span in &self.spans {
            let task = self.restore(reader, (&topology, config), &home, span)?;
            each_conversation(&task, config, visit)?;
            if let Some(agent) = agent {
                let found = found(&task, &places_of_agent(agent))?;
                let states = contributions_of_agent(agent, &found, &config.folds);
                visit(Subject::Agent(agent), &states.map_err(|error| anyhow!(error))?)?;
            }
        }
        Ok(())
    }

    fn restore(
        &self,
        reader: &Reader,
        (topology, config): (&Arc<Topology>, &Config),
        home: &Home,
        span: &Span,
    ) -> Result<Task, Failure> {
        let (store, _) =
            home.store(span.partition, &Stamp::default()).context("the temporary folder cannot be used")?;
        let partitions = i32::try_from(self.spans.len()).unwrap_or(i32::MAX);
        let (topology, limits) = (Arc::clone(topology), config.limits.clone());
        let mut task = Task::new(span.partition, partitions, topology, limits, Box::new(store));
        task.become_phase(Phase::Restoring);
        reader.read(std::slice::from_ref(span), &mut |message| {
            let key = message.key().unwrap_or_default();
            task.restore(message.offset(), key, message.payload()).map_err(|error| anyhow!(error))
        })?;
        // This checks the format of the state: another version is rejected with instructions.
        task.restored(span.end).map_err(|error| anyhow!(error))?;
        Ok(task)
    }
}

fn each_conversation(task: &Task, config: &Config, visit: &mut Visit<'_>) -> anyhow::Result<()> {
    let all = look::all_standing();
    let mut from = all.clone();
    loop {
        let (ids, next) = listed(task, &all, &from)?;
        for id in &ids {
            let found = found(task, &look::places_of(id))?;
            visit(Subject::Conversation(id), &contributions(id, &found, &config.folds)?)?;
        }
        match next {
            Some(next) => from = next,
            None => return Ok(()),
        }
    }
}

/// Conversation ids from a key on, and the key to continue from; `None` after the last ones.
fn listed(task: &Task, all: &[u8], from: &[u8]) -> anyhow::Result<(Vec<String>, Option<Vec<u8>>)> {
    let (mut ids, mut next) = (Vec::new(), None);
    task.look(&Place::Under(all.to_vec()), from, &mut |key, _| {
        if ids.len() == LISTED_MAX {
            next = Some(key.to_vec());
            return ControlFlow::Break(());
        }
        ids.extend(look::standing_of(key));
        ControlFlow::Continue(())
    })?;
    Ok((ids, next))
}

fn found(task: &Task, places: &[Place]) -> anyhow::Result<Found> {
    let mut found = Found::new();
    for place in places {
        task.look(place, place.first(), &mut |key, value| {
            found.insert(key.to_vec(), value.to_vec());
            ControlFlow::Continue(())
        })?;
    }
    Ok(found)
}
