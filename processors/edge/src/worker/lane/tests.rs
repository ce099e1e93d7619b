//! When a lane lets be done what is due by the clock on the wall, and where it puts the consumer.

use std::sync::Arc;

use engine::{Committed, InnerTopics, MemoryStore, ProcessError, Processor, Topology};

use super::*;
use crate::metrics::Labels;

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
    fn outputs(&self) -> usize {
        0
    }
    fn next_due(&self, _state: &Committed<'_>) -> Result<Option<i64>, ProcessError> {
        Ok(Some(DUE_MS))
    }
}

/// A lane that has taken and committed so much of both its partitions.
fn lane(input: Option<i64>, repartition: Option<i64>) -> Lane {
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
    let mut lane = Lane::new(task, INPUT, REPARTITION, Metrics::new(&Labels::default()).unwrap());
    for (source, committed) in lane.sources.iter_mut().zip([input, repartition]) {
        source.committed = committed;
        source.next = committed.unwrap_or(0);
    }
    lane.in_place = true;
    lane
}

fn ask(lane: &mut Lane, now_ms: i64, input: i64, repartition: i64) {
    let end_of = |topic: &str, _| Some(if topic == INPUT { input } else { repartition });
    lane.ask_for_ends(now_ms, end_of).unwrap();
}

/// What the statistics say of both partitions.
fn see(lane: &mut Lane, ends: [(i64, bool); 2]) {
    for (topic, (stable, is_drained)) in [INPUT, REPARTITION].into_iter().zip(ends) {
        lane.saw_end(topic, End { stable, is_drained });
    }
    lane.ring_when_read();
}

fn rings(lane: &Lane) -> bool {
    !lane.task.is_clean()
}

#[test]
fn it_rings_once_both_partitions_are_read_up_to_the_ends_that_were_asked_for() {
    let mut lane = lane(Some(5), Some(2));
    ask(&mut lane, DUE_MS, 7, 2);
    see(&mut lane, [(7, false), (2, true)]);
    assert!(!rings(&lane), "two records are not read");
    lane.took(INPUT, 6);
    see(&mut lane, [(7, true), (2, true)]);
    assert!(!rings(&lane), "they are not committed");
    lane.set_committed(INPUT, Some(7));
    see(&mut lane, [(7, true), (2, true)]);
    assert_eq!(lane.task.offsets(), [SourceOffset { topic: INPUT.to_owned(), partition: 0, next: 7 }]);
}

#[test]
fn statistics_from_before_the_ends_were_known_say_nothing() {
    let mut lane = lane(Some(5), Some(2));
    ask(&mut lane, DUE_MS, 7, 2);
    see(&mut lane, [(5, true), (2, true)]);
    assert!(!rings(&lane));
}

#[test]
fn markers_of_transactions_behind_the_last_record_are_no_records() {
    let mut lane = lane(Some(5), Some(2));
    ask(&mut lane, DUE_MS, 6, 4);
    see(&mut lane, [(6, true), (4, true)]);
    assert!(rings(&lane));
}

#[test]
fn nothing_is_asked_for_before_it_is_due_or_while_the_lane_is_not_in_its_place() {
    let mut early = lane(Some(5), Some(2));
    ask(&mut early, DUE_MS - 1, 5, 2);
    see(&mut early, [(5, true), (2, true)]);
    assert!(!rings(&early));
    let mut misplaced = lane(Some(5), Some(2));
    misplaced.rewind();
    ask(&mut misplaced, DUE_MS, 5, 2);
    see(&mut misplaced, [(5, true), (2, true)]);
    assert!(!rings(&misplaced));
}

#[test]
fn an_end_that_the_cluster_does_not_tell_is_asked_for_again_later_only() {
    let mut lane = lane(Some(5), Some(2));
    lane.ask_for_ends(DUE_MS, |_, _| None).unwrap();
    ask(&mut lane, DUE_MS + ASK_AGAIN_MS - 1, 5, 2);
    see(&mut lane, [(5, true), (2, true)]);
    assert!(!rings(&lane));
    ask(&mut lane, DUE_MS + ASK_AGAIN_MS, 5, 2);
    see(&mut lane, [(5, true), (2, true)]);
    assert!(rings(&lane));
}

#[test]
fn a_lane_that_has_only_taken_from_the_repartition_topic_rings_with_its_place_there() {
    let mut lane = lane(None, Some(2));
    ask(&mut lane, DUE_MS, 0, 3);
    see(&mut lane, [(0, true), (3, true)]);
    assert_eq!(lane.task.offsets(), [SourceOffset { topic: REPARTITION.to_owned(), partition: 0, next: 2 }]);
}

/// Where it puts the consumer. The input begins at 3, whatever lay before.
fn places(lane: &mut Lane) -> Vec<(String, i64)> {
    let mut places = Vec::new();
    let begins = BTreeMap::from([((INPUT.to_owned(), 0), 3)]);
    lane.put_in_place(&begins, |topic, _, offset| {
        places.push((topic.to_owned(), offset));
        Ok(())
    })
    .unwrap();
    places
}

#[test]
fn what_comes_of_the_other_topic_while_one_is_about_to_be_read_anew_comes_again() {
    let mut lane = lane(Some(5), Some(2));
    lane.begin_anew(INPUT);
    assert!(!lane.expects(REPARTITION, 2), "it is passed over");
    assert_eq!(places(&mut lane), [(INPUT.to_owned(), 3), (REPARTITION.to_owned(), 2)]);
    assert!(lane.expects(INPUT, 3) && lane.expects(REPARTITION, 2));
}

#[test]
fn what_comes_of_one_topic_while_the_consumer_is_not_in_its_place_in_the_other_comes_again() {
    let mut lane = lane(Some(5), Some(2));
    lane.rewind();
    let answered = lane.put_in_place(&BTreeMap::new(), |topic, _, _| match topic {
        INPUT => Ok(()),
        _ => Err(KafkaError::Seek(RDKafkaErrorCode::OperationTimedOut.to_string())),
    });
    assert!(answered.is_err() && lane.is_misplaced());
    assert!(!lane.expects(INPUT, 5), "it is passed over");
    assert_eq!(places(&mut lane), [(INPUT.to_owned(), 5), (REPARTITION.to_owned(), 2)]);
    assert!(lane.is_live());
}

#[test]
fn a_lane_takes_nothing_before_it_is_known_where_a_partition_begins_that_was_never_read() {
    let mut lane = lane(None, Some(2));
    lane.rewind();
    assert_eq!(lane.unread().collect::<Vec<_>>(), [(INPUT.to_owned(), 0)]);
    assert!(lane.put_in_place(&BTreeMap::new(), |_, _, _| Ok(())).is_err());
    assert!(lane.is_misplaced() && !lane.expects(INPUT, 3));
}

#[test]
fn a_record_from_before_its_place_has_the_consumer_put_in_its_place_once_more() {
    let mut lane = lane(Some(5), Some(2));
    lane.took(INPUT, 7);
    assert!(!lane.expects(INPUT, 0));
    lane.refused(INPUT, 0);
    assert!(lane.is_misplaced() && !lane.expects(INPUT, 8), "what was taken and not committed comes again");
    assert_eq!(places(&mut lane), [(INPUT.to_owned(), 5), (REPARTITION.to_owned(), 2)]);
    assert!(lane.expects(INPUT, 5));
}

#[test]
fn a_lane_goes_on_where_it_was_committed_or_began_and_nowhere_before_it_was_in_its_place() {
    let mut lane = lane(None, Some(2));
    lane.rewind();
    assert_eq!(lane.wanted().collect::<Vec<_>>(), [((REPARTITION.to_owned(), 0), 2)]);
    places(&mut lane);
    lane.took(INPUT, 3);
    lane.displace();
    assert_eq!(
        lane.wanted().collect::<Vec<_>>(),
        [((INPUT.to_owned(), 0), 3), ((REPARTITION.to_owned(), 0), 2)]
    );
}
