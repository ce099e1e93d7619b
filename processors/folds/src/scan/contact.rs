// SPDX-License-Identifier: Apache-2.0

//! Contact of a conversation with its customer (contract section 6.2).

use model::{Outcome, Waits};
use serde::{Deserialize, Serialize};

use super::Scan;
use super::visits::Visit;

/// A conversation as its customer's record lists it. All times are epoch milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Contact<'s> {
    /// The customer in the summary.
    pub(crate) customer: &'s str,
    pub(crate) started_at: i64,
    pub(crate) closed_at: Option<i64>,
    pub(crate) last_event_at: i64,
    /// Code of an [`Outcome`].
    pub(crate) outcome: Option<u8>,
    /// The first channel type of its events.
    pub(crate) channel: Option<&'s str>,
    /// The queue of the customer's last visit.
    pub(crate) queue: Option<&'s str>,
    /// The agent of the last stay that served.
    pub(crate) agent: Option<&'s str>,
}

impl Scan {
    /// The contact of the conversation; `None` if it has no customer, or is among agents.
    pub(crate) fn contact(&self) -> Option<Contact<'_>> {
        let customer = self.profile.customer().filter(|_| !self.is_private())?;
        let closed = self.cycles.last_closed();
        let mut visits = self.visits.list().iter().rev();
        let last_visit = visits.find(|visit| visit.waits() == Waits::Customer);
        let mut stays = self.stays.list().iter().rev();
        Some(Contact {
            customer,
            started_at: self.profile.started_at(),
            closed_at: closed.map(|(at, _)| at),
            last_event_at: self.profile.last_event_at(),
            outcome: closed.map(|(_, outcome)| Outcome::code(outcome)),
            channel: self.profile.first_channel(),
            queue: last_visit.and_then(Visit::queue),
            agent: stays.find(|stay| stay.has_served).map(|stay| &*stay.agent),
        })
    }
}
