// SPDX-License-Identifier: Apache-2.0

//! When an assigned task fires wall-clock timers, and where its consumer seeks.

use std::sync::Arc;

use engine::{Committed, Emitter, InnerTopics, MemoryStore, ProcessError, Processor, Punctuate, Topology};

use super::*;

const INPUT: &str = "input";
const REPARTITION: &str = "repartition";
const DUE_MS: i64 = 1_000;

/// Something is always due at the same time.
struct Bell;

impl Processor for Bell {
    fn name(&self) -> &'static str {
        "bell"
    }
    fn namespace(&self) -> u8 {
        b'b'
    }

    fn as_punctuate(&self) -> Option<&dyn Punctuate> {
        Some(self)
    }
}

impl Punctuate for Bell {
    fn next_due(&self, _state: &Committed<'_>) -> Result<Option<i64>, ProcessError> {
        Ok(Some(DUE_MS))
    }

    fn punctuate(&self, _now_ms: i64, _emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
        Ok(())
    }
}

/// A task that has committed these positions.
fn assigned(input: Option<i64>, repartition: Option<i64>) -> AssignedTask {
    let mut topology = Topology::new(InnerTopics {
        dead_letters: "letters",
        changelog: "changelog",
        repartition: REPARTITION,
        erasures: None,
    });
    topology.add(Box::new(Bell), &[]).unwrap();
    let store = Box::new(MemoryStore::default());
    let mut task = Task::new(0, 1, Arc::new(topology), model::Limits::default(), store);
    task.become_phase(Phase::Restoring);
    task.restored(0).unwrap();
    let mut assigned = AssignedTask::new(task, &INPUT.into(), &REPARTITION.into());
    for (source, committed) in assigned.sources.iter_mut().zip([input, repartition]) {
        source.committed = committed;
        source.next = committed.unwrap_or(0);
        source.is_positioned = true;
    }
    assigned
}

fn at(topic: &str) -> TopicPartition {
    TopicPartition::new(topic, 0)
}

/// Requests the end offsets if they are needed; `None` when they stay unknown.
fn ask(task: &mut AssignedTask, now_ms: i64, ends: Option<[i64; 2]>) {
    if task.needs_ends(now_ms).unwrap() {
        let ends = [INPUT, REPARTITION].into_iter().map(at).zip(ends.into_iter().flatten()).collect();
        task.set_ends(&ends, now_ms);
    }
}

/// What the statistics say of both partitions.
fn see(task: &mut AssignedTask, ends: [(i64, bool); 2]) {
    for (topic, (stable, is_drained)) in [INPUT, REPARTITION].into_iter().zip(ends) {
        task.saw_end(topic, EndOffset { stable, is_drained });
    }
    task.punctuate_when_read();
}

fn fires(task: &AssignedTask) -> bool {
    !task.task.is_clean()
}

#[test]
fn it_rings_once_both_partitions_are_read_up_to_the_ends_that_were_asked_for() {
    let mut task = assigned(Some(5), Some(2));
    ask(&mut task, DUE_MS, Some([7, 2]));
    see(&mut task, [(7, false), (2, true)]);
    assert!(!fires(&task), "two records are not read");
    task.took(INPUT, 6);
    see(&mut task, [(7, true), (2, true)]);
    assert!(!fires(&task), "they are not committed");
    task.set_committed(INPUT, Some(7));
    see(&mut task, [(7, true), (2, true)]);
    assert_eq!(task.task.offsets(), [SourceOffset { topic: INPUT.to_owned(), partition: 0, next: 7 }]);
}

#[test]
fn statistics_from_before_the_ends_were_known_say_nothing() {
    let mut task = assigned(Some(5), Some(2));
    ask(&mut task, DUE_MS, Some([7, 2]));
    see(&mut task, [(5, true), (2, true)]);
    assert!(!fires(&task));
}

#[test]
fn markers_of_transactions_behind_the_last_record_are_no_records() {
    let mut task = assigned(Some(5), Some(2));
    ask(&mut task, DUE_MS, Some([6, 4]));
    see(&mut task, [(6, true), (4, true)]);
    assert!(fires(&task));
}

#[test]
fn nothing_is_asked_for_before_it_is_due_or_while_the_lane_is_not_in_its_place() {
    let mut early = assigned(Some(5), Some(2));
    ask(&mut early, DUE_MS - 1, Some([5, 2]));
    see(&mut early, [(5, true), (2, true)]);
    assert!(!fires(&early));
    let mut misplaced = assigned(Some(5), Some(2));
    misplaced.rewind();
    ask(&mut misplaced, DUE_MS, Some([5, 2]));
    see(&mut misplaced, [(5, true), (2, true)]);
    assert!(!fires(&misplaced));
}

#[test]
fn an_end_that_the_cluster_does_not_tell_is_asked_for_again_later_only() {
    let mut task = assigned(Some(5), Some(2));
    ask(&mut task, DUE_MS, None);
    ask(&mut task, DUE_MS + ASK_AGAIN_MS - 1, Some([5, 2]));
    see(&mut task, [(5, true), (2, true)]);
    assert!(!fires(&task));
    ask(&mut task, DUE_MS + ASK_AGAIN_MS, Some([5, 2]));
    see(&mut task, [(5, true), (2, true)]);
    assert!(fires(&task));
}

#[test]
fn a_lane_that_has_only_taken_from_the_repartition_topic_rings_with_its_place_there() {
    let mut task = assigned(None, Some(2));
    ask(&mut task, DUE_MS, Some([0, 3]));
    see(&mut task, [(0, true), (3, true)]);
    assert_eq!(task.task.offsets(), [SourceOffset { topic: REPARTITION.to_owned(), partition: 0, next: 2 }]);
}

/// The positions to seek to. The input begins at 3.
fn seeks(task: &mut AssignedTask) -> Vec<Position> {
    let seeks = task.seeks(&BTreeMap::from([(at(INPUT), 3)]), false).unwrap();
    seeks.iter().for_each(|(partition, _)| task.sought(&partition.topic, true));
    seeks
}

#[test]
fn what_comes_of_the_other_topic_while_one_is_about_to_be_read_anew_comes_again() {
    let mut task = assigned(Some(5), Some(2));
    task.begin_anew(INPUT);
    assert!(!task.expects(REPARTITION, 2), "it is skipped");
    assert_eq!(seeks(&mut task), [(at(INPUT), 3), (at(REPARTITION), 2)]);
    assert!(task.expects(INPUT, 3) && task.expects(REPARTITION, 2));
}

#[test]
fn what_comes_of_one_topic_while_the_consumer_has_not_sought_in_the_other_comes_again() {
    let mut task = assigned(Some(5), Some(2));
    task.rewind();
    task.seeks(&BTreeMap::new(), false).unwrap();
    task.sought(INPUT, true);
    task.sought(REPARTITION, false);
    assert!(task.wants_seek());
    assert!(!task.expects(INPUT, 5), "it is skipped");
    assert_eq!(seeks(&mut task), [(at(INPUT), 5), (at(REPARTITION), 2)]);
    assert!(task.is_live());
}

#[test]
fn nothing_is_taken_before_it_is_known_where_a_partition_begins_that_was_never_read() {
    let mut task = assigned(None, Some(2));
    task.rewind();
    assert_eq!(task.never_committed().collect::<Vec<_>>(), [at(INPUT)]);
    assert_eq!(task.seeks(&BTreeMap::new(), false), None);
    assert!(task.wants_seek() && !task.expects(INPUT, 3));
}

#[test]
fn what_was_taken_and_not_committed_comes_again_after_a_rewind() {
    let mut task = assigned(Some(5), Some(2));
    task.took(INPUT, 7);
    assert!(!task.expects(INPUT, 0));
    task.rewind();
    assert!(task.wants_seek() && !task.expects(INPUT, 8));
    assert_eq!(seeks(&mut task), [(at(INPUT), 5), (at(REPARTITION), 2)]);
    assert!(task.expects(INPUT, 5));
}

#[test]
fn a_task_goes_on_where_it_was_committed_or_began_and_nowhere_before_it_has_sought() {
    let mut task = assigned(None, Some(2));
    task.rewind();
    assert_eq!(task.positions().collect::<Vec<_>>(), [(at(REPARTITION), 2)]);
    seeks(&mut task);
    task.took(INPUT, 3);
    task.unposition();
    assert_eq!(task.positions().collect::<Vec<_>>(), [(at(INPUT), 3), (at(REPARTITION), 2)]);
}

#[test]
fn records_removed_before_a_topic_was_read_anew_are_unread_from_the_last_commit_on() {
    let mut task = assigned(Some(5), Some(2));
    task.begin_anew(INPUT);
    assert_eq!(task.begins_at(INPUT, 4), None, "what was removed was read before");
    assert_eq!(task.task.offsets(), [SourceOffset { topic: INPUT.to_owned(), partition: 0, next: 4 }]);
    assert_eq!(task.begins_at(INPUT, 8), Some(5));
    assert_eq!(task.begins_at(INPUT, 8), None, "reported already");
    assert_eq!(task.begins_at(INPUT, 9), Some(8));
    task.set_committed(INPUT, Some(9));
    assert_eq!(task.begins_at(INPUT, 20), None, "the group has a position again");
}

#[test]
fn the_beginning_of_a_partition_that_was_never_read_is_committed_if_records_were_removed() {
    let mut task = assigned(None, Some(2));
    assert_eq!(task.begins_at(INPUT, 0), None);
    assert!(task.task.is_clean(), "nothing was removed");
    assert_eq!(task.begins_at(INPUT, 7), None, "a new group begins with what is available");
    assert_eq!(task.task.offsets(), [SourceOffset { topic: INPUT.to_owned(), partition: 0, next: 7 }]);
}

#[test]
fn it_is_behind_while_statistics_show_records_that_it_has_not_taken() {
    let mut task = assigned(Some(5), Some(2));
    assert!(!task.is_behind());
    see(&mut task, [(7, false), (2, true)]);
    assert!(task.is_behind());
    task.took(INPUT, 6);
    assert!(!task.is_behind());
    see(&mut task, [(8, false), (2, true)]);
    task.unposition();
    assert!(!task.is_behind(), "it takes nothing before it has sought");
}
