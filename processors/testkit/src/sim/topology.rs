// SPDX-License-Identifier: Apache-2.0

//! The topics of a run, named only here.

use std::sync::Arc;

use engine::{StateForm, Topology};
use model::Decode;

use folds::alerts::AlertSettings;

use super::schemas::Schemas;
use crate::topology::{AGENT_STATES, INNER, topology_with};

/// The input topic that is partitioned.
pub(super) const INPUT: &str = "cx.events";
/// The output whose emissions are counted.
pub(super) const AUDIT: &str = "cx.audit";
/// The output with a count of changes that may differ.
pub(super) const METRICS: &str = "cx.metrics";
/// The output whose revisions never decrease. (A window that was empty for a moment begins again.)
pub(super) const GROWING: &str = "cx.conversations";
const CONVERSATION_PREFIX: &str = "cx.conversation.";

/// All processors. Timeouts are short enough that many end within the seconds of the events, and many do not.
pub(super) fn topology() -> Topology {
    let alerts = AlertSettings {
        customer_inactive_ms: Some(2_000),
        agent_response_ms: Some(3_000),
        queue_wait_ms: Some(2_000),
        left_open_ms: Some(1_000),
        grace_ms: 500,
        ..AlertSettings::default()
    };
    topology_with(&folds::Settings { alerts, ..folds::Settings::default() })
}

/// All topics of a run, by number: the topology's, the input, erasure requests, agents' states, then conversation topics.
#[derive(Clone)]
pub(super) struct Topics {
    pub(super) topology: Arc<Topology>,
    /// The same for a program with another state format.
    pub(super) of_another_form: Arc<Topology>,
    pub(super) schemas: Arc<Schemas>,
    names: Vec<String>,
    pub(super) partitions: i32,
    pub(super) input: usize,
}

impl Topics {
    /// With a topic for each of these conversations.
    pub(super) fn new(partitions: i32, conversations: &[String]) -> Self {
        let schemas = Arc::new(Schemas::default());
        let decoding = |mut topology: Topology| {
            topology.set_decoder(Arc::clone(&schemas) as Arc<dyn Decode>);
            topology
        };
        let mut of_another_form = decoding(topology());
        of_another_form.set_state_form(StateForm::new(folds::STATE_FORMAT + 1));
        let of_another_form = Arc::new(of_another_form);
        let topology = Arc::new(decoding(topology()));
        let mut names = topology.topics().to_vec();
        let input = names.len();
        names.push(INPUT.to_owned());
        names.extend(INNER.erasures.map(str::to_owned));
        names.push(AGENT_STATES.to_owned());
        names.extend(conversations.iter().map(|id| format!("{CONVERSATION_PREFIX}{id}")));
        Self { topology, of_another_form, schemas, names, partitions, input }
    }

    pub(super) fn name(&self, topic: usize) -> &str {
        self.names.get(topic).map_or("", String::as_str)
    }

    pub(super) fn number(&self, name: &str) -> usize {
        self.names.iter().position(|other| other == name).unwrap_or(usize::MAX)
    }

    pub(super) fn repartition(&self) -> usize {
        self.topology.repartition().index()
    }

    pub(super) fn changelog(&self) -> usize {
        self.topology.changelog().index()
    }

    pub(super) fn dead_letters(&self) -> usize {
        self.topology.dead_letters().index()
    }

    pub(super) fn erasures(&self) -> usize {
        self.input + 1
    }

    pub(super) fn agent_states(&self) -> usize {
        self.input + 2
    }

    /// The numbers of conversation topics.
    pub(super) fn of_conversations(&self) -> std::ops::Range<usize> {
        self.input + 3..self.names.len()
    }

    /// The numbers of unaligned topics, with one partition each.
    pub(super) fn unaligned(&self) -> std::ops::Range<usize> {
        self.input + 1..self.names.len()
    }

    /// The conversation of a topic.
    pub(super) fn conversation_of(&self, topic: usize) -> Option<&str> {
        self.name(topic).strip_prefix(CONVERSATION_PREFIX)
    }

    /// The outputs, without input and inner topics.
    pub(super) fn outputs(&self) -> impl Iterator<Item = usize> {
        let inner = [self.repartition(), self.changelog(), self.dead_letters()];
        (0..self.input).filter(move |topic| !inner.contains(topic))
    }
}
