// SPDX-License-Identifier: Apache-2.0

//! Tests of upstream and downstream processors, messages to other partitions, and events in the wrong partition.

use crate::common::{Sent, SentRecord, committed, event, prepared, record, running_in, topology};
use engine::{
    Carried, Context, Emitter, EventClass, News, Outcome, ProcessError, Processor, Product, SourceRecord,
    Task, Topology, TopologyError, partition_of,
};
use model::{Event, Home};

const PARTITIONS: i32 = 4;

/// Counts the events of each conversation and notifies of the count.
struct Counting;

impl Processor for Counting {
    fn name(&self) -> &'static str {
        "counting"
    }
    fn namespace(&self) -> u8 {
        b'1'
    }
    fn products(&self) -> &'static [Product] {
        const { &[Product::new("out", "count/1")] }
    }
    fn wants(&self, _home: &Home<'_>) -> bool {
        true
    }
    fn process(
        &self,
        event: &Event<'_>,
        _record: &SourceRecord<'_>,
        context: &mut Context<'_>,
    ) -> Result<Outcome, ProcessError> {
        let key = event.conversation_id.as_deref().unwrap_or_default().as_bytes().to_vec();
        let count = context.read(&key, |bytes| bytes.map_or(0, |bytes| bytes[0]))?;
        context.put(&key, &[count + 1]);
        context.mark(&key);
        Ok(Outcome::Folded)
    }
    fn flush(&self, news: &News<'_>, emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
        for key in news.marked() {
            let count = emitter.read(key, |bytes| bytes.unwrap().to_vec())?;
            emitter.emit(0, key, key, Some(&count))?;
            emitter.tell(key, &count);
        }
        Ok(())
    }
}

/// Sums the counts it receives under one name, on that name's partition.
struct Summing;

impl Summing {
    fn add(context: &mut Context<'_>, key: &[u8], by: u8) -> Result<(), ProcessError> {
        let sum = context.read(key, |bytes| bytes.map_or(0, |bytes| bytes[0]))?;
        context.put(key, &[sum + by]);
        context.mark(key);
        Ok(())
    }
}

impl Processor for Summing {
    fn name(&self) -> &'static str {
        "summing"
    }
    fn namespace(&self) -> u8 {
        b'2'
    }
    fn products(&self) -> &'static [Product] {
        const { &[Product::new("out", "sum/1")] }
    }
    fn follows(&self) -> &'static [&'static str] {
        &["counting"]
    }
    fn wants(&self, _home: &Home<'_>) -> bool {
        false
    }
    fn process(
        &self,
        _event: &Event<'_>,
        _record: &SourceRecord<'_>,
        _context: &mut Context<'_>,
    ) -> Result<Outcome, ProcessError> {
        Ok(Outcome::Ignored)
    }
    fn receive(&self, key: &[u8], payload: &[u8], context: &mut Context<'_>) -> Result<(), ProcessError> {
        Self::add(context, key, payload[0])
    }
    fn flush(&self, news: &News<'_>, emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
        for note in news.heard() {
            let was =
                emitter.read_committed_of("counting", note.key, |bytes| bytes.map_or(0, |bytes| bytes[0]))?;
            let is = emitter.read_of("counting", note.key, |bytes| bytes.unwrap()[0])?;
            assert_eq!([is].as_slice(), note.text, "the notes come before those that follow");
            emitter.send(b"all", &[is - was])?;
        }
        for key in news.marked() {
            let sum = emitter.read(key, |bytes| bytes.unwrap().to_vec())?;
            emitter.emit(0, key, key, Some(&sum))?;
        }
        Ok(())
    }
}

fn counting_and_summing() -> Topology {
    let mut topology = topology();
    topology.add(Box::new(Counting), &["counts"]).unwrap();
    topology.add(Box::new(Summing), &["sums"]).unwrap();
    topology
}

fn task(partition: i32, topology: Topology) -> Task {
    running_in(topology, partition, PARTITIONS)
}

fn event_of(conversation: &str) -> Vec<u8> {
    event("e", "CONVERSATION_STARTED", conversation).into_bytes()
}

fn keyed<'a>(topic: &'a str, key: &'a [u8], value: &'a [u8]) -> SourceRecord<'a> {
    SourceRecord { key: Some(key), ..record(topic, value) }
}

/// What went to a topic, each record to the partition of its key.
fn to<'s>(sent: &'s Sent, topology: &Topology, topic: &str) -> Vec<&'s SentRecord> {
    let records = sent.to(topology.topics().iter().position(|name| name == topic).unwrap());
    assert!(records.iter().all(|record| record.routed_by.as_ref() == Some(&record.key)), "{records:?}");
    records
}

/// A conversation that belongs to this partition.
fn of_partition(partition: i32) -> String {
    let candidates = (0..).map(|number| format!("conversation {number}"));
    candidates.into_iter().find(|id| partition_of(id.as_bytes(), PARTITIONS) == partition).unwrap()
}

#[test]
fn a_processor_hears_those_that_it_follows_and_messages_reach_its_key() {
    let names = counting_and_summing();
    let mut first = task(0, counting_and_summing());
    let id = of_partition(0);
    first.process(&record("events", &event_of(&id)), 0).unwrap();
    first.process(&record("events", &event_of(&id)), 0).unwrap();
    let sent = committed(&mut first);
    let counts = to(&sent, &names, "counts");
    assert_eq!(counts.len(), 1);
    assert_eq!((counts[0].key.as_slice(), counts[0].bytes()), (id.as_bytes(), [2].as_slice()));
    let messages = to(&sent, &names, "repartition");
    assert_eq!(messages.len(), 1, "one for the commit, however many events");
    let (key, value) = (&messages[0].key, messages[0].bytes());
    assert_eq!((key.as_slice(), value), (b"all".as_slice(), [b'2', 2].as_slice()));

    let mut second = task(partition_of(b"all", PARTITIONS), counting_and_summing());
    for _ in 0..2 {
        second.process(&keyed("repartition", key, value), 0).unwrap();
    }
    let sent = committed(&mut second);
    assert_eq!(to(&sent, &names, "sums")[0].bytes(), [4]);
}

#[test]
fn an_event_in_a_foreign_partition_is_sent_whole_to_its_own_and_folded_there() {
    let names = counting_and_summing();
    let id = of_partition(3);
    let value = event_of(&id);
    let mut wrong = task(1, counting_and_summing());
    wrong.process(&keyed("events", b"any key", &value), 0).unwrap();
    let sent = prepared(&mut wrong);
    let tally = wrong.committed(None).unwrap();
    let moved = tally.events().find(|(class, _)| *class == EventClass::Moved).unwrap();
    assert_eq!(moved.1, 1);
    assert!(to(&sent, &names, "counts").is_empty());
    let messages = to(&sent, &names, "repartition");
    let (key, message) = (&messages[0].key, messages[0].bytes());
    assert_eq!(key, id.as_bytes());

    let carried = Carried::unpack(&message[1..]).unwrap();
    assert_eq!(
        (carried.record().key, carried.record().value),
        (Some(b"any key".as_slice()), Some(value.as_slice()))
    );
    let mut right = task(3, counting_and_summing());
    right.process(&keyed("repartition", key, message), 0).unwrap();
    assert_eq!(to(&committed(&mut right), &names, "counts")[0].bytes(), [1]);
}

#[test]
fn a_silent_processor_works_for_those_that_follow_it_and_emits_nothing() {
    let mut topology = topology();
    topology.add_silent(Box::new(Counting)).unwrap();
    topology.add(Box::new(Summing), &["sums"]).unwrap();
    let mut task = task(0, topology);
    task.process(&record("events", &event_of(&of_partition(0))), 0).unwrap();
    let topics: Vec<usize> = committed(&mut task).0.iter().map(|record| record.topic).collect();
    assert_eq!(topics, [2, 1, 1], "the message, and the changelog of the count and of the stream time");
}

#[test]
fn whoever_is_followed_comes_first() {
    let mut topology = topology();
    let refused = topology.add(Box::new(Summing), &["sums"]).unwrap_err();
    assert!(matches!(refused, TopologyError::NotBefore { .. }), "{refused}");
}

#[test]
fn a_message_that_nobody_takes_stops_the_task() {
    let mut task = task(0, counting_and_summing());
    for value in [b"".as_slice(), b"x", b"\0\xff", b"1payload"] {
        let refused = task.process(&keyed("repartition", b"k", value), 0);
        assert!(matches!(refused, Err(engine::TaskError::Fatal { .. })), "{value:?}: {refused:?}");
    }
}
