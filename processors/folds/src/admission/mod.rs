//! Each event once (contract section 0): the first processor of every topology.
//!
//! An event that has been folded is remembered by its id and by a number for what it said. Another one of the same id is a
//! duplicate if it says the same, and ends here. If it says something else it is never silently dropped: the first one seen
//! stays, the other becomes a dead letter.

use engine::{Context, Outcome, ProcessError, Processor, Rejection, SourceRecord};
use model::{Event, Home, Reason};

/// The processor's name in topics.yaml.
pub const NAME: &str = "admission";

/// Events of conversations.
const OF_CONVERSATION: u8 = b'c';
/// Events of activities that belong to none.
const OF_ACTIVITY: u8 = b'a';

/// Lets each event pass once. It writes no topic.
#[derive(Debug, Clone, Copy, Default)]
pub struct Admission;

impl Processor for Admission {
    fn name(&self) -> &'static str {
        NAME
    }

    fn namespace(&self) -> u8 {
        b'g'
    }

    fn outputs(&self) -> usize {
        0
    }

    fn wants(&self, home: &Home<'_>) -> bool {
        match home {
            Home::Conversation(_) | Home::Activity(_) => true,
            // It is folded, and so admitted, where its conversation lies.
            Home::Session(_) => false,
        }
    }

    fn process(
        &self,
        event: &Event<'_>,
        _record: &SourceRecord<'_>,
        context: &mut Context<'_>,
    ) -> Result<Outcome, ProcessError> {
        let (first, home) = match event.home() {
            Home::Conversation(id) => (OF_CONVERSATION, id),
            Home::Activity(id) => (OF_ACTIVITY, id),
            Home::Session(_) => return Ok(Outcome::Ignored),
        };
        let name = model::activity_key(Some(home), &event.id);
        let mut key = Vec::with_capacity(name.len() + 1);
        key.push(first);
        key.extend_from_slice(name.as_bytes());
        let content = event.content_hash().to_be_bytes();
        let known = context.read(&key, |known| known.map(|known| known == content))?;
        if known.is_none() {
            context.put(&key, &content);
        }
        Ok(judged(known))
    }
}

/// What becomes of an event of a known id that says the same as the first one, or not.
pub(crate) fn judged(same: Option<bool>) -> Outcome {
    match same {
        None => Outcome::Folded,
        Some(true) => Outcome::Duplicate,
        Some(false) => Outcome::Rejected(Rejection {
            reason: Reason::ConflictingDuplicate,
            detail: "an event with the same id and other content came first, and stays; give each event an id of its own"
                .to_owned(),
        }),
    }
}
