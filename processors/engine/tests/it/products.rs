// SPDX-License-Identifier: Apache-2.0

//! Products without state: what they emit while records are taken is staged like all else.

use crate::common::{FIRST_OUTPUT, SentRecord, event, prepared, record, running, topology};
use engine::{
    Context, HEADER_PROCESSOR, HEADER_SCHEMA, Outcome, ProcessError, Processor, Product, SourceRecord, Task,
    TaskError, Topology,
};
use model::{Event, Home, Layout, Record};

/// An event's name as it is.
struct Name<'n>(&'n str);

impl Record for Name<'_> {
    fn write_json(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.0.as_bytes());
    }
    fn write_avro(&self, _: &Layout, _: &mut Vec<u8>) {}
}

/// Repeats each event's name, under its id. The output is given.
struct Echo(usize);

impl Processor for Echo {
    fn name(&self) -> &'static str {
        "echo"
    }
    fn namespace(&self) -> u8 {
        b'e'
    }
    fn products(&self) -> &'static [Product] {
        const { &[Product::new("out", "echo/1")] }
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
        context.emit(self.0, b"place", event.id.as_bytes(), Some(&Name(&event.name)))?;
        Ok(Outcome::Ignored)
    }
}

fn published(output: usize) -> Topology {
    let mut topology = topology();
    topology.add(Box::new(Echo(output)), &["echoes"]).unwrap();
    topology
}

fn take(task: &mut Task, id: &str, name: &str) -> Result<(), TaskError> {
    task.process(&record("events", event(id, name, "c").as_bytes()), 0)
}

/// What reaches topic `echoes`: key, value and headers.
fn echoes(task: &mut Task) -> Vec<String> {
    let sent = prepared(task);
    let echo = |record: &SentRecord| {
        assert_eq!(record.routed_by.as_deref(), Some(b"place".as_slice()));
        let (key, value) = record.texts();
        format!("{key} {value} {}", record.headers.join(" "))
    };
    sent.to(FIRST_OUTPUT).into_iter().map(echo).collect()
}

#[test]
fn all_that_was_emitted_leaves_with_the_transaction_in_order_and_with_its_headers() {
    let mut task = running(published(0));
    for (id, name) in [("e2", "B"), ("e1", "A"), ("e2", "C")] {
        take(&mut task, id, name).unwrap();
    }
    let headers = format!("{HEADER_PROCESSOR}=echo {HEADER_SCHEMA}=echo/1");
    let expected = ["e2 B", "e1 A", "e2 C"].map(|record| format!("{record} {headers}"));
    assert_eq!(echoes(&mut task), expected);
    task.committed(None).unwrap();
    assert_eq!(echoes(&mut task), Vec::<String>::new());
}

#[test]
fn what_an_aborted_transaction_emitted_is_dropped() {
    let mut task = running(published(0));
    take(&mut task, "e1", "A").unwrap();
    task.aborted();
    assert_eq!(echoes(&mut task), Vec::<String>::new());
}

#[test]
fn what_is_emitted_counts_in_the_size_of_the_transaction() {
    let mut silent = topology();
    silent.add_silent(Box::new(Echo(0))).unwrap();
    let (mut silent, mut loud) = (running(silent), running(published(0)));
    for task in [&mut silent, &mut loud] {
        take(task, "e1", "NAME").unwrap();
    }
    assert_eq!(loud.staged_bytes(), silent.staged_bytes() + "place".len() + "e1".len() + "NAME".len());
}

#[test]
fn what_a_silent_processor_emits_goes_nowhere() {
    let mut silent = topology();
    silent.add_silent(Box::new(Echo(0))).unwrap();
    let mut task = running(silent);
    take(&mut task, "e1", "A").unwrap();
    assert_eq!(echoes(&mut task), Vec::<String>::new());
}

#[test]
fn an_output_that_is_not_declared_stops_the_task() {
    let refused = take(&mut running(published(1)), "e1", "A");
    assert!(matches!(refused, Err(TaskError::Fatal { .. })), "{refused:?}");
}
