// SPDX-License-Identifier: Apache-2.0

//! Assigned partitions, divided by who reads them.

use crate::action::TopicPartition;
use crate::settings::{Settings, TopicKind};

/// Assigned partitions, by what happens with them.
#[derive(Default)]
pub(crate) struct Division {
    /// Partitions read by tasks.
    pub(crate) tasks: Vec<TopicPartition>,
    /// Partitions of unaligned topics.
    pub(crate) unaligned: Vec<(TopicPartition, TopicKind)>,
    /// Partitions of the input without a state partition.
    pub(crate) unreadable: Vec<TopicPartition>,
}

impl Division {
    pub(crate) fn of(partitions: &[TopicPartition], settings: &Settings) -> Self {
        let mut division = Self::default();
        for partition in partitions {
            let own = partition.clone();
            match (settings.kinds)(&partition.topic) {
                TopicKind::Input if partition.partition < settings.partitions => {
                    division.tasks.push(own);
                }
                TopicKind::Input => division.unreadable.push(own),
                TopicKind::Other => {}
                kind => division.unaligned.push((own, kind)),
            }
        }
        division
    }
}
