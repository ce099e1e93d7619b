//! Tests of upstream and downstream processors, messages to other partitions, and events in the wrong partition.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this file is a test, its helpers too"
)]

use std::sync::Arc;

use engine::{
    Carried, Context, Emitter, EventClass, InnerTopics, MemoryStore, News, NoHeaders, Outcome, OutputRecord,
    Phase, ProcessError, Processor, Product, Route, Sink, SinkError, SourceRecord, Task, Topology,
    TopologyError, partition_of,
};
use model::{Event, Home, Limits};
use serde_json::json;

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

fn inner() -> InnerTopics<'static> {
    InnerTopics {
        dead_letters: "letters",
        changelog: "changelog",
        repartition: "repartition",
        erasures: None,
    }
}

fn topology() -> Topology {
    let mut topology = Topology::new(inner());
    topology.add(Box::new(Counting), &["counts"]).unwrap();
    topology.add(Box::new(Summing), &["sums"]).unwrap();
    topology
}

fn task(partition: i32, topology: Topology) -> Task {
    let mut task = Task::new(
        partition,
        PARTITIONS,
        Arc::new(topology),
        Limits::default(),
        Box::new(MemoryStore::default()),
    );
    task.become_phase(Phase::Restoring);
    task.restored(0).unwrap();
    task
}

fn event(conversation: &str) -> Vec<u8> {
    let event = json!({"id": "e", "name": "CONVERSATION_STARTED", "timestamp": 1_750_000_000_000_i64, "conversationId": conversation});
    event.to_string().into_bytes()
}

fn record<'a>(topic: &'a str, key: Option<&'a [u8]>, value: &'a [u8]) -> SourceRecord<'a> {
    SourceRecord {
        topic,
        partition: 0,
        offset: 0,
        timestamp_ms: None,
        key,
        value: Some(value),
        headers: &NoHeaders,
        conversation: None,
    }
}

/// Topic, key, value.
type Sent = (usize, Vec<u8>, Vec<u8>);

#[derive(Default)]
struct List(Vec<Sent>);

impl Sink for List {
    fn send(&mut self, record: OutputRecord<'_>) -> Result<(), SinkError> {
        let bytes = |part: Option<&[u8]>| part.unwrap_or_default().to_vec();
        if let Route::Key(key) = record.route {
            assert_eq!(Some(key), record.key);
        }
        self.0.push((record.topic.index(), bytes(record.key), bytes(record.value)));
        Ok(())
    }
}

fn committed(task: &mut Task) -> Vec<Sent> {
    let mut list = List::default();
    task.prepare(&mut list).unwrap();
    task.committed(None).unwrap();
    list.0
}

fn to<'s>(sent: &'s [Sent], topology: &Topology, topic: &str) -> Vec<&'s Sent> {
    let index = topology.topics().iter().position(|name| name == topic).unwrap();
    sent.iter().filter(|(topic, ..)| *topic == index).collect()
}

/// A conversation that belongs to this partition.
fn of_partition(partition: i32) -> String {
    let candidates = (0..).map(|number| format!("conversation {number}"));
    candidates.into_iter().find(|id| partition_of(id.as_bytes(), PARTITIONS) == partition).unwrap()
}

#[test]
fn a_processor_hears_those_that_it_follows_and_messages_reach_its_key() {
    let names = topology();
    let mut first = task(0, topology());
    let id = of_partition(0);
    first.process(&record("events", None, &event(&id)), 0).unwrap();
    first.process(&record("events", None, &event(&id)), 0).unwrap();
    let sent = committed(&mut first);
    assert_eq!(
        to(&sent, &names, "counts"),
        [&(to(&sent, &names, "counts")[0].0, id.clone().into_bytes(), vec![2])]
    );
    let messages = to(&sent, &names, "repartition");
    assert_eq!(messages.len(), 1, "one for the commit, however many events");
    let (_, key, value) = messages[0];
    assert_eq!((key.as_slice(), value.as_slice()), (b"all".as_slice(), [b'2', 2].as_slice()));

    let mut second = task(partition_of(b"all", PARTITIONS), topology());
    for _ in 0..2 {
        second.process(&record("repartition", Some(key), value), 0).unwrap();
    }
    let sent = committed(&mut second);
    assert_eq!(to(&sent, &names, "sums")[0].2, [4]);
}

#[test]
fn an_event_in_a_foreign_partition_is_sent_whole_to_its_own_and_folded_there() {
    let names = topology();
    let id = of_partition(3);
    let value = event(&id);
    let mut wrong = task(1, topology());
    wrong.process(&record("events", Some(b"any key"), &value), 0).unwrap();
    let mut list = List::default();
    wrong.prepare(&mut list).unwrap();
    let tally = wrong.committed(None).unwrap();
    let moved = tally.events().find(|(class, _)| *class == EventClass::Moved).unwrap();
    assert_eq!(moved.1, 1);
    assert!(to(&list.0, &names, "counts").is_empty());
    let (_, key, message) = to(&list.0, &names, "repartition")[0];
    assert_eq!(key, id.as_bytes());

    let carried = Carried::unpack(&message[1..]).unwrap();
    assert_eq!(
        (carried.record().key, carried.record().value),
        (Some(b"any key".as_slice()), Some(value.as_slice()))
    );
    let mut right = task(3, topology());
    right.process(&record("repartition", Some(key), message), 0).unwrap();
    assert_eq!(to(&committed(&mut right), &names, "counts")[0].2, [1]);
}

#[test]
fn a_silent_processor_works_for_those_that_follow_it_and_emits_nothing() {
    let mut topology = Topology::new(inner());
    topology.add_silent(Box::new(Counting)).unwrap();
    topology.add(Box::new(Summing), &["sums"]).unwrap();
    let mut task = task(0, topology);
    task.process(&record("events", None, &event(&of_partition(0))), 0).unwrap();
    let topics: Vec<usize> = committed(&mut task).iter().map(|(topic, ..)| *topic).collect();
    assert_eq!(topics, [2, 1, 1], "the message, and the changelog of the count and of the stream time");
}

#[test]
fn whoever_is_followed_comes_first() {
    let mut topology = Topology::new(inner());
    let refused = topology.add(Box::new(Summing), &["sums"]).unwrap_err();
    assert!(matches!(refused, TopologyError::NotBefore { .. }), "{refused}");
}

#[test]
fn a_message_that_nobody_takes_stops_the_task() {
    let mut task = task(0, topology());
    for value in [b"".as_slice(), b"x", b"\0\xff", b"1payload"] {
        let refused = task.process(&record("repartition", Some(b"k"), value), 0);
        assert!(matches!(refused, Err(engine::TaskError::Fatal { .. })), "{value:?}: {refused:?}");
    }
}
