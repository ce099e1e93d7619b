// SPDX-License-Identifier: Apache-2.0

//! The messages between the broker and Kafka: how many more may come, and which are to be sent again when.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::backoff;
use crate::verdict::Verdict;

/// A message that is not settled.
#[derive(Debug)]
struct Unsettled<M> {
    message: M,
    /// How often it was to be sent again.
    failures: u32,
    /// When it is to be sent again, in the caller's time; `None` while Kafka's answer is awaited.
    due: Option<Duration>,
    /// When it came.
    since: Duration,
}

/// The unsettled messages of one subscription. Times are those of the caller's clock.
///
/// Credit is the number of messages that the broker may still send. Credit and unsettled messages together never exceed the
/// maximum, so a slow Kafka stops the broker, and the memory is bounded.
#[derive(Debug)]
pub struct Window<M> {
    max: u32,
    credit: u32,
    next: u64,
    unsettled: BTreeMap<u64, Unsettled<M>>,
}

/// A settled message.
#[derive(Debug, PartialEq, Eq)]
pub struct Settled<M> {
    /// The message.
    pub message: M,
    /// For how long the bridge had it.
    pub held: Duration,
}

impl<M> Window<M> {
    /// A window of at most this many messages.
    #[must_use]
    pub fn new(max: u32) -> Self {
        Self { max: max.max(1), credit: 0, next: 0, unsettled: BTreeMap::new() }
    }

    /// The credit to grant now, in place of the rest of the last one. `None` while that is worth no request: a quarter of the
    /// window must be free.
    pub fn grant(&mut self) -> Option<u32> {
        let free = self.max.saturating_sub(self.len());
        let more = free.saturating_sub(self.credit);
        if more == 0 || (more < self.max.div_ceil(4) && self.credit > 0) {
            return None;
        }
        self.credit = free;
        Some(free)
    }

    /// Takes a message; returns its number.
    pub fn take(&mut self, message: M, now: Duration) -> u64 {
        self.credit = self.credit.saturating_sub(1);
        let number = self.next;
        self.next += 1;
        self.unsettled.insert(number, Unsettled { message, failures: 0, due: None, since: now });
        number
    }

    /// A message came that is settled at once, or cannot be settled at all.
    pub fn pass(&mut self) {
        self.credit = self.credit.saturating_sub(1);
    }

    /// Kafka's answer for a message. Returns the message when it is to be settled now; otherwise it is sent again later.
    pub fn answer(
        &mut self,
        number: u64,
        verdict: Verdict,
        chance: f64,
        now: Duration,
    ) -> Option<Settled<M>> {
        if let Verdict::Accept | Verdict::Reject(_) = verdict {
            let unsettled = self.unsettled.remove(&number)?;
            return Some(Settled { message: unsettled.message, held: now.saturating_sub(unsettled.since) });
        }
        if let Some(unsettled) = self.unsettled.get_mut(&number) {
            unsettled.failures = unsettled.failures.saturating_add(1);
            unsettled.due = Some(now + backoff::wait(unsettled.failures, chance));
        }
        None
    }

    /// A message is to be sent again after this time, because the client's queue was full: no failure.
    pub fn postpone(&mut self, number: u64, until: Duration) {
        if let Some(unsettled) = self.unsettled.get_mut(&number) {
            unsettled.due = Some(until);
        }
    }

    /// When the next message is to be sent again.
    #[must_use]
    pub fn next_due(&self) -> Option<Duration> {
        self.unsettled.values().filter_map(|unsettled| unsettled.due).min()
    }

    /// The numbers of the messages that are to be sent again now. Their answers are awaited from now on.
    pub fn take_due(&mut self, now: Duration) -> Vec<u64> {
        let due =
            self.unsettled.iter_mut().filter(|(_, unsettled)| unsettled.due.is_some_and(|due| due <= now));
        due.map(|(number, unsettled)| {
            unsettled.due = None;
            *number
        })
        .collect()
    }

    /// An unsettled message.
    #[must_use]
    pub fn message(&self, number: u64) -> Option<&M> {
        self.unsettled.get(&number).map(|unsettled| &unsettled.message)
    }

    /// How many messages are unsettled.
    #[must_use]
    pub fn len(&self) -> u32 {
        u32::try_from(self.unsettled.len()).unwrap_or(u32::MAX)
    }

    /// Whether no message is unsettled.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.unsettled.is_empty()
    }

    /// Whether all messages are here that fit.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.len() >= self.max
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::error::RDKafkaErrorCode;

    use super::*;

    const NOW: Duration = Duration::from_secs(100);

    #[test]
    fn credit_and_unsettled_messages_never_exceed_the_window() {
        let mut window = Window::new(8);
        assert_eq!(window.grant(), Some(8));
        assert_eq!(window.grant(), None);
        let numbers: Vec<u64> = (0..8).map(|message| window.take(message, NOW)).collect();
        assert_eq!(window.grant(), None, "it is full, so the broker waits");
        assert!(window.is_full());
        assert!(window.answer(numbers[0], Verdict::Accept, 0.0, NOW).is_some());
        // Without any credit the broker would send nothing: even one is granted.
        assert_eq!(window.grant(), Some(1));
        assert!(window.answer(numbers[1], Verdict::Accept, 0.0, NOW).is_some());
        assert_eq!(window.grant(), None, "one more is not worth a request");
        assert!(window.answer(numbers[2], Verdict::Accept, 0.0, NOW).is_some());
        assert_eq!(window.grant(), Some(3));
    }

    #[test]
    fn a_message_stays_unsettled_until_kafka_has_it() {
        let mut window = Window::new(2);
        let number = window.take("m", NOW);
        let again = Verdict::SendAgain(Some(RDKafkaErrorCode::MessageTimedOut));
        assert_eq!(window.answer(number, again, 0.0, NOW), None);
        assert_eq!(window.len(), 1);
        let due = window.next_due().unwrap();
        assert_eq!(due, NOW + backoff::FIRST);
        assert!(window.take_due(NOW).is_empty());
        assert_eq!(window.take_due(due), [number]);
        assert_eq!((window.next_due(), window.message(number)), (None, Some(&"m")));
        let held = backoff::FIRST;
        assert_eq!(window.answer(number, Verdict::Accept, 0.0, due), Some(Settled { message: "m", held }));
        assert_eq!(window.answer(number, Verdict::Accept, 0.0, due), None, "a second answer settles nothing");
        assert!(window.is_empty());
    }

    #[test]
    fn each_failure_doubles_the_wait_and_a_full_queue_does_not() {
        let mut window = Window::new(2);
        let number = window.take((), NOW);
        let again = Verdict::SendAgain(None);
        window.answer(number, again, 0.0, NOW);
        window.answer(number, again, 0.0, NOW);
        assert_eq!(window.next_due(), Some(NOW + backoff::FIRST * 2));
        window.postpone(number, NOW);
        assert_eq!(window.take_due(NOW), [number]);
        window.answer(number, again, 0.0, NOW);
        assert_eq!(window.next_due(), Some(NOW + backoff::FIRST * 4));
    }

    #[test]
    fn what_kafka_will_never_take_leaves_the_window() {
        let mut window = Window::new(1);
        let number = window.take((), NOW);
        let settled = window.answer(number, Verdict::Reject(RDKafkaErrorCode::MessageSizeTooLarge), 0.0, NOW);
        assert!(settled.is_some() && window.is_empty());
    }
}
