// SPDX-License-Identifier: Apache-2.0

//! Positions compared with the extents of their partitions.

use std::collections::BTreeMap;

use crate::action::{Extent, TopicPartition};

/// What happened to a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PositionState {
    /// It is available.
    There,
    /// Its record is gone; `begin` is the first offset that may be available.
    Gone { begin: i64 },
    /// The partition ends before it: the topic was recreated, or lost its end.
    Shorter { begin: i64 },
}

fn look_for(Extent { begin, end }: Extent, next: i64) -> PositionState {
    if next < begin {
        PositionState::Gone { begin }
    } else if next > end {
        PositionState::Shorter { begin }
    } else {
        PositionState::There
    }
}

/// Positions, and what happened to those whose extents are known.
pub(crate) struct Gone {
    pub(crate) wanted: BTreeMap<TopicPartition, i64>,
    pub(crate) found: BTreeMap<TopicPartition, PositionState>,
}

impl Gone {
    /// Compares positions with the extents of their partitions, as far as known.
    pub(crate) fn of(
        wanted: BTreeMap<TopicPartition, i64>,
        extents: BTreeMap<TopicPartition, Extent>,
    ) -> Self {
        let found = extents.into_iter().filter_map(|(partition, extent)| {
            let next = wanted.get(&partition)?;
            Some((partition, look_for(extent, *next)))
        });
        Self { found: found.collect(), wanted }
    }

    /// The partitions with lost records.
    pub(crate) fn partitions(&self) -> Vec<TopicPartition> {
        let gone = self.found.iter().filter(|(_, found)| matches!(found, PositionState::Gone { .. }));
        gone.map(|(partition, _)| partition.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lies_below_the_first_offset_is_gone() {
        let extent = Extent { begin: 10, end: 20 };
        assert_eq!(look_for(extent, 9), PositionState::Gone { begin: 10 });
        assert_eq!(look_for(extent, 10), PositionState::There);
        assert_eq!(look_for(extent, 20), PositionState::There, "nothing more has come yet");
        assert_eq!(look_for(extent, 21), PositionState::Shorter { begin: 10 });
    }

    #[test]
    fn all_may_be_gone() {
        let empty = Extent { begin: 20, end: 20 };
        assert_eq!(look_for(empty, 5), PositionState::Gone { begin: 20 });
        assert_eq!(look_for(empty, 20), PositionState::There);
    }
}
