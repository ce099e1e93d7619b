// SPDX-License-Identifier: Apache-2.0

//! Partitions whose records were all removed: the group commits where they begin, so that their lag ends.

use driver::{Action, Answer, EndOffset, Event, Position, TopicPartition};

use super::cluster::{CONVERSATION, Cluster, INPUT, STATES};

const EMPTY: EndOffset = EndOffset { stable: 0, is_drained: true };
const UNALIGNED: [&str; 2] = [STATES, CONVERSATION];

fn at(topic: &str, next: i64) -> Position {
    (TopicPartition::new(topic, 0), next)
}

/// The position in both topics.
fn unaligned_at(next: i64) -> Vec<Position> {
    UNALIGNED.map(|topic| at(topic, next)).to_vec()
}

fn gaps(cluster: &mut Cluster) -> Vec<(TopicPartition, i64, i64)> {
    let events = std::iter::from_fn(|| cluster.driver.next_event());
    let gap = |event| match event {
        Event::Gap { partition, from, to } => Some((partition, from, to)),
        _ => None,
    };
    events.filter_map(gap).collect()
}

#[test]
fn the_beginning_of_an_unaligned_partition_that_was_emptied_before_it_was_read_is_committed_once() {
    let mut cluster = Cluster::reading(&UNALIGNED, 5, EMPTY);
    cluster.now.elapsed += std::time::Duration::from_secs(1);
    cluster.answer(Answer::NoRecord);
    cluster.idle();
    assert_eq!(cluster.commits, [unaligned_at(5)]);
    assert_eq!(gaps(&mut cluster), [], "a new group begins with what is available");
    assert!(cluster.driver.is_idle());
}

#[test]
fn nothing_is_committed_of_a_partition_that_never_had_a_record() {
    let mut cluster = Cluster::reading(&[INPUT, STATES, CONVERSATION], 0, EMPTY);
    cluster.answer(Answer::NoRecord);
    cluster.idle();
    assert_eq!(cluster.commits, [] as [Vec<Position>; 0]);
}

#[test]
fn the_beginning_of_an_emptied_input_is_committed_too() {
    let mut cluster = Cluster::reading(&[INPUT], 5, EMPTY);
    cluster.answer(Answer::NoRecord);
    cluster.idle();
    let committed: Vec<&Position> = cluster.commits.iter().flatten().collect();
    assert_eq!(committed.iter().filter(|found| ***found == at(INPUT, 5)).count(), 1, "{committed:?}");
}

#[test]
fn a_beginning_is_committed_again_after_an_aborted_transaction() {
    let mut cluster = Cluster::reading(&UNALIGNED, 0, EMPTY);
    cluster.answer(Answer::NoRecord);
    cluster.failures = 2;
    remove_below(&mut cluster, 7);
    cluster.idle();
    assert_eq!(cluster.commits, [unaligned_at(7)]);
}

#[test]
fn records_removed_before_they_were_read_are_reported_once_and_committed() {
    let mut cluster = Cluster::reading(&UNALIGNED, 0, EMPTY);
    cluster.answer(Answer::NoRecord);
    remove_below(&mut cluster, 7);
    cluster.idle();
    assert_eq!(cluster.commits, [unaligned_at(7)]);
    let gone = UNALIGNED.map(|topic| (TopicPartition::new(topic, 0), 0, 7));
    assert_eq!(gaps(&mut cluster), gone);
}

/// Removes all records below an offset, which the consumer finds out.
fn remove_below(cluster: &mut Cluster, offset: i64) {
    cluster.first = offset;
    while !matches!(cluster.next(), Action::Poll { .. }) {}
    cluster.answer(Answer::OffsetOutOfRange);
}
