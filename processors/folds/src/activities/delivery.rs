// SPDX-License-Identifier: Apache-2.0

//! Delivery status of a message (rule A7).

use std::borrow::Cow;

use super::reads::ReadAt;
use super::state::Stored;

/// Delivery status, in the order of rule A7.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    Accepted,
    Sent,
    Failed,
    Connected,
    Delivered,
    Read,
}

impl Rank {
    /// The status by name, in any letter case.
    pub(super) fn of(status: &str) -> Option<Self> {
        const WORDS: [(&str, Rank); 8] = [
            ("ACCEPTED", Rank::Accepted),
            ("SENT", Rank::Sent),
            ("FAILED", Rank::Failed),
            ("UNDELIVERED", Rank::Failed),
            ("CONNECTED", Rank::Connected),
            ("DELIVERED", Rank::Delivered),
            ("READ", Rank::Read),
            ("SEEN", Rank::Read),
        ];
        WORDS.iter().find(|(word, _)| status.eq_ignore_ascii_case(word)).map(|(_, rank)| *rank)
    }

    fn as_str(self) -> &'static str {
        match self {
            Rank::Accepted => "ACCEPTED",
            Rank::Sent => "SENT",
            Rank::Failed => "FAILED",
            Rank::Connected => "CONNECTED",
            Rank::Delivered => "DELIVERED",
            Rank::Read => "READ",
        }
    }
}

/// A receipt that counts: status, event and reason.
pub(super) type Receipt<'a> = (Rank, &'a Stored<'a>, Option<&'a str>);

/// The delivery of a message. Receipts are in the total order, so the first of a status is the earliest. `read` is the read
/// time of the message's side: from its own receipts and those of later messages.
pub(super) fn delivery<'a>(
    receipts: &[Receipt<'a>],
    read: Option<&'a ReadAt>,
    own_id: &str,
) -> Option<model::Delivery<'a>> {
    let first = |rank: Rank| receipts.iter().find(|(other, ..)| *other == rank);
    let at = |rank: Rank| first(rank).map(|(_, event, _)| event.at);
    // A message that failed was not read, even if a later one was.
    let read = read.filter(|_| first(Rank::Failed).is_none());
    let status = receipts.iter().map(|(rank, ..)| *rank).chain(read.map(|_| Rank::Read)).max()?;
    let own_at = at(Rank::Read);
    let (read_at, read_up_to) = match read {
        Some(read) if own_at.is_none_or(|own_at| read.at < own_at) => {
            (Some(read.at), Some(&*read.message).filter(|message| *message != own_id))
        }
        _ => (own_at, None),
    };
    Some(model::Delivery {
        status: Cow::Borrowed(status.as_str()),
        reason_code: first(status).and_then(|(_, _, reason_code)| reason_code.map(Cow::Borrowed)),
        accepted_at: at(Rank::Accepted),
        sent_at: at(Rank::Sent),
        connected_at: at(Rank::Connected),
        delivered_at: at(Rank::Delivered),
        read_at,
        failed_at: at(Rank::Failed),
        read_up_to: read_up_to.map(Cow::Borrowed),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_read_in_any_case() {
        assert_eq!(Rank::of("Seen"), Some(Rank::Read));
        assert_eq!(Rank::of("undelivered"), Some(Rank::Failed));
        assert!(Rank::of("FAILED") < Rank::of("connected") && Rank::of("CONNECTED") < Rank::of("DELIVERED"));
        assert_eq!(Rank::of("LOST"), None);
    }
}
