// SPDX-License-Identifier: Apache-2.0

//! What goes on in the contact centre now, of the conversations that this process lists.

use std::collections::BTreeMap;

use model::Stage;
use prometheus::{Gauge, GaugeVec, IntGauge, IntGaugeVec, Registry};

use super::{MetricsError, gauges, names, seconds};

/// Gauges of the open conversations of this process. They follow the list of conversations: a partition that leaves takes its
/// conversations out, and one that comes adds them once it is restored. Over all instances they are summed.
#[derive(Clone)]
pub struct Current {
    stages: BTreeMap<&'static str, IntGauge>,
    queues: BTreeMap<String, QueueGauges>,
}

/// The gauges of a listed queue.
#[derive(Clone)]
pub struct QueueGauges {
    waiting: IntGauge,
    since: Gauge,
}

impl QueueGauges {
    /// Sets how many customers wait in this queue, and since when the one that waits longest does, in epoch milliseconds.
    pub fn set(&self, waiting: usize, since_ms: Option<i64>) {
        self.waiting.set(i64::try_from(waiting).unwrap_or(i64::MAX));
        self.since.set(since_ms.map_or(0.0, |ms| ms as f64 / 1000.0));
    }
}

/// The families of these gauges. They have no series until a list of conversations is kept: without one, 0 would be wrong.
pub(super) struct Families {
    stages: IntGaugeVec,
    waiting: IntGaugeVec,
    since: GaugeVec,
}

impl Families {
    pub(super) fn new(registry: &Registry) -> Result<Self, MetricsError> {
        Ok(Self {
            stages: gauges(registry, &names::OPEN_CONVERSATIONS)?,
            waiting: gauges(registry, &names::QUEUE_WAITING)?,
            since: seconds(registry, &names::QUEUE_WAITING_SINCE)?,
        })
    }

    /// All series, from 0.
    pub(super) fn current(&self, queues: &[String]) -> Current {
        let open = [Stage::SelfService, Stage::Queued, Stage::Agent, Stage::WrapUp].map(Stage::as_str);
        let queue = |queue: &String| {
            let waiting = self.waiting.with_label_values(&[queue]);
            let since = self.since.with_label_values(&[queue]);
            (queue.clone(), QueueGauges { waiting, since })
        };
        Current {
            stages: open.into_iter().map(|stage| (stage, self.stages.with_label_values(&[stage]))).collect(),
            queues: queues.iter().map(queue).collect(),
        }
    }
}

impl Current {
    /// The gauges of a queue; `None` if it is not listed.
    #[must_use]
    pub fn queue(&self, name: &str) -> Option<&QueueGauges> {
        self.queues.get(name)
    }

    /// Changes the number of open conversations in a stage; a closed one is in none of them.
    pub fn conversations(&self, stage: &str, more: i64) {
        if let Some(gauge) = self.stages.get(stage) {
            gauge.add(more);
        }
    }
}
