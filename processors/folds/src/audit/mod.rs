//! Who did what when to which activity, without any text (contract section 10). It has no state.
//!
//! There is one record for each event that can be read, whether it waits or not. An event that has to wait for its
//! session's conversation comes twice: as it is, and again once the conversation is known. The second record is caused by
//! the first one's event, and both lie in the partition of the event's id: so the last one has the conversation. That holds
//! for repetitions too, also where one of them names its conversation and another does not: so each leaves its record again,
//! which is the same.

use engine::{Context, Emitter, Outcome, ProcessError, Processor, Scope, SourceRecord};
use model::{AuditRecord, Event, Home, Record};

use crate::admission;

/// The processor's name in topics.yaml.
pub const NAME: &str = "audit";
const SCHEMA: &str = "audit/1";
const OUTPUT: usize = 0;

/// Writes one topic, `cx.audit`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Audit;

impl Processor for Audit {
    fn name(&self) -> &'static str {
        NAME
    }

    fn namespace(&self) -> u8 {
        b'u'
    }

    fn outputs(&self) -> usize {
        1
    }

    /// It only looks up which events an erased conversation had.
    fn follows(&self) -> &'static [&'static str] {
        &[admission::NAME]
    }

    fn wants(&self, _home: &Home<'_>) -> bool {
        true
    }

    fn wants_duplicates(&self) -> bool {
        true
    }

    fn process(
        &self,
        event: &Event<'_>,
        _record: &SourceRecord<'_>,
        context: &mut Context<'_>,
    ) -> Result<Outcome, ProcessError> {
        let mut value = Vec::with_capacity(384);
        context.format(OUTPUT).write(&Record::from(&AuditRecord::of(event)), &mut value);
        let key = event.id.as_bytes();
        context.emit(OUTPUT, SCHEMA, key, key, value)?;
        Ok(Outcome::Ignored)
    }

    fn erase(&self, scope: &Scope<'_>, emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
        for key in admission::event_ids(scope, emitter)? {
            emitter.emit(OUTPUT, SCHEMA, key.as_bytes(), key.as_bytes(), None)?;
        }
        Ok(())
    }
}
