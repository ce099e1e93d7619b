//! Tests of decoders, which are set by topic; a record that cannot be decoded yet is not taken and leaves no trace.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this file is a test, its helpers too"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use engine::{
    InnerTopics, MemoryStore, NoHeaders, OutputRecord, Phase, Repartitioner, Sink, SinkError, SourceRecord,
    Task, TaskError, Topology, UnknownSchema, partition_of,
};
use model::{Decode, Event, JsonDecode, Limits, NotDecoded, Origin};

/// Decodes topic `json` directly; any other topic is JSON after one byte, with a schema that must be fetched first.
#[derive(Default)]
struct Learning {
    is_known: AtomicBool,
}

impl Decode for Learning {
    fn decode<'a>(
        &self,
        topic: &str,
        value: &'a [u8],
        origin: Origin<'a>,
        limits: &Limits,
        scratch: &'a mut Vec<u8>,
    ) -> Result<Event<'a>, NotDecoded> {
        let value = match topic {
            "json" => value,
            _ if self.is_known.load(Ordering::Acquire) => &value[1..],
            _ => return Err(NotDecoded::UnknownSchema(7)),
        };
        JsonDecode.decode(topic, value, origin, limits, scratch)
    }
}

#[derive(Default)]
struct Sent(Vec<(usize, Vec<u8>)>);

impl Sink for Sent {
    fn send(&mut self, record: OutputRecord<'_>) -> Result<(), SinkError> {
        self.0.push((record.topic.index(), record.value.unwrap_or_default().to_vec()));
        Ok(())
    }
}

fn topology(decoder: &Arc<Learning>) -> Arc<Topology> {
    let mut topology = Topology::new(InnerTopics {
        dead_letters: "letters",
        changelog: "changelog",
        repartition: "repartition",
        erasures: None,
    });
    topology.set_decoder(Arc::clone(decoder) as Arc<dyn Decode>);
    Arc::new(topology)
}

fn task(topology: &Arc<Topology>, partition: i32) -> Task {
    let store = Box::new(MemoryStore::default());
    let mut task = Task::new(partition, 2, Arc::clone(topology), Limits::default(), store);
    task.become_phase(Phase::Restoring);
    task.become_phase(Phase::Running);
    task
}

/// An event of a conversation in this partition.
fn event(partition: i32) -> String {
    let id = (0..).map(|n| format!("c{n}")).find(|id| partition_of(id.as_bytes(), 2) == partition).unwrap();
    format!(r#"{{"id":"e","name":"X","timestamp":1750000000000,"conversationId":"{id}"}}"#)
}

fn record<'a>(topic: &'a str, value: &'a [u8]) -> SourceRecord<'a> {
    SourceRecord {
        topic,
        partition: 0,
        offset: 3,
        timestamp_ms: None,
        key: None,
        value: Some(value),
        headers: &NoHeaders,
        conversation: None,
    }
}

#[test]
fn a_record_whose_schema_is_not_known_yet_is_not_taken_and_taken_once_it_is() {
    let decoder = Arc::new(Learning::default());
    let topology = topology(&decoder);
    let mut task = task(&topology, 0);
    let (json, other) = (event(0), format!("!{}", event(0)));
    task.process(&record("json", json.as_bytes()), 0).unwrap();
    let refused = task.process(&record("other", other.as_bytes()), 0).unwrap_err();
    assert!(matches!(refused, TaskError::UnknownSchema { partition: 0, id: 7 }), "{refused}");
    task.aborted();
    assert!(task.is_clean(), "nothing of it is staged");
    decoder.is_known.store(true, Ordering::Release);
    task.process(&record("other", other.as_bytes()), 0).unwrap();
    let mut sent = Sent::default();
    task.prepare(&mut sent).unwrap();
    let letters = topology.dead_letters().index();
    assert!(sent.0.iter().all(|(topic, _)| *topic != letters), "it was read: {:?}", sent.0);
    assert_eq!(task.offsets().len(), 1);
}

#[test]
fn a_record_that_is_carried_is_read_as_its_first_topic_says() {
    let decoder = Arc::new(Learning::default());
    let topology = topology(&decoder);
    decoder.is_known.store(true, Ordering::Release);
    let mut first = task(&topology, 0);
    let value = format!("!{}", event(1));
    first.process(&record("other", value.as_bytes()), 0).unwrap();
    let mut sent = Sent::default();
    first.prepare(&mut sent).unwrap();
    let [(topic, message)] = sent.0.as_slice() else { panic!("{:?}", sent.0) };
    assert_eq!(*topic, topology.repartition().index());

    decoder.is_known.store(false, Ordering::Release);
    let mut second = task(&topology, 1);
    let refused = second.process(&record("repartition", message), 0).unwrap_err();
    assert!(matches!(refused, TaskError::UnknownSchema { partition: 1, id: 7 }), "{refused}");
    second.aborted();
    decoder.is_known.store(true, Ordering::Release);
    second.process(&record("repartition", message), 0).unwrap();
}

#[test]
fn a_record_on_its_way_home_waits_for_its_schema_too() {
    let decoder = Arc::new(Learning::default());
    let mut mover = Repartitioner::new(topology(&decoder), 2, Limits::default());
    let (json, other) = (event(0), format!("!{}", event(1)));
    mover.process(&record("json", json.as_bytes()), 0).unwrap();
    assert_eq!(mover.process(&record("other", other.as_bytes()), 0), Err(UnknownSchema(7)));
    assert_eq!(mover.offsets().map(|offset| offset.topic).collect::<Vec<_>>(), ["json"]);
    decoder.is_known.store(true, Ordering::Release);
    mover.process(&record("other", other.as_bytes()), 0).unwrap();
    let mut sent = Sent::default();
    mover.prepare(&mut sent).unwrap();
    assert_eq!(sent.0.len(), 2);
}
