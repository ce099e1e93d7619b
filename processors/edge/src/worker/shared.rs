//! What all workers of a pipeline have in common.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use driver::{TopicKind, TopicKinds};
use engine::Topology;
use model::Limits;

use crate::consumed::Consumed;
use crate::desk::Desk;
use crate::health::Health;
use crate::metrics::Metrics;
use crate::peers::Peers;
use crate::producer::OutputTopics;
use crate::schemas::Schemas;
use crate::settings::Settings;
use crate::stop::Stop;
use crate::stores::Stores;

/// Finds the conversation that a topic belongs to.
type ConversationOf = dyn Fn(&str) -> Option<String> + Send + Sync;

/// Which topics belong to one conversation each, and which holds requests to erase.
#[derive(Clone)]
pub struct Patterns {
    /// What to subscribe to, as the client writes patterns. They may match more.
    pub subscriptions: Vec<String>,
    /// The conversation of a topic; `None` for one that belongs to no conversation.
    pub conversation_of: Arc<ConversationOf>,
    /// Where requests to erase come from, if anywhere.
    pub erasures: Option<String>,
}

/// What all workers of a pipeline have in common.
#[derive(Clone)]
pub struct Shared {
    /// How to reach the cluster.
    pub settings: Settings,
    /// The processors.
    pub topology: Arc<Topology>,
    /// Limits on input.
    pub limits: Limits,
    /// Where state lies.
    pub stores: Stores,
    /// The input topics that are partitioned like the state.
    pub inputs: Vec<String>,
    /// Input topics of one conversation each.
    pub patterns: Patterns,
    /// How many partitions the input has, and so the repartition topic and the changelog.
    pub partitions: i32,
    /// The output topics, in the order of the topology.
    pub outputs: OutputTopics,
    /// Schemas that records were written with.
    pub schemas: Schemas,
    /// Where to count.
    pub metrics: Metrics,
    /// Where to report readiness.
    pub health: Health,
    /// When to stop.
    pub stop: Stop,
    /// Interactive queries; `None` when they are disabled.
    pub desk: Option<Desk>,
    /// The other instances of the group; `None` when interactive queries are disabled.
    pub peers: Option<Peers>,
    /// How far the repartition topic is consumed; `None` when consumed records are not deleted.
    pub consumed: Option<Consumed>,
    /// How many workers have committed their last transaction and only have to leave the group.
    pub leaving: Arc<AtomicUsize>,
}

impl Shared {
    /// What a topic is counted under: a topic of one conversation under the pattern of all of them.
    pub(super) fn counted_as<'s>(&'s self, topic: &'s str) -> &'s str {
        let is_input = self.inputs.iter().any(|input| input == topic);
        let is_events = !is_input && (self.patterns.conversation_of)(topic).is_some();
        let pattern = self.patterns.subscriptions.first();
        pattern.filter(|_| is_events).map_or(topic, String::as_str)
    }

    /// The names that all that is read is counted under.
    pub(crate) fn read_as(&self) -> impl Iterator<Item = &str> {
        let Self { inputs, patterns, topology, .. } = self;
        let own = inputs.iter().chain(patterns.subscriptions.first()).chain(&patterns.erasures);
        let inner = [topology.repartition(), topology.changelog()].map(|topic| topology.name(topic));
        own.map(String::as_str).chain(inner)
    }

    /// All that is subscribed to.
    pub(super) fn subscription(&self) -> Vec<&str> {
        let Self { inputs, patterns, .. } = self;
        let all = inputs.iter().chain(&patterns.subscriptions).chain(&patterns.erasures);
        all.map(String::as_str).collect()
    }

    /// Tells what a topic of the subscription holds.
    pub(super) fn kinds(&self) -> TopicKinds {
        let (inputs, patterns) = (self.inputs.clone(), self.patterns.clone());
        Arc::new(move |topic| {
            if inputs.iter().any(|input| input == topic) {
                TopicKind::Input
            } else if patterns.erasures.as_deref() == Some(topic) {
                TopicKind::Erasures
            } else {
                (patterns.conversation_of)(topic).map_or(TopicKind::Other, TopicKind::Conversation)
            }
        })
    }
}
