//! All processors with their topics, as the program runs them.

use engine::{InnerTopics, StateForm, Topology};

/// The topics of each processor.
pub const WRITES: [(&str, &[&str]); 11] = [
    ("admission", &[]),
    ("correlate", &[]),
    ("activities", &["cx.activities"]),
    ("timelines", &["cx.timelines"]),
    ("conversations", &["cx.conversations"]),
    ("customers", &["cx.customers"]),
    ("agents", &["cx.agents"]),
    ("metrics", &["cx.metrics"]),
    ("audit", &["cx.audit"]),
    ("bot-training", &["cx.bot-training"]),
    ("alerts", &["cx.alerts"]),
];

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
/// The table above does not match the processors, so the test fails.
#[must_use]
pub fn topology_with(settings: &folds::Settings) -> Topology {
    let mut topology = Topology::new(INNER);
    topology.set_state_form(StateForm::new(folds::STATE_FORMAT));
    topology.set_agent_states(vec![AGENT_STATES.to_owned()]);
    for (name, writes) in WRITES {
        let processor = folds::by_name(name, settings);
        let added = processor.map(|processor| topology.add(processor, writes));
        assert_eq!(added, Some(Ok(())), "the table fits the processors");
    }
    assert!(WRITES.map(|(name, _)| name) == folds::NAMES, "the table has all processors");
    topology
}
