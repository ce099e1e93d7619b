//! Events that are known only by their channel session (contract section 7).
//!
//! Such an event belongs to the conversation whose events carry that session. It is held here, in its original bytes,
//! and is in no output while it waits.

use engine::{Context, Emitter, Outcome, ProcessError, Processor, SourceRecord};
use model::{Event, Home};
use serde::{Deserialize, Serialize};

/// The processor's name in topics.yaml.
pub const NAME: &str = "correlate";

/// Holds events whose conversation is not known.
#[derive(Debug, Clone, Copy, Default)]
pub struct Correlate;

/// A held record, as it came; with its position, so that it can still be dead-lettered from there.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Held<'a> {
    topic: &'a str,
    partition: i32,
    offset: i64,
    timestamp_ms: Option<i64>,
    #[serde(borrow)]
    key: Option<&'a [u8]>,
    value: Option<&'a [u8]>,
    headers: Vec<(String, Option<Vec<u8>>)>,
}

impl Processor for Correlate {
    fn name(&self) -> &'static str {
        NAME
    }

    fn namespace(&self) -> u8 {
        b'h'
    }

    fn outputs(&self) -> usize {
        0
    }

    fn wants(&self, home: &Home<'_>) -> bool {
        match home {
            Home::Session(_) => true,
            Home::Conversation(_) | Home::Activity(_) => false,
        }
    }

    fn process(
        &self,
        event: &Event<'_>,
        record: &SourceRecord<'_>,
        context: &mut Context<'_>,
    ) -> Result<Outcome, ProcessError> {
        let Home::Session(session) = event.home() else { return Ok(Outcome::Ignored) };
        let key = model::activity_key(Some(session), &event.id);
        let key = key.as_bytes();
        if context.read(key, |held| held.is_some())? {
            return Ok(Outcome::Duplicate);
        }
        let mut headers = Vec::new();
        record.headers.visit(&mut |name, value| headers.push((name.to_owned(), value.map(<[u8]>::to_vec))));
        let held = Held {
            topic: record.topic,
            partition: record.partition,
            offset: record.offset,
            timestamp_ms: record.timestamp_ms,
            key: record.key,
            value: record.value,
            headers,
        };
        let bytes = postcard::to_stdvec(&held).map_err(|problem| ProcessError::Corrupt {
            processor: NAME,
            key: String::from_utf8_lossy(key).into_owned(),
            problem: problem.to_string(),
        })?;
        context.put(key, &bytes);
        Ok(Outcome::Held)
    }

    fn emit(&self, _key: &[u8], _emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
        Ok(())
    }
}
