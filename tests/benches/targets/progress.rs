// SPDX-License-Identifier: Apache-2.0

//! How far the groups that read the input have come, and whether outputs still grow.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use cx_timelines_tests::{OUTPUTS, Watch, partitions_of};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};

const INPUT: &str = "cx.events";
const TIMEOUT: Duration = Duration::from_secs(10);
/// How often new groups are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Looks at a broker from outside.
pub(crate) struct Progress<'b> {
    bootstrap: &'b str,
    client: BaseConsumer,
    groups: BTreeMap<String, Watch>,
    looked: Option<Instant>,
    outputs: Vec<(&'static str, i32)>,
}

impl<'b> Progress<'b> {
    /// Of this broker, which has the topics.
    pub(crate) fn new(bootstrap: &'b str) -> Self {
        let client = ClientConfig::new().set("bootstrap.servers", bootstrap).create().unwrap();
        let outputs = OUTPUTS.iter().map(|topic| (*topic, partitions_of(bootstrap, topic))).collect();
        Self { bootstrap, client, groups: BTreeMap::new(), looked: None, outputs }
    }

    /// How many events there are.
    pub(crate) fn total(&self) -> i64 {
        let ends = (0..partitions_of(self.bootstrap, INPUT)).map(|partition| self.end(INPUT, partition));
        ends.sum::<Option<i64>>().unwrap()
    }

    /// How many events the slowest group has committed of those that have committed any; 0 where there is none.
    pub(crate) fn done(&mut self) -> i64 {
        if self.looked.is_none_or(|looked| looked.elapsed() > LOOK_EVERY) {
            self.look_for_groups();
        }
        let sums = self.groups.values().filter_map(Watch::done);
        sums.filter(|sum| *sum > 0).min().unwrap_or(0)
    }

    fn look_for_groups(&mut self) {
        // A broker that does not answer is asked again.
        let Ok(list) = self.client.fetch_group_list(None, TIMEOUT) else { return };
        for group in list.groups() {
            let watch = || Watch::new(self.bootstrap, group.name(), INPUT);
            self.groups.entry(group.name().to_owned()).or_insert_with(watch);
        }
        // The first one is waited for, without pauses.
        self.looked = (!self.groups.is_empty()).then(Instant::now);
    }

    /// How many records have been written to the outputs, control records too; none where the broker does not answer.
    pub(crate) fn written(&self) -> Option<i64> {
        let ends = |(topic, partitions): &(&str, i32)| {
            (0..*partitions).map(|partition| self.end(topic, partition)).sum::<Option<i64>>()
        };
        self.outputs.iter().map(ends).sum()
    }

    fn end(&self, topic: &str, partition: i32) -> Option<i64> {
        self.client.fetch_watermarks(topic, partition, TIMEOUT).ok().map(|(_, end)| end)
    }
}
