//! Tests of formats: the processor determines a record's content, its topic the format.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this file is a test, its helpers too"
)]

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::{
    Context, Emitter, InnerTopics, MemoryStore, NoHeaders, Outcome, OutputRecord, Phase, ProcessError,
    Processor, Product, Sink, SinkError, SourceRecord, Task, Topology,
};
use model::{AuditRecord, Dimension, Event, Format, Home, Limits, MetricsWindow, Record};

/// Writes one record immediately and another at the commit, to each of two outputs.
struct Writer;

impl Processor for Writer {
    fn name(&self) -> &'static str {
        "writer"
    }
    fn namespace(&self) -> u8 {
        b'w'
    }
    fn products(&self) -> &'static [Product] {
        const { &[Product::new("plain", "test/1"), Product::new("upper", "test/1")] }
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
        for output in 0..2 {
            let mut value = Vec::new();
            context.format(output).write(&AuditRecord::of(event), &mut value);
            context.emit(output, b"", b"at once", Some(value))?;
        }
        context.mark(b"key");
        Ok(Outcome::Folded)
    }
    fn emit(&self, _key: &[u8], emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
        let (window_start, window_end) = (0, 1);
        let dimension = Dimension::Bot;
        let window = MetricsWindow {
            dimension,
            id: "b",
            window_start,
            window_end,
            figures: &[],
            revision: 1,
            histograms: &[],
        };
        for output in 0..2 {
            let mut value = Vec::new();
            emitter.format(output).write(&window, &mut value);
            emitter.emit(output, b"", b"at the commit", Some(&value))?;
        }
        Ok(())
    }
}

/// JSON in capitals.
struct Capitals;

impl Format for Capitals {
    fn write(&self, record: &dyn Record, out: &mut Vec<u8>) {
        let mut json = Vec::new();
        record.write_json(&mut json);
        json.make_ascii_uppercase();
        out.append(&mut json);
    }
}

/// Values by topic index and key.
#[derive(Default)]
struct Values(BTreeMap<(usize, String), String>);

impl Sink for Values {
    fn send(&mut self, record: OutputRecord<'_>) -> Result<(), SinkError> {
        let text = |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
        self.0.insert((record.topic.index(), text(record.key)), text(record.value));
        Ok(())
    }
}

#[test]
fn each_output_is_written_in_its_topics_format_and_json_is_that_of_which_nothing_is_said() {
    let inner = InnerTopics {
        dead_letters: "letters",
        changelog: "changelog",
        repartition: "repartition",
        erasures: None,
    };
    let mut topology = Topology::new(inner);
    topology.add(Box::new(Writer), &["plain", "upper"]).unwrap();
    let capitals: Arc<dyn Format> = Arc::new(Capitals);
    topology.set_format("upper", &capitals);
    topology.set_format("not written", &capitals);
    assert_eq!(topology.topics().len(), 5);

    let mut task = Task::new(0, 1, Arc::new(topology), Limits::default(), Box::new(MemoryStore::default()));
    task.become_phase(Phase::Restoring);
    task.restored(0).unwrap();
    let record = SourceRecord {
        topic: "events",
        partition: 0,
        offset: 0,
        timestamp_ms: None,
        key: None,
        value: Some(br#"{"id":"e","name":"X","timestamp":1750000000000,"conversationId":"c"}"#),
        headers: &NoHeaders,
        conversation: None,
    };
    task.process(&record, 0).unwrap();
    let mut values = Values::default();
    task.prepare(&mut values).unwrap();

    let value = |topic: usize, key: &str| values.0[&(topic, key.to_owned())].as_str();
    assert!(value(3, "at once").starts_with(r#"{"eventId":"e","#));
    assert!(value(3, "at the commit").starts_with(r#"{"dimension":"bot","#));
    assert!(value(4, "at once").starts_with(r#"{"EVENTID":"E","#));
    assert!(value(4, "at the commit").starts_with(r#"{"DIMENSION":"BOT","#));
}
