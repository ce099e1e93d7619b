// SPDX-License-Identifier: Apache-2.0

//! Customers with their last conversations (contract section 6.2), in two stages.
//!
//! The first stage runs in the conversation's partition: its timeline reports the conversation's contact with its customer at
//! the last commit and now. The change is sent to the partition of the customer's id. If the customer has changed, the
//! conversation is removed from one list and added to the other, in one transaction. All messages about one conversation to one
//! customer come from one partition, in order and exactly once, so the last one counts.
//!
//! The second stage runs in the customer's partition: each conversation of a customer has its own key, so a change costs one
//! small record, however long the list; an index by start has those of a span of time, for reports. At the commit the list is
//! sorted, entries beyond the last 1,000 are deleted, and the record with the last 100 is emitted.
//!
//! *Erasure.* A forgotten conversation stays listed, so its partition stores the list's customer as long as it is listed; an
//! erasure then removes it from the list. A customer's conversations without any such record, because it has expired, are found
//! in the customer's partition by the time of their first event.
//!
//! *Retention.* A customer without events for a long time leaves the state; the record stays. A later conversation of the
//! customer begins a new list.

mod asked;
mod listed;
mod message;
mod retention;
mod settle;
mod store;

use std::collections::BTreeSet;

use engine::{
    Context, Counter, Emitter, Expire, Forget, HandleErasures, News, ProcessError, Processor, Product, Scope,
    Slice,
};

use crate::owner::{Owned, Owner};
use crate::scan::LISTED;
use crate::timelines::{self, Moved, Said};
use crate::widths::{FIELDS, ID, INTEGER, Sizes};
use crate::{admission, timers};
pub use listed::record_of;
pub(crate) use listed::with_record;
use message::Message;
pub use settle::BEYOND;
use store::Entry;
pub(crate) use store::{NAMESPACE, place, places_of_starts, started};

/// The processor's name in topics.yaml.
pub const NAME: &str = "customers";
/// Its output.
pub const PRODUCT: Product = Product {
    topic: "cx.customers",
    schema: model::Schema::CUSTOMER.header,
    one_for_each: "customer",
    key: "`customerId`, as it is",
};
const OUTPUT: usize = 0;

/// Maximum size of a record's value.
pub(crate) fn record_bytes(_: Sizes) -> u64 {
    let contact = 5 * ID + 4 * INTEGER + FIELDS;
    ID + LISTED as u64 * contact + 3 * INTEGER
}

/// Lists conversations by customer: writes one topic, `cx.customers`.
#[derive(Debug, Clone, Copy)]
pub struct Customers {
    retention_ms: i64,
}

impl Customers {
    /// Creates the processor from the settings.
    #[must_use]
    pub fn new(settings: &crate::Settings) -> Self {
        Self { retention_ms: settings.customer_retention_ms }
    }
}

impl Processor for Customers {
    fn name(&self) -> &'static str {
        NAME
    }

    fn namespace(&self) -> u8 {
        NAMESPACE
    }

    fn products(&self) -> &'static [Product] {
        &[PRODUCT]
    }

    fn as_expire(&self) -> Option<&dyn Expire> {
        Some(self)
    }

    fn as_forget(&self) -> Option<&dyn Forget> {
        Some(self)
    }

    fn as_handle_erasures(&self) -> Option<&dyn HandleErasures> {
        Some(self)
    }

    fn counters(&self) -> Vec<&'static Counter> {
        vec![&BEYOND]
    }

    fn follows(&self) -> &'static [&'static str] {
        &[admission::NAME, timelines::NAME]
    }

    /// Takes a message about a conversation: from its partition to the customer's, or back.
    fn receive(&self, key: &[u8], payload: &[u8], context: &mut Context<'_>) -> Result<(), ProcessError> {
        let text = std::str::from_utf8(key).map_err(|problem| message::unknown(&problem))?;
        match Message::read(payload)? {
            Message::List { conversation, entry } => {
                store::list(context, text, conversation, &entry)?;
                context.mark(key);
            }
            Message::Unlist { conversation } => {
                if store::unlist(context, text, conversation)? {
                    context.mark(key);
                }
            }
            Message::Left { conversation, customer } => store::left(context, conversation, customer)?,
        }
        Ok(())
    }

    fn flush(&self, news: &News<'_>, emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
        let marked = news.marked().map(|customer| String::from_utf8_lossy(customer).into_owned());
        let mut changed: BTreeSet<String> = marked.collect();
        for note in news.heard() {
            if let Some(Said::Contact(moved)) = Said::of(&note)
                && let Some(moved) = Moved::read(moved)
            {
                moves(note.key, moved, &mut changed, emitter)?;
            }
        }
        changed.iter().try_for_each(|customer| self.settle(customer, emitter))
    }
}

impl Forget for Customers {
    /// Also removes conversations from their customer's list that were forgotten long ago: forgetting keeps them listed.
    fn erase(
        &self,
        scope: &Scope<'_>,
        _from: &[u8],
        emitter: &mut Emitter<'_>,
    ) -> Result<Slice, ProcessError> {
        let Scope::Conversation(escaped) = scope else { return Ok(Slice::Last) };
        let Some(conversation) = timelines::conversation_id(escaped) else { return Ok(Slice::Last) };
        let Some(customer) = store::listed_of(emitter, escaped)? else { return Ok(Slice::Last) };
        emitter.delete(&store::listed_key(escaped));
        if take_out(&customer, &conversation, emitter)? {
            self.settle(&customer, emitter)?;
        }
        Ok(Slice::Last)
    }
}

/// Updates a conversation's contact or customer. Returns the customer if the list is in this partition and has changed.
fn moves(
    escaped: &[u8],
    moved: Moved<'_>,
    changed: &mut BTreeSet<String>,
    emitter: &mut Emitter<'_>,
) -> Result<(), ProcessError> {
    let Some(conversation) = timelines::conversation_id(escaped) else { return Ok(()) };
    let was = moved.was.map(|contact| contact.customer);
    let is = moved.is.map(|contact| contact.customer);
    if was != is {
        if let Some(customer) = was
            && take_out(customer, &conversation, emitter)?
        {
            changed.insert(customer.to_owned());
        }
        match is {
            Some(customer) => emitter.put(&store::listed_key(escaped), customer.as_bytes()),
            None => emitter.delete(&store::listed_key(escaped)),
        }
    }
    let Some(contact) = moved.is else { return Ok(()) };
    let entry = Entry { came_ms: admission::first_came(escaped, contact.customer, emitter)?, contact };
    if emitter.is_here(contact.customer.as_bytes()) {
        store::list(emitter, contact.customer, &conversation, &entry)?;
        changed.insert(contact.customer.to_owned());
        return Ok(());
    }
    emitter.send(contact.customer.as_bytes(), &Message::List { conversation: &conversation, entry }.write())
}

/// Removes a conversation from a customer's list; returns whether the list is here and had it.
fn take_out(customer: &str, conversation: &str, emitter: &mut Emitter<'_>) -> Result<bool, ProcessError> {
    if emitter.is_here(customer.as_bytes()) {
        return store::unlist(emitter, customer, conversation);
    }
    emitter.send(customer.as_bytes(), &Message::Unlist { conversation }.write())?;
    Ok(false)
}

/// Notifies the conversation's partition that it has left a customer's list.
fn tell_left(customer: &str, conversation: &str, emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
    if emitter.is_here(conversation.as_bytes()) {
        return store::left(emitter, conversation, customer);
    }
    emitter.send(conversation.as_bytes(), &Message::Left { conversation, customer }.write())
}

/// Owner of a record of this processor's state.
pub(crate) fn owned(key: &[u8]) -> Option<Owned<'_>> {
    match key.split_first()? {
        (&store::ENTRY, rest) => Owned::by(store::parts_of_entry(rest)?.1, false),
        (&store::START, rest) => Owned::by(store::parts_of_entry(store::parts_of_start(rest)?.1)?.1, false),
        (&store::LISTED, escaped) => Owned::by(escaped, false),
        (&store::CUSTOMER, escaped) => Owned::by_customer(escaped),
        (&store::TIMER, timer) => Owned::by_customer(timers::about(timer)?),
        _ => None,
    }
}

/// Owner of a message of this processor.
pub(crate) fn owner_of_message(payload: &[u8]) -> Option<Owner<'_>> {
    let (Message::List { conversation, .. }
    | Message::Unlist { conversation }
    | Message::Left { conversation, .. }) = Message::read(payload).ok()?;
    Some(Owner::Conversation(conversation.into()))
}
