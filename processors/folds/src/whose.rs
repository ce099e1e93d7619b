// SPDX-License-Identifier: Apache-2.0

//! Customers of an event (contract section 9).

use model::{Actor, Event};

/// The customers of the event: the one it names, and its actor if that is a customer. At most two, without duplicates.
pub(crate) fn customers<'e>(event: &'e Event<'_>) -> impl Iterator<Item = &'e str> {
    let named = event.customer_id.as_deref();
    let actor = event.actor.as_ref().and_then(of_actor).filter(|actor| Some(*actor) != named);
    named.into_iter().chain(actor)
}

/// The customer that an actor is.
fn of_actor<'a>(actor: &'a Actor<'_>) -> Option<&'a str> {
    actor.id.as_deref().filter(|_| actor.actor_type.as_deref() == Some("CUSTOMER"))
}

/// Time of a record for erasure requests; one without a Kafka timestamp precedes all requests.
pub(crate) fn came_ms(record: &engine::SourceRecord<'_>) -> i64 {
    record.timestamp_ms.unwrap_or(0)
}
