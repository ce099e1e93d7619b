// SPDX-License-Identifier: Apache-2.0

//! Tests of decoders, which are set by topic; a record that cannot be decoded yet is not taken and leaves no trace.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::common::{Sent, event, prepared, record, running_in, topology};
use engine::{Repartitioner, Task, TaskError, Topology, UnknownSchema, partition_of};
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

fn topology_with(decoder: &Arc<Learning>) -> Arc<Topology> {
    let mut topology = topology();
    topology.set_decoder(Arc::clone(decoder) as Arc<dyn Decode>);
    Arc::new(topology)
}

fn task(topology: &Arc<Topology>, partition: i32) -> Task {
    running_in(Arc::clone(topology), partition, 2)
}

/// An event of a conversation in this partition.
fn event_in(partition: i32) -> String {
    let id = (0..).map(|n| format!("c{n}")).find(|id| partition_of(id.as_bytes(), 2) == partition).unwrap();
    event("e", "X", &id)
}

#[test]
fn a_record_whose_schema_is_not_known_yet_is_not_taken_and_taken_once_it_is() {
    let decoder = Arc::new(Learning::default());
    let topology = topology_with(&decoder);
    let mut task = task(&topology, 0);
    let (json, other) = (event_in(0), format!("!{}", event_in(0)));
    task.process(&record("json", json.as_bytes()), 0).unwrap();
    let refused = task.process(&record("other", other.as_bytes()), 0).unwrap_err();
    assert!(matches!(refused, TaskError::UnknownSchema { partition: 0, id: 7 }), "{refused}");
    task.aborted();
    assert!(task.is_clean(), "nothing of it is staged");
    decoder.is_known.store(true, Ordering::Release);
    task.process(&record("other", other.as_bytes()), 0).unwrap();
    let sent = prepared(&mut task);
    let letters = topology.dead_letters().index();
    assert!(sent.to(letters).is_empty(), "it was read: {:?}", sent.0);
    assert_eq!(task.offsets().len(), 1);
}

#[test]
fn a_record_that_is_carried_is_read_as_its_first_topic_says() {
    let decoder = Arc::new(Learning::default());
    let topology = topology_with(&decoder);
    decoder.is_known.store(true, Ordering::Release);
    let mut first = task(&topology, 0);
    let value = format!("!{}", event_in(1));
    first.process(&record("other", value.as_bytes()), 0).unwrap();
    let sent = prepared(&mut first);
    let [message] = sent.0.as_slice() else { panic!("{:?}", sent.0) };
    assert_eq!(message.topic, topology.repartition().index());

    decoder.is_known.store(false, Ordering::Release);
    let mut second = task(&topology, 1);
    let refused = second.process(&record("repartition", message.bytes()), 0).unwrap_err();
    assert!(matches!(refused, TaskError::UnknownSchema { partition: 1, id: 7 }), "{refused}");
    second.aborted();
    decoder.is_known.store(true, Ordering::Release);
    second.process(&record("repartition", message.bytes()), 0).unwrap();
}

#[test]
fn a_record_on_its_way_home_waits_for_its_schema_too() {
    let decoder = Arc::new(Learning::default());
    let mut mover = Repartitioner::new(topology_with(&decoder), 2, Limits::default());
    let (json, other) = (event_in(0), format!("!{}", event_in(1)));
    mover.process(&record("json", json.as_bytes()), 0).unwrap();
    assert_eq!(mover.process(&record("other", other.as_bytes()), 0), Err(UnknownSchema(7)));
    assert_eq!(mover.offsets().map(|offset| offset.topic).collect::<Vec<_>>(), ["json"]);
    decoder.is_known.store(true, Ordering::Release);
    mover.process(&record("other", other.as_bytes()), 0).unwrap();
    let mut sent = Sent::default();
    mover.prepare(&mut sent).unwrap();
    assert_eq!(sent.0.len(), 2);
}
