// SPDX-License-Identifier: Apache-2.0

//! All processors with their topics, as the program runs them.

use engine::{InnerTopics, StateForm, Topology};

/// Each processor with the topics that it writes in the topics.yaml that is shipped.
#[must_use]
pub fn writes() -> Vec<(&'static str, Vec<&'static str>)> {
    let topics =
        |name| folds::products().filter(move |(writer, _)| *writer == name).map(|(_, product)| product.topic);
    folds::NAMES.into_iter().map(|name| (name, topics(name).collect())).collect()
}

/// The topics that every topology needs.
pub const INNER: InnerTopics<'static> = InnerTopics {
    dead_letters: "cx.dead-letters",
    changelog: "changelog",
    repartition: "repartition",
    erasures: Some("cx.erasures"),
};

/// The topic of agents' states.
pub const AGENT_STATES: &str = "cx.agent-states";

/// The topology of all processors with default settings.
#[must_use]
pub fn topology() -> Topology {
    topology_with(&folds::Settings::default())
}

/// The topology of all processors, with these settings.
///
/// # Panics
/// The processors do not fit each other, so the test fails.
#[must_use]
pub fn topology_with(settings: &folds::Settings) -> Topology {
    let mut topology = Topology::new(INNER);
    topology.set_state_form(StateForm::new(folds::STATE_FORMAT));
    topology.set_agent_states(vec![AGENT_STATES.to_owned()]);
    for (name, writes) in writes() {
        let processor = folds::by_name(name, settings);
        let added = processor.map(|processor| topology.add(processor, &writes));
        assert_eq!(added, Some(Ok(())), "each comes after those it follows");
    }
    topology
}
