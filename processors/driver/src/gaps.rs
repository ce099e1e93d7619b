//! Records that are gone before they were read: retention or a `DeleteRecords` was faster. The client says only that somewhere an
//! offset is not there any more; here it is found out where, what is lost is reported, and the reading goes on with what is left.
//!
//! A hole between two offsets is no loss: transaction markers and what compaction has removed leave such holes. Lost is what lies
//! below the partition's first offset and has not been read.

use std::collections::BTreeMap;
use std::fmt::Display;

use engine::SourceOffset;

use crate::action::{Action, Extent, GroupOffsets, TopicPartition};
use crate::job::{Job, Outcome, Pending};
use crate::{Driver, DriverError, Event};

/// What has become of the position at which a partition was to be read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    /// It is there.
    There,
    /// What lay there is gone; the first record that may be there has this offset.
    Gone { begin: i64 },
    /// The partition ends before it: the topic was deleted and created again, or has lost its end.
    Shorter { begin: i64 },
}

fn look_for(Extent { begin, end }: Extent, next: i64) -> Found {
    if next < begin {
        Found::Gone { begin }
    } else if next > end {
        Found::Shorter { begin }
    } else {
        Found::There
    }
}

/// What was found of all positions.
pub(crate) struct Gone {
    wanted: BTreeMap<TopicPartition, i64>,
    found: BTreeMap<TopicPartition, Found>,
}

impl Gone {
    fn partitions(&self) -> Vec<TopicPartition> {
        let gone = self.found.iter().filter(|(_, found)| matches!(found, Found::Gone { .. }));
        gone.map(|(partition, _)| partition.clone()).collect()
    }
}

impl<E: Display> Driver<E> {
    /// Once the client has stopped reading some partition, looks at all that are read; then the consumer seeks in all of them,
    /// and until then nothing is taken. Called between two transactions: what was taken before is committed by now, or dropped.
    pub(crate) fn find_gaps(&mut self) -> Outcome<E> {
        if !self.positions.is_out_of_range {
            return Ok(None);
        }
        self.unposition_all();
        if self.now.elapsed < self.positions.extents_at {
            return Ok(None);
        }
        let restored = self.tasks.values().filter(|task| task.is_restored());
        let mut wanted: BTreeMap<TopicPartition, i64> =
            restored.flat_map(super::assigned::AssignedTask::positions).collect();
        wanted.extend(self.unaligned.positions());
        let partitions = wanted.keys().cloned().collect();
        self.ask(Action::FetchExtents(partitions), Pending::Extents(wanted))
    }

    pub(crate) fn look_for_gaps(
        &mut self,
        wanted: BTreeMap<TopicPartition, i64>,
        extents: BTreeMap<TopicPartition, Extent>,
    ) -> Result<(), DriverError<E>> {
        let found = extents.into_iter().filter_map(|(partition, extent)| {
            let next = wanted.get(&partition)?;
            Some((partition, look_for(extent, *next)))
        });
        let gone = Gone { found: found.collect(), wanted };
        if gone.partitions().is_empty() {
            return self.pass_gaps(&gone, &GroupOffsets::new());
        }
        self.do_first([Job::FetchCommittedOfGaps(gone)]);
        Ok(())
    }

    /// Another member may have read what is gone meanwhile: then this worker has lost the partition and does not know it yet.
    pub(crate) fn fetch_committed_of_gaps(&mut self, gone: Gone) -> Outcome<E> {
        self.ask(Action::FetchCommitted(gone.partitions()), Pending::CommittedOfGaps(gone))
    }

    pub(crate) fn committed_of_gaps(
        &mut self,
        gone: &Gone,
        offsets: Option<GroupOffsets>,
    ) -> Result<(), DriverError<E>> {
        let offsets = offsets.unwrap_or_default();
        if gone.partitions().iter().all(|partition| offsets.contains_key(partition)) {
            return self.pass_gaps(gone, &offsets);
        }
        self.report(Event::Unanswered { what: "committed offsets" });
        self.look_for_gaps_later();
        Ok(())
    }

    fn look_for_gaps_later(&mut self) {
        // What is not known may stay so as long as a partition has no leader, and each question costs time.
        self.positions.extents_at = self.now.elapsed + self.settings.pace.error_backoff;
        self.do_first([Job::Readiness]);
    }

    /// Reports what is lost, and goes on with what is left.
    fn pass_gaps(&mut self, gone: &Gone, committed: &GroupOffsets) -> Result<(), DriverError<E>> {
        let mut shorter = Vec::new();
        for (partition, found) in &gone.found {
            match *found {
                Found::There => {}
                Found::Gone { begin } => {
                    let next = gone.wanted.get(partition).copied().unwrap_or(0);
                    let committed = committed.get(partition).and_then(Option::as_ref);
                    let from = next.max(committed.map_or(0, |offset| offset.next));
                    if from < begin {
                        self.report_gap(partition, from, begin);
                    }
                    self.skip_to(partition, begin);
                }
                Found::Shorter { begin } => shorter.push((partition, begin)),
            }
        }
        let repartition = &self.input_topics.repartition;
        if shorter.iter().any(|(partition, _)| partition.topic == *repartition) {
            return Err(DriverError::RepartitionLost(repartition.to_string()));
        }
        for (partition, begin) in shorter {
            self.read_anew(partition, begin);
        }
        if gone.found.len() < gone.wanted.len() {
            // Of the others the next look will tell.
            self.report(Event::Unanswered { what: "where partitions begin and end" });
            self.look_for_gaps_later();
        } else {
            self.positions.is_out_of_range = false;
            self.do_first([Job::Readiness]);
        }
        Ok(())
    }

    fn report_gap(&mut self, partition: &TopicPartition, from: i64, to: i64) {
        #[cfg(feature = "defects")]
        if self.has(crate::Defect::SkipsGaps) {
            return;
        }
        self.report(Event::Gap { partition: partition.clone(), from, to });
    }

    fn skip_to(&mut self, partition: &TopicPartition, begin: i64) {
        if self.unaligned.skip_to(partition, begin) {
            return;
        }
        let TopicPartition { topic, partition } = partition;
        if let Some(task) = self.tasks.get_mut(partition) {
            task.set_committed(topic, Some(begin));
            // Committed at once: the partition may stay idle, and the next start would report it again.
            task.task.go_on(SourceOffset { topic: topic.to_string(), partition: *partition, next: begin });
        }
    }

    /// A topic that was deleted and created again has other records at the old offsets. All of its partitions that tasks read are
    /// read from their beginnings, though only the shorter ones show it: what was folded already is known by its id.
    fn read_anew(&mut self, partition: &TopicPartition, begin: i64) {
        self.report(Event::ReadAnew(partition.clone()));
        if !self.unaligned.skip_to(partition, begin) {
            self.tasks.values_mut().for_each(|task| task.begin_anew(&partition.topic));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lies_below_the_first_offset_is_gone() {
        let extent = Extent { begin: 10, end: 20 };
        assert_eq!(look_for(extent, 9), Found::Gone { begin: 10 });
        assert_eq!(look_for(extent, 10), Found::There);
        assert_eq!(look_for(extent, 20), Found::There, "nothing more has come yet");
        assert_eq!(look_for(extent, 21), Found::Shorter { begin: 10 });
    }

    #[test]
    fn all_may_be_gone() {
        let empty = Extent { begin: 20, end: 20 };
        assert_eq!(look_for(empty, 5), Found::Gone { begin: 20 });
        assert_eq!(look_for(empty, 20), Found::There);
    }
}
