// SPDX-License-Identifier: Apache-2.0

//! What all workers of a pipeline share.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use driver::{TopicKind, TopicKinds};
use engine::Topology;
use model::Limits;

use crate::consumed::Consumed;
use crate::health::Health;
use crate::metrics::Metrics;
use crate::peers::Peers;
use crate::producer::OutputTopics;
use crate::queries::InteractiveQueries;
use crate::schemas::Schemas;
use crate::settings::Settings;
use crate::stop::Stop;
use crate::stores::Stores;

/// Maps a topic to its conversation.
type ConversationOf = dyn Fn(&str) -> Option<String> + Send + Sync;

/// The conversation topics, and the topic of erasure requests.
#[derive(Clone)]
pub struct Patterns {
    /// Subscriptions in the client's pattern syntax. They may match more topics.
    pub subscriptions: Vec<String>,
    /// The conversation of a topic; `None` for a topic without one.
    pub conversation_of: Arc<ConversationOf>,
    /// The topic of erasure requests, if there is one.
    pub erasures: Option<String>,
}

/// What all workers of a pipeline share.
#[derive(Clone)]
pub struct Shared {
    /// How to connect to the cluster.
    pub settings: Settings,
    /// The processors.
    pub topology: Arc<Topology>,
    /// Limits on input.
    pub limits: Limits,
    /// The state stores.
    pub stores: Stores,
    /// The input topics with the partitions of the state.
    pub inputs: Vec<String>,
    /// Input topics of one conversation each.
    pub patterns: Patterns,
    /// The partition count of the input, and so of the repartition topic and the changelog.
    pub partitions: i32,
    /// The output topics, in the order of the topology.
    pub outputs: OutputTopics,
    /// Writer schemas.
    pub schemas: Schemas,
    /// Where to count.
    pub metrics: Metrics,
    /// Readiness and liveness.
    pub health: Health,
    /// The stop request.
    pub stop: Stop,
    /// Interactive queries; `None` when they are disabled.
    pub queries: Option<InteractiveQueries>,
    /// The other instances of the group; `None` when interactive queries are disabled.
    pub peers: Option<Peers>,
    /// The consumed positions of the repartition topic; `None` when consumed records are not deleted.
    pub consumed: Option<Consumed>,
    /// How many workers have made their last commit and only have to leave the group.
    pub leaving: Arc<AtomicUsize>,
}

impl Shared {
    /// The topic label in metrics. Conversation topics share the label of their pattern.
    pub(crate) fn counted_as<'s>(&'s self, topic: &'s str) -> &'s str {
        let is_input = self.inputs.iter().any(|input| input == topic);
        let is_events = !is_input && (self.patterns.conversation_of)(topic).is_some();
        let pattern = self.patterns.subscriptions.first();
        pattern.filter(|_| is_events).map_or(topic, String::as_str)
    }

    /// The topic labels of everything that is read.
    pub(crate) fn read_as(&self) -> impl Iterator<Item = &str> {
        let Self { inputs, patterns, topology, .. } = self;
        let own = inputs.iter().chain(patterns.subscriptions.first()).chain(&patterns.erasures);
        let own = own.chain(topology.agent_states());
        let inner = [topology.repartition(), topology.changelog()].map(|topic| topology.name(topic));
        own.map(String::as_str).chain(inner)
    }

    /// The subscription.
    pub(crate) fn subscription(&self) -> Vec<&str> {
        let Self { inputs, patterns, topology, .. } = self;
        let all = inputs.iter().chain(&patterns.subscriptions).chain(&patterns.erasures);
        all.chain(topology.agent_states()).map(String::as_str).collect()
    }

    /// Maps a topic of the subscription to its content.
    pub(crate) fn kinds(&self) -> TopicKinds {
        let (inputs, patterns) = (self.inputs.clone(), self.patterns.clone());
        let topology = Arc::clone(&self.topology);
        Arc::new(move |topic| {
            if inputs.iter().any(|input| input == topic) {
                TopicKind::Input
            } else if patterns.erasures.as_deref() == Some(topic) {
                TopicKind::Erasures
            } else if topology.is_agent_states(topic) {
                TopicKind::AgentStates
            } else {
                (patterns.conversation_of)(topic).map_or(TopicKind::Other, TopicKind::Conversation)
            }
        })
    }
}
