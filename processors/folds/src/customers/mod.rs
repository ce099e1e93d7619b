//! Customers, each with his last conversations (contract section 6.2), in two stages.
//!
//! First, where a conversation lies: its timeline says what it was to its customer at the last commit, and what it is now. That is
//! sent to the partition of the customer's id. Where the customer has changed, the conversation is taken from the one and given to the
//! other, in one transaction. All that is sent of one conversation to one customer comes from one partition, in order and exactly
//! once, so the last word counts.
//!
//! Second, there: each conversation of a customer lies under a key of its own, so a change costs one small record, however many he
//! has. At the commit they are put in order, those beyond the last 1,000 go, and the record of the last 100 is emitted.
//!
//! *What is erased leaves the lists.* A conversation that is forgotten stays listed; so its partition keeps whose list it is in, for
//! as long as it is. An erasure takes it out there. A customer's conversations that nobody knows any more, since all knowledge of
//! them went with time, are found where he lies, by when the first of his events came.
//!
//! *No customer stays for ever.* One of whose conversations nothing has come for a long time leaves the state; his record stays.
//! Should he come again, his list begins anew.

mod asked;
mod listed;
mod message;
mod retention;
mod settle;
mod store;

use std::collections::BTreeSet;

use engine::{
    Context, Counter, Emitter, Expire, Forget, HandleErasures, News, ProcessError, Processor, Scope, Slice,
};

use crate::owner::{Owned, Owner};
use crate::timelines::{self, Moved, Said};
use crate::{admission, timers};
pub use listed::record_of;
pub(crate) use listed::with_record;
use message::Message;
pub use settle::BEYOND;
use store::Entry;
pub(crate) use store::{NAMESPACE, place};

/// The processor's name in topics.yaml.
pub const NAME: &str = "customers";
/// What its records say they are.
pub const SCHEMA: &str = "customer/1";
const OUTPUT: usize = 0;

/// Lists conversations by customer: writes one topic, `cx.customers`.
#[derive(Debug, Clone, Copy)]
pub struct Customers {
    retention_ms: i64,
}

impl Customers {
    /// The processor, as configured.
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

    fn outputs(&self) -> usize {
        1
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

    /// From where a conversation lies, about it, to its customer; or back.
    fn receive(&self, key: &[u8], payload: &[u8], context: &mut Context<'_>) -> Result<(), ProcessError> {
        let text = std::str::from_utf8(key).map_err(|problem| message::unknown(&problem))?;
        match Message::read(payload)? {
            Message::List { conversation, entry } => {
                store::list(context, text, conversation, &entry);
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
            if let Some(Said::Contact(moved)) = Said::of(&note) {
                moves(note.key, moved, &mut changed, emitter)?;
            }
        }
        changed.iter().try_for_each(|customer| self.settle(customer, emitter))
    }
}

impl Forget for Customers {
    /// Also one that was forgotten long ago leaves its customer's list: forgetting leaves it in it.
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

/// A conversation has become something else to its customer, or has another one. Gives on whose list lies here and has changed.
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
        store::list(emitter, contact.customer, &conversation, &entry);
        changed.insert(contact.customer.to_owned());
        return Ok(());
    }
    emitter.send(contact.customer.as_bytes(), &Message::List { conversation: &conversation, entry }.write())
}

/// Takes a conversation out of a customer's list; whether it lies here, and was in it.
fn take_out(customer: &str, conversation: &str, emitter: &mut Emitter<'_>) -> Result<bool, ProcessError> {
    if emitter.is_here(customer.as_bytes()) {
        return store::unlist(emitter, customer, conversation);
    }
    emitter.send(customer.as_bytes(), &Message::Unlist { conversation }.write())?;
    Ok(false)
}

/// Says, where a conversation lies, that it has left a customer's list.
fn tell_left(customer: &str, conversation: &str, emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
    if emitter.is_here(conversation.as_bytes()) {
        return store::left(emitter, conversation, customer);
    }
    emitter.send(conversation.as_bytes(), &Message::Left { conversation, customer }.write())
}

/// Whose a record of this processor's state is.
pub(crate) fn owned(key: &[u8]) -> Option<Owned<'_>> {
    match key.split_first()? {
        (&store::ENTRY, rest) => Owned::by(store::parts_of_entry(rest)?.1, false),
        (&store::LISTED, escaped) => Owned::by(escaped, false),
        (&store::CUSTOMER, escaped) => Owned::by_customer(escaped),
        (&store::TIMER, timer) => Owned::by_customer(timers::about(timer)?),
        _ => None,
    }
}

/// Whose a message of this processor is.
pub(crate) fn owner_of_message(payload: &[u8]) -> Option<Owner<'_>> {
    let (Message::List { conversation, .. }
    | Message::Unlist { conversation }
    | Message::Left { conversation, .. }) = Message::read(payload).ok()?;
    Some(Owner::Conversation(conversation.into()))
}
