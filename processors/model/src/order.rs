// SPDX-License-Identifier: Apache-2.0

//! The total order of events (contract, section 0).

use std::cmp::Ordering;

/// A position in the total order: the time in epoch milliseconds, the rank within one millisecond ([`rank`]), the id.
pub type Order<'a> = (i64, u8, &'a str);

/// Compares two events by `(at, rank, eventId)`, the id as UTF-8 bytes. "First", "last", "before" and "after" always refer to
/// this order.
#[must_use]
pub fn compare(a: Order<'_>, b: Order<'_>) -> Ordering {
    // `str` compares by bytes; `char`s or UTF-16 units would order some scripts differently.
    a.cmp(&b)
}

/// The rank of all other events.
pub const RANK_OF_OTHERS: u8 = 4;

/// The reasons of a task's close after which the wait continues (contract section 4).
const GOES_ON: [&str; 4] = ["RONA", "REROUTE", "RESPONSE_TIMEOUT", "AGENT_LOGOUT"];

/// Whether the wait continues after a task is closed for this reason.
#[must_use]
pub fn wait_goes_on(reason: Option<&str>) -> bool {
    reason.is_some_and(|reason| GOES_ON.contains(&reason))
}

/// The rank within one millisecond, by the event's name, and for a task, topic or conversation by its new state and the reason.
#[must_use]
pub fn rank(name: &str, state: Option<&str>, reason: Option<&str>) -> u8 {
    match name {
        "CONVERSATION_STARTED" | "CHANNEL_SESSION_STARTED" => 0,
        "TOPIC_STATE_CHANGED" | "TOPIC_STATE_CHANGE_EVENT" | "CONVERSATION_STATE_CHANGED" => match state {
            Some("CREATED" | "ACTIVE") => 0,
            Some("CLOSED") => 8,
            _ => RANK_OF_OTHERS,
        },
        "TASK_STATE_CHANGED" => match state {
            Some("CLOSED") if wait_goes_on(reason) => 1,
            Some("CLOSED") => 6,
            _ => 3,
        },
        "TASK_ENQUEUED" => 2,
        "AGENT_RESERVED" | "AGENT_SUBSCRIBED" | "BOT_SUBSCRIBED" | "CALL_LEG_STARTED" => 3,
        "CALL_LEG_ENDED" | "AGENT_UNSUBSCRIBED" | "BOT_UNSUBSCRIBED" => 5,
        "NO_AGENT_AVAILABLE" => 6,
        "CHANNEL_SESSION_ENDED" | "CHANNEL_SESSION_EXPIRED" | "CUSTOMER_LEFT" => 7,
        "CONVERSATION_CLOSED" => 8,
        _ => RANK_OF_OTHERS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_decides_before_the_rank_and_the_rank_before_the_id() {
        assert_eq!(compare((1, 9, "b"), (2, 0, "a")), Ordering::Less);
        assert_eq!(compare((2, 3, "a"), (2, 4, "a")), Ordering::Less);
        assert_eq!(compare((2, 3, "b"), (2, 4, "a")), Ordering::Less);
        assert_eq!(compare((2, 0, "a"), (1, 8, "b")), Ordering::Greater);
    }

    #[test]
    fn at_the_same_time_and_rank_the_ids_bytes_decide() {
        assert_eq!(compare((1, 4, "a"), (1, 4, "b")), Ordering::Less);
        assert_eq!(compare((1, 4, "10"), (1, 4, "9")), Ordering::Less);
        assert_eq!(compare((1, 4, "Z"), (1, 4, "a")), Ordering::Less);
        assert_eq!(compare((1, 4, "x"), (1, 4, "x")), Ordering::Equal);
    }

    #[test]
    fn ids_beyond_the_basic_plane_sort_by_bytes_and_not_by_utf16_units() {
        // In UTF-16 the emoji's surrogate (0xD83D) is less than U+FF5E.
        assert_eq!(compare((1, 4, "\u{ff5e}"), (1, 4, "\u{1f600}")), Ordering::Less);
    }

    #[test]
    fn what_opens_comes_first_and_what_closes_last_within_a_millisecond() {
        let in_order = [
            ("CHANNEL_SESSION_STARTED", None, None),
            ("TASK_STATE_CHANGED", Some("CLOSED"), Some("RONA")),
            ("TASK_ENQUEUED", None, None),
            ("TASK_STATE_CHANGED", Some("RESERVED"), None),
            ("CUSTOMER_MESSAGE", None, None),
            ("AGENT_UNSUBSCRIBED", None, None),
            ("TASK_STATE_CHANGED", Some("CLOSED"), Some("CANCELLED")),
            ("CUSTOMER_LEFT", None, None),
            ("TOPIC_STATE_CHANGED", Some("CLOSED"), None),
        ];
        let ranks = in_order.map(|(name, state, reason)| rank(name, state, reason));
        assert_eq!(ranks, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(rank("TASK_STATE_CHANGED", None, Some("RONA")), 3);
        assert_eq!(rank("TOPIC_STATE_CHANGE_EVENT", Some("ACTIVE"), None), 0);
        assert_eq!(rank("CONVERSATION_STATE_CHANGED", Some("ON_HOLD"), None), RANK_OF_OTHERS);
    }
}
