// SPDX-License-Identifier: Apache-2.0

//! The simulated broker behaves like Kafka, as far as the simulation depends on it.

use std::collections::BTreeSet;

use super::*;

const INPUT: PartitionId = PartitionId { topic: 0, partition: 0 };
const OFFSET: Offset = Offset { next: 5, mark: 1 };
const OTHER: PartitionId = PartitionId { topic: 1, partition: 0 };

fn record(value: &str) -> Record {
    Record {
        key: Some(b"key".to_vec()),
        value: Some(value.as_bytes().to_vec()),
        headers: Vec::new(),
        timestamp_ms: 0,
    }
}

fn quiet() -> (Rng, Faults) {
    let mut rng = Rng::new(1);
    let mut faults = Faults::new(&mut rng);
    faults.switch(false);
    (rng, faults)
}

fn broker() -> Broker {
    Broker::new(vec![INPUT])
}

fn write_all_markers(broker: &mut Broker) {
    let (mut rng, _) = quiet();
    while broker.write_marker(&mut rng).unwrap().is_some() {}
}

fn committed(broker: &Broker, place: PartitionId) -> Vec<String> {
    let value = |record: &Record| String::from_utf8(record.value.clone().unwrap()).unwrap();
    broker.committed_records(place).map(|(_, record)| value(record)).collect()
}

#[test]
fn what_is_not_committed_is_not_seen_and_keeps_what_lies_behind_it_from_being_seen() {
    let mut broker = broker();
    let epoch = broker.init_producer("p").unwrap();
    broker.produce(("p", epoch), OTHER, vec![record("open")]).unwrap();
    broker.append(OTHER, record("behind"));
    assert_eq!(committed(&broker, OTHER), Vec::<String>::new());
    broker.end(("p", epoch), true).unwrap();
    assert_eq!(committed(&broker, OTHER), Vec::<String>::new(), "decided, but the marker is not there");
    write_all_markers(&mut broker);
    assert_eq!(committed(&broker, OTHER), ["open", "behind"]);
    assert_eq!(broker.log(OTHER).end(), 3, "the marker has an offset too");
}

#[test]
fn what_is_aborted_is_never_seen() {
    let mut broker = broker();
    let epoch = broker.init_producer("p").unwrap();
    broker.produce(("p", epoch), OTHER, vec![record("aborted")]).unwrap();
    broker.end(("p", epoch), false).unwrap();
    write_all_markers(&mut broker);
    assert_eq!(committed(&broker, OTHER), Vec::<String>::new());
}

#[test]
fn a_new_epoch_ends_what_is_open_and_fences_what_comes_late() {
    let mut broker = broker();
    let old = broker.init_producer("p").unwrap();
    broker.produce(("p", old), OTHER, vec![record("open")]).unwrap();
    assert_eq!(broker.init_producer("p"), Err(Refused::Busy), "first the open one is aborted");
    write_all_markers(&mut broker);
    let new = broker.init_producer("p").unwrap();
    assert_eq!(broker.end(("p", old), true), Err(Refused::Fenced));
    assert_eq!(broker.produce(("p", old), OTHER, vec![record("late")]), Err(Refused::Fenced));
    assert_eq!(broker.produce(("p", new), OTHER, vec![record("new")]), Ok(3));
}

#[test]
fn the_late_end_of_one_transaction_ends_the_next_one() {
    let mut broker = broker();
    let epoch = broker.init_producer("p").unwrap();
    broker.produce(("p", epoch), OTHER, vec![record("first")]).unwrap();
    broker.end_later(("p", epoch), true);
    broker.end(("p", epoch), true).unwrap();
    write_all_markers(&mut broker);
    broker.produce(("p", epoch), OTHER, vec![record("second")]).unwrap();
    let (mut rng, mut faults) = quiet();
    broker.deliver_late(&mut rng, &mut faults);
    write_all_markers(&mut broker);
    assert_eq!(committed(&broker, OTHER), ["first", "second"], "the second was not committed");
}

#[test]
fn offsets_are_told_only_when_no_transaction_can_change_them() {
    let mut broker = broker();
    let member = broker.join(None, BTreeSet::new());
    let (generation, _) = broker.sync(member).unwrap().unwrap();
    let epoch = broker.init_producer("p").unwrap();
    broker.send_offsets(("p", epoch), (member, generation), &[(INPUT, OFFSET)], true).unwrap().unwrap();
    assert_eq!(broker.committed(&[INPUT]), Err(Refused::Unstable));
    broker.end(("p", epoch), true).unwrap();
    assert_eq!(broker.committed(&[INPUT]), Err(Refused::Unstable));
    write_all_markers(&mut broker);
    assert_eq!(broker.committed(&[INPUT]), Ok(vec![Some(OFFSET)]));
}

#[test]
fn a_partition_is_given_on_only_after_its_owner_has_given_it_up() {
    let places: Vec<PartitionId> = (0..2).map(|partition| PartitionId { topic: 0, partition }).collect();
    let all: BTreeSet<PartitionId> = places.iter().copied().collect();
    let mut broker = Broker::new(places);
    let first = broker.join(None, BTreeSet::new());
    assert_eq!(broker.sync(first), Ok(Some((1, all.clone()))));
    let second = broker.join(None, BTreeSet::new());
    assert_eq!(broker.heartbeat(first), Ok(true), "it has to join again");
    broker.join(Some(first), all.clone());
    let (_, kept) = broker.sync(first).unwrap().unwrap();
    assert_eq!((kept.len(), broker.sync(second)), (1, Ok(Some((2, BTreeSet::new())))));
    broker.join(Some(first), kept.clone());
    broker.join(Some(second), BTreeSet::new());
    let (_, given) = broker.sync(second).unwrap().unwrap();
    assert_eq!(&given | &kept, all);
}

#[test]
fn a_member_of_which_nothing_is_heard_commits_nothing() {
    let mut broker = broker();
    let member = broker.join(None, BTreeSet::new());
    let (generation, _) = broker.sync(member).unwrap().unwrap();
    let epoch = broker.init_producer("p").unwrap();
    broker.now_ms = group::SESSION_MS + 1;
    let (_, mut faults) = quiet();
    broker.tick(&mut faults);
    let sent = broker.send_offsets(("p", epoch), (member, generation), &[(INPUT, OFFSET)], true);
    assert_eq!(sent, Ok(Err(Refused::StaleMember)));
}

#[test]
fn who_says_neither_member_nor_generation_is_not_checked() {
    let mut broker = broker();
    let epoch = broker.init_producer("p").unwrap();
    broker.join(None, BTreeSet::new());
    let sent = broker.send_offsets(("p", epoch), (NO_MEMBER, -1), &[(INPUT, OFFSET)], true);
    assert_eq!(sent, Ok(Ok(())), "as Kafka takes offsets in a transaction from outside");
    let sent = broker.send_offsets(("p", epoch), (NO_MEMBER, 1), &[(INPUT, OFFSET)], true);
    assert_eq!(sent, Ok(Err(Refused::StaleMember)));
}

#[test]
fn what_is_removed_is_gone_and_what_is_not_finished_stays() {
    let mut broker = broker();
    broker.append(OTHER, record("1"));
    broker.append(OTHER, record("2"));
    broker.remove_below(OTHER, 1);
    assert_eq!((broker.log(OTHER).begin(), committed(&broker, OTHER)), (1, vec!["2".to_owned()]));
    let epoch = broker.init_producer("p").unwrap();
    broker.produce(("p", epoch), OTHER, vec![record("open")]).unwrap();
    broker.remove_below(OTHER, 3);
    assert_eq!((broker.log(OTHER).begin(), broker.log(OTHER).end()), (2, 3));
}

#[test]
fn compaction_keeps_the_last_of_what_is_finished() {
    let mut broker = broker();
    let epoch = broker.init_producer("p").unwrap();
    broker.append(OTHER, record("1"));
    broker.append(OTHER, record("2"));
    broker.produce(("p", epoch), OTHER, vec![record("open")]).unwrap();
    broker.compact(OTHER);
    assert_eq!(committed(&broker, OTHER), ["2"]);
    assert_eq!(broker.log(OTHER).end(), 3);
    broker.end(("p", epoch), true).unwrap();
    write_all_markers(&mut broker);
    broker.compact(OTHER);
    assert_eq!(committed(&broker, OTHER), ["open"]);
}
