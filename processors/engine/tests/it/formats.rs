// SPDX-License-Identifier: Apache-2.0

//! Tests of formats: the processor determines a record's content, its topic the format.

use std::borrow::Cow;
use std::sync::Arc;

use crate::common::{FIRST_OUTPUT, SentRecord, event, prepared, record, running, topology};
use engine::{Context, Emitter, Outcome, ProcessError, Processor, Product, SourceRecord};
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
            context.emit(output, b"", b"at once", Some(&AuditRecord::of(event)))?;
        }
        context.mark(b"key");
        Ok(Outcome::Folded)
    }
    fn emit(&self, _key: &[u8], emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
        let (window_start, window_end) = (0, 1);
        let dimension = Dimension::Bot;
        let window = MetricsWindow {
            dimension,
            id: "b".into(),
            window_start,
            window_end,
            figures: Cow::default(),
            revision: 1,
            histograms: Cow::default(),
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

#[test]
fn each_output_is_written_in_its_topics_format_and_json_is_that_of_which_nothing_is_said() {
    let mut topology = topology();
    topology.add(Box::new(Writer), &["plain", "upper"]).unwrap();
    let capitals: Arc<dyn Format> = Arc::new(Capitals);
    topology.set_format("upper", &capitals);
    topology.set_format("not written", &capitals);
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
    assert!(value(FIRST_OUTPUT + 1, "at once").starts_with(r#"{"EVENTID":"E","#));
    assert!(value(FIRST_OUTPUT + 1, "at the commit").starts_with(r#"{"DIMENSION":"BOT","#));
}
