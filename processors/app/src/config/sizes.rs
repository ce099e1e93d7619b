// SPDX-License-Identifier: Apache-2.0

//! Whether the topics take what is written to them: how large a record can be follows from the limits ([`folds::sizes`]).

use folds::sizes::{self, Sizes};

use super::tree::Errors;
use super::{Config, ProcessorSpec, Role, Topic};

/// What a topic takes where nothing is said.
const DEFAULT_BYTES: u64 = 1_048_588;
/// Many short records go to a broker together, up to so many bytes: what the client does by default, and what is around them.
const BATCH_BYTES: u64 = 1_000_512;
const SETTING: &str = "max.message.bytes";

impl Config {
    /// How large the records can be that are written to a topic, in bytes; `None` of one that is only read. A topic that takes
    /// less would stop the pipeline; one of dead letters leaves out their values (contract section 8).
    #[must_use]
    pub fn needed_bytes(&self, topic: &Topic) -> Option<u64> {
        let sizes = sizes(self.limits.value_bytes_max, self.folds.activity_bytes);
        needed(topic, &self.processors, sizes)
    }
}

/// What the sizes of records depend on.
pub(super) fn sizes(value_bytes_max: usize, activity_bytes: u64) -> Sizes {
    Sizes { value: value_bytes_max as u64, activity: activity_bytes }
}

fn needed(topic: &Topic, processors: &[ProcessorSpec], sizes: Sizes) -> Option<u64> {
    let bytes = match topic.role {
        Role::Input | Role::AgentStates | Role::Erasures => return None,
        Role::Output => {
            let name = topic.exact()?;
            let writers = processors.iter().filter(|processor| processor.writes.iter().any(|to| to == name));
            writers.filter_map(|processor| sizes::output_bytes(&processor.name, sizes)).max()?
        }
        Role::Changelog => sizes::changelog_bytes(sizes),
        Role::Repartition => sizes::repartition_bytes(sizes),
        // Value, key and headers of an input record.
        Role::DeadLetters => sizes::dead_letter_bytes(2 * sizes.value),
    };
    Some(bytes.max(BATCH_BYTES))
}

/// Refuses topics that are declared to take less than is written, and limits with which records are larger than the client sends.
pub(super) fn check(topics: &[Topic], processors: &[ProcessorSpec], sizes: Sizes, errors: &mut Errors) {
    let client = edge::RECORD_BYTES_MAX as u64;
    for (index, topic) in topics.iter().enumerate() {
        // A dead letter that is too large loses its value, and nothing stops.
        let Some(needed) = needed(topic, processors, sizes).filter(|_| topic.role != Role::DeadLetters)
        else {
            continue;
        };
        let place = format!("topics[{index}] ({})", topic.name);
        let limits = "lower limits.value or limits.activity";
        if needed > client {
            let problem = format!(
                "with these limits a record of it can have {needed} bytes, and the client sends {client} at most: {limits}"
            );
            errors.add(&place, problem);
            continue;
        }
        let declared = topic.settings.get(SETTING).map_or(Ok(DEFAULT_BYTES), |text| text.parse());
        if declared.is_ok_and(|declared| declared < needed) {
            let problem = format!(
                "with these limits a record of it can have {needed} bytes, and the topic would not take it: write settings: \
                 {SETTING}: {needed} or more, or {limits}"
            );
            errors.add(&place, problem);
        }
    }
}
