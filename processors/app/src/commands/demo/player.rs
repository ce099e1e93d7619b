// SPDX-License-Identifier: Apache-2.0

//! The conversations of the demo, event by event. No event is in the future.
//!
//! Without an end, conversations begin now and take the time that they take: an event is sent when it happens, and where none is
//! due, another conversation begins. So the rate is kept, whatever the conversations do. A number of conversations is played as
//! fast as the rate says, and ends now.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::trial::{Conversations, Options, Planned, Size};

/// Of a number of conversations, how many are open at a time.
const AT_A_TIME: usize = 8;
/// What happens after a conversation's last event: an agent goes into a break.
const MARGIN_MS: i64 = 1_000;

/// Generated conversations, one event after another.
pub(super) struct Player {
    coming: Conversations,
    /// How many are still to begin; `None` without an end.
    left: Option<u64>,
    begun: u64,
    open: BinaryHeap<Reverse<Next>>,
}

impl Player {
    /// Conversations of this seed; `number`: so many, else without an end.
    pub(super) fn new(seed: u64, number: Option<u64>, now_ms: i64) -> Self {
        let options =
            Options { seed, start_ms: now_ms, size: Size::Slim, session_keyed: false, ..Options::default() };
        let start_ms = number.map_or(now_ms, |number| 2 * now_ms - MARGIN_MS - end(options, number));
        let coming = Conversations::new(Options { start_ms, ..options });
        Self { coming, left: number, begun: 0, open: BinaryHeap::new() }
    }

    /// How many conversations have begun.
    pub(super) fn begun(&self) -> u64 {
        self.begun
    }

    /// The next event; `None` after the last one.
    pub(super) fn next(&mut self, now_ms: i64) -> Option<Planned> {
        if self.left.is_none() {
            if self.open.peek().is_none_or(|Reverse(next)| next.event.at_ms > now_ms) {
                self.coming.begin_next_at(now_ms);
                self.begin();
            }
        } else {
            while self.open.len() < AT_A_TIME && self.left.is_some_and(|left| left > 0) {
                self.begin();
            }
        }
        let Reverse(Next { event, rest }) = self.open.pop()?;
        self.open.extend(Next::of(rest));
        Some(event)
    }

    /// Another conversation begins.
    fn begin(&mut self) {
        let Some(conversation) = self.coming.next() else { return };
        self.left = self.left.map(|left| left.saturating_sub(1));
        self.begun += 1;
        self.open.extend(Next::of(conversation.into_iter()));
    }
}

/// When the last event of this number of conversations happens.
fn end(options: Options, number: u64) -> i64 {
    let number = usize::try_from(number).unwrap_or(usize::MAX);
    let ends = Conversations::new(options).take(number).filter_map(|all| Some(all.last()?.at_ms));
    ends.max().unwrap_or(options.start_ms)
}

/// A conversation ordered by its next event.
struct Next {
    event: Planned,
    rest: std::vec::IntoIter<Planned>,
}

impl Next {
    fn of(mut rest: std::vec::IntoIter<Planned>) -> Option<Reverse<Self>> {
        let event = rest.next()?;
        Some(Reverse(Self { event, rest }))
    }

    fn order(&self) -> (i64, &str) {
        (self.event.at_ms, &self.event.value)
    }
}

impl PartialEq for Next {
    fn eq(&self, other: &Self) -> bool {
        self.order() == other.order()
    }
}

impl Eq for Next {}

impl PartialOrd for Next {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Next {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.order().cmp(&other.order())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_790_000_000_000;

    #[test]
    fn without_an_end_each_event_is_of_now_or_a_little_before() {
        let (mut player, every_ms) = (Player::new(1, None, NOW), 200);
        let mut latest = 0;
        let mut open_max = 0;
        for tick in 0..3_000 {
            let now = NOW + tick * every_ms;
            let event = player.next(now).unwrap();
            assert!(event.at_ms <= now, "{} ms in the future", event.at_ms - now);
            latest = latest.max(now - event.at_ms);
            open_max = open_max.max(player.open.len());
        }
        assert!(latest < 60_000, "an event was sent {latest} ms late");
        assert!((10..200).contains(&open_max), "{open_max} conversations at a time");
        assert!(player.begun() > 100, "{}", player.begun());
    }

    #[test]
    fn a_number_of_conversations_ends_now() {
        let mut player = Player::new(1, Some(20), NOW);
        let events: Vec<Planned> = std::iter::from_fn(|| player.next(NOW)).collect();
        assert_eq!(player.begun(), 20);
        assert_eq!(events.iter().map(|event| event.at_ms).max(), Some(NOW - MARGIN_MS));
        assert!(Player::new(1, Some(0), NOW).next(NOW).is_none());
    }

    #[test]
    fn the_same_seed_plays_the_same_conversations() {
        let ids = |now| {
            let mut player = Player::new(7, Some(5), now);
            std::iter::from_fn(move || player.next(now)).map(|event| event.conversation).collect::<Vec<_>>()
        };
        assert_eq!(ids(NOW), ids(NOW + 86_400_000));
    }
}
