//! Whose an event is (contract section 9): the customers to whom it belongs, and when it came.

use model::{Actor, Event};

/// The customers whose event it is: the one that it names, and one who is its actor. At most two, and none of them twice.
pub(crate) fn customers<'e>(event: &'e Event<'_>) -> impl Iterator<Item = &'e str> {
    let named = event.customer_id.as_deref();
    let actor = event.actor.as_ref().and_then(of_actor).filter(|actor| Some(*actor) != named);
    named.into_iter().chain(actor)
}

/// The customer who an actor is.
fn of_actor<'a>(actor: &'a Actor<'_>) -> Option<&'a str> {
    actor.id.as_deref().filter(|_| actor.actor_type.as_deref() == Some("CUSTOMER"))
}

/// When a record came, for a request to erase: one without a Kafka timestamp is older than all requests.
pub(crate) fn came_ms(record: &engine::SourceRecord<'_>) -> i64 {
    record.timestamp_ms.unwrap_or(0)
}
