// SPDX-License-Identifier: Apache-2.0

//! What consumers see in the end against what `fold` gives for the same events.

use std::collections::BTreeMap;

use crate::{DEAD_LETTERS, OUTPUTS, await_finished, consume, differences, fold, of_lines};

/// What was compared.
pub(super) struct Compared {
    pub(super) records: BTreeMap<String, usize>,
    pub(super) dead_letters: usize,
}

/// Panics with the first differences, if there are any.
pub(super) fn check(bootstrap: &str, group: &str, sent: &[String]) -> Compared {
    let own = [format!("{group}-changelog"), format!("{group}-repartition")];
    await_finished(bootstrap, &own.each_ref().map(String::as_str));
    let expected = of_lines(&fold(sent.join("\n").as_bytes()));
    assert!(expected.finals.len() > sent.len() / 4, "the input is no input: {}", expected.finals.len());
    let consumed = consume(bootstrap, &OUTPUTS);
    let found = differences(&expected, &consumed.records);
    let first = found[..found.len().min(5)].join("\n");
    assert!(found.is_empty(), "{} differences, the first:\n{first}", found.len());
    let doubled: Vec<_> = consumed.letters.iter().filter(|(_, count)| **count > 1).collect();
    assert!(doubled.is_empty(), "dead-lettered more than once: {doubled:?}");
    assert_eq!(consumed.without_headers, 0, "every output record has its headers");
    let mut records: BTreeMap<String, usize> = BTreeMap::new();
    for (topic, _) in expected.finals.keys() {
        *records.entry(topic.clone()).or_default() += 1;
    }
    // No agents' states are sent.
    for topic in OUTPUTS.iter().filter(|topic| ![DEAD_LETTERS, "cx.agents"].contains(topic)) {
        assert!(records.contains_key(*topic), "nothing was written to {topic}");
    }
    Compared { records, dead_letters: consumed.letters.len() }
}
