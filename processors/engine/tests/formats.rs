//! Tests of formats: the processor determines a record's content, its topic the format.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this file is a test, its helpers too"
)]

mod common;

use std::sync::Arc;

use common::{FIRST_OUTPUT, SentRecord, event, prepared, record, running, topology};
use engine::{Context, Emitter, Outcome, ProcessError, Processor, SourceRecord};
use model::{AuditRecord, Dimension, Event, Format, Home, MetricsWindow, Record};

/// Writes one record immediately and another at the commit, to each of two outputs.
struct Writer;

impl Processor for Writer {
    fn name(&self) -> &'static str {
        "writer"
    }
    fn namespace(&self) -> u8 {
        b'w'
    }
    fn outputs(&self) -> usize {
        2
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
            context.format(output).write(&Record::from(&AuditRecord::of(event)), &mut value);
            context.emit(output, "audit/1", b"", b"at once", Some(value))?;
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
            emitter.format(output).write(&Record::from(&window), &mut value);
            emitter.emit(output, "window/1", b"", b"at the commit", Some(&value))?;
        }
        Ok(())
    }
}

/// Writes only the kind of record.
struct Kinds;

impl Format for Kinds {
    fn write(&self, record: &Record<'_>, out: &mut Vec<u8>) {
        let kind = match record {
            Record::Audit(_) => "audit",
            Record::MetricsWindow(_) => "window",
            _ => "other",
        };
        out.extend_from_slice(kind.as_bytes());
    }
}

#[test]
fn each_output_is_written_in_its_topics_format_and_json_is_that_of_which_nothing_is_said() {
    let mut topology = topology();
    topology.add(Box::new(Writer), &["plain", "kinds"]).unwrap();
    let kinds: Arc<dyn Format> = Arc::new(Kinds);
    topology.set_format("kinds", &kinds);
    topology.set_format("not written", &kinds);
    assert_eq!(topology.topics().len(), 5);

    let mut task = running(topology);
    task.process(&record("events", event("e", "X", "c").as_bytes()), 0).unwrap();
    let sent = prepared(&mut task);

    let value = |topic: usize, key: &str| {
        let texts = sent.to(topic).into_iter().map(SentRecord::texts);
        texts.filter(|(of, _)| *of == key).map(|(_, value)| value).collect::<String>()
    };
    assert!(value(FIRST_OUTPUT, "at once").starts_with(r#"{"eventId":"e","#));
    assert!(value(FIRST_OUTPUT, "at the commit").starts_with(r#"{"dimension":"bot","#));
    assert_eq!(value(FIRST_OUTPUT + 1, "at once"), "audit");
    assert_eq!(value(FIRST_OUTPUT + 1, "at the commit"), "window");
}
