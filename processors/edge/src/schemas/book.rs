// SPDX-License-Identifier: Apache-2.0

//! The schedule of schema requests: which schemas are awaited, when to ask for each, and which are unknown for now. Time is an
//! argument.

use std::collections::BTreeMap;
use std::time::Duration;

/// How long the registry has to report an id as unknown before it is refused. One of its nodes may learn an id later than the
/// node that assigned it.
const CONFIRM_AFTER: Duration = Duration::from_secs(3);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// When this many are awaited, each is requested only at the beginning and at the end of that time.
const MANY: usize = 100;
/// The longest back-off of requests to a registry that does not answer.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// How long an unknown id is refused without a request; doubled each time it is still unknown.
const FIRST_DENIAL: Duration = Duration::from_secs(10);
const LONGEST_DENIAL: Duration = Duration::from_secs(600);
/// The maximum of ids kept as unknown; the latest are kept.
const DENIED_MAX: usize = 10_000;
/// The maximum of awaited ids, except for those that block a partition.
const AWAITED_MAX: usize = 10_000;

/// An awaited schema.
#[derive(Debug, Clone, Copy)]
struct Awaited {
    /// When the registry first reported it as unknown.
    since: Option<Duration>,
    ask_at: Duration,
    pause: Duration,
    /// How often it was refused before.
    denials: u32,
}

/// A schema that the registry does not know.
#[derive(Debug, Clone, Copy)]
struct Denied {
    /// When its records stop being refused without a request.
    until: Duration,
    denials: u32,
    is_over: bool,
}

/// The next thing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Request this schema.
    Ask(u32),
    /// Nothing to do before this time; `None` before a partition waits.
    Rest(Option<Duration>),
}

/// What to do about an id that the registry does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Request it again.
    AskAgain,
    /// Refuse it for this time, and forget the id that was refused longest ago.
    Deny { wait: Duration, forget: Option<u32> },
}

/// The whole schedule.
#[derive(Debug, Default)]
pub(super) struct Book {
    awaited: BTreeMap<u32, Awaited>,
    denied: BTreeMap<u32, Denied>,
    /// The earliest time of the next request, after a failure.
    not_before: Duration,
    failures: u32,
}

impl Book {
    /// A partition waits for this schema.
    pub(super) fn await_id(&mut self, id: u32, now: Duration) {
        let denials = self.denied.get(&id).map_or(0, |denied| denied.denials);
        let new = Awaited { since: None, ask_at: now, pause: FIRST_PAUSE, denials };
        self.awaited.entry(id).or_insert(new);
    }

    /// A waiting partition will need this schema; `false` when too many are awaited.
    pub(super) fn expect_id(&mut self, id: u32, now: Duration) -> bool {
        let has_room = self.awaited.len() < AWAITED_MAX;
        if has_room {
            self.await_id(id, now);
        }
        has_room
    }

    pub(super) fn is_awaited(&self, id: u32) -> bool {
        self.awaited.contains_key(&id)
    }

    pub(super) fn awaited(&self) -> usize {
        self.awaited.len()
    }

    /// The next thing to do.
    pub(super) fn next(&self, now: Duration) -> Next {
        let first = self.awaited.iter().min_by_key(|(_, awaited)| awaited.ask_at);
        let Some((id, awaited)) = first else { return Next::Rest(None) };
        let at = awaited.ask_at.max(self.not_before);
        if at <= now { Next::Ask(*id) } else { Next::Rest(Some(at)) }
    }

    /// The registry returned the schema.
    pub(super) fn known(&mut self, id: u32) {
        self.answered();
        self.awaited.remove(&id);
        self.denied.remove(&id);
    }

    /// The registry does not know the id. Its partitions wait until [`settled`](Self::settled).
    pub(super) fn unknown(&mut self, id: u32, now: Duration) -> Verdict {
        self.answered();
        let has_many = self.awaited.len() > MANY;
        let Some(awaited) = self.awaited.get_mut(&id) else { return Verdict::AskAgain };
        let since = *awaited.since.get_or_insert(now);
        // An id that was unknown before is requested once.
        if awaited.denials == 0 && now < since + CONFIRM_AFTER {
            let pause = if has_many { CONFIRM_AFTER } else { awaited.pause };
            awaited.ask_at = now + pause;
            awaited.pause *= 3;
            return Verdict::AskAgain;
        }
        let wait = LONGEST_DENIAL.min(FIRST_DENIAL * (1 << awaited.denials.min(6)));
        let denials = awaited.denials.saturating_add(1);
        self.denied.insert(id, Denied { until: now + wait, denials, is_over: false });
        Verdict::Deny { wait, forget: self.forget_one() }
    }

    /// Ends the wait for an id.
    pub(super) fn settled(&mut self, id: u32) {
        self.awaited.remove(&id);
    }

    /// The registry did not answer properly.
    pub(super) fn unavailable(&mut self, id: u32, now: Duration) {
        let pause = FIRST_PAUSE * (1 << self.failures.min(5));
        self.failures = self.failures.saturating_add(1);
        self.not_before = now + pause.min(LONGEST_PAUSE);
        // Round robin: none keeps the others from being requested.
        if let Some(awaited) = self.awaited.get_mut(&id) {
            awaited.ask_at = self.not_before;
        }
    }

    /// Ids whose refusal has ended, each once. The next record with one requests it again.
    pub(super) fn take_over(&mut self, now: Duration) -> Vec<u32> {
        let is_over = |denied: &Denied| !denied.is_over && denied.until <= now;
        let over = self.denied.iter_mut().filter(|(_, denied)| is_over(denied));
        over.map(|(id, denied)| {
            denied.is_over = true;
            *id
        })
        .collect()
    }

    fn answered(&mut self) {
        self.failures = 0;
        self.not_before = Duration::ZERO;
    }

    fn forget_one(&mut self) -> Option<u32> {
        if self.denied.len() <= DENIED_MAX {
            return None;
        }
        let oldest = self.denied.iter().min_by_key(|(_, denied)| denied.until).map(|(id, _)| *id)?;
        self.denied.remove(&oldest);
        Some(oldest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// Requests at the earliest time with the same answer until the id is refused. Returns when, and the number of requests.
    fn until_denied(book: &mut Book, id: u32, mut now: Duration) -> (Duration, u32, Duration) {
        let mut asked = 0;
        loop {
            match book.next(now) {
                Next::Rest(at) => now = at.expect("a partition waits"),
                Next::Ask(asked_id) => {
                    assert_eq!(asked_id, id);
                    asked += 1;
                    if let Verdict::Deny { wait, .. } = book.unknown(id, now) {
                        book.settled(id);
                        return (now, asked, wait);
                    }
                }
            }
        }
    }

    #[test]
    fn a_registry_that_does_not_know_an_id_for_a_moment_is_not_believed() {
        let mut book = Book::default();
        book.await_id(7, ms(0));
        let mut now = ms(0);
        while now < ms(300) {
            assert_eq!(book.next(now), Next::Ask(7));
            assert_eq!(book.unknown(7, now), Verdict::AskAgain);
            let Next::Rest(Some(at)) = book.next(now) else { panic!("not at once") };
            now = at;
        }
        assert!(now < ms(500), "it is asked soon after: {now:?}");
        book.known(7);
        assert_eq!((book.is_awaited(7), book.next(now)), (false, Next::Rest(None)));
    }

    #[test]
    fn one_that_it_does_not_know_for_long_is_refused_for_a_while_and_asked_for_once_each_time_that_is_over() {
        let mut book = Book::default();
        book.await_id(7, ms(0));
        let (mut now, asked, mut wait) = until_denied(&mut book, 7, ms(0));
        assert!(now >= CONFIRM_AFTER && now < CONFIRM_AFTER * 2 && asked < 8, "{now:?}, {asked}");
        assert_eq!(wait, FIRST_DENIAL);
        for _ in 0..10 {
            assert!(book.take_over(now + wait - ms(1)).is_empty());
            now += wait;
            assert_eq!(book.take_over(now), [7]);
            assert!(book.take_over(now).is_empty(), "once");
            book.await_id(7, now);
            let (at, asked, next) = until_denied(&mut book, 7, now);
            assert_eq!((at, asked, next), (now, 1, LONGEST_DENIAL.min(wait * 2)));
            wait = next;
        }
        assert_eq!(wait, LONGEST_DENIAL);
    }

    #[test]
    fn one_that_becomes_known_is_a_schema_as_any_other() {
        let mut book = Book::default();
        book.await_id(7, ms(0));
        let (now, ..) = until_denied(&mut book, 7, ms(0));
        book.await_id(7, now + FIRST_DENIAL);
        book.known(7);
        book.await_id(7, now);
        assert_eq!(book.unknown(7, now), Verdict::AskAgain, "nothing is held against it");
    }

    #[test]
    fn many_unknown_ids_are_asked_for_twice_each_and_take_no_longer_than_one() {
        let mut book = Book::default();
        (0..1_000).for_each(|id| assert!(book.expect_id(id, ms(0))));
        let (mut now, mut asked) = (ms(0), 0);
        while book.awaited() > MANY {
            match book.next(now) {
                Next::Rest(at) => now = at.expect("some are waited for"),
                Next::Ask(id) => {
                    asked += 1;
                    if book.unknown(id, now) != Verdict::AskAgain {
                        book.settled(id);
                    }
                }
            }
        }
        assert!(asked <= 2_000 && now <= CONFIRM_AFTER, "{asked} times within {now:?}");
    }

    #[test]
    fn no_more_ids_are_remembered_than_the_bounds_say() {
        let mut book = Book::default();
        let count = u32::try_from(AWAITED_MAX).unwrap();
        (0..count).for_each(|id| assert!(book.expect_id(id, ms(0))));
        assert!(!book.expect_id(count, ms(0)));
        book.await_id(count, ms(0));
        assert!(book.is_awaited(count), "without this one a partition cannot go on");
        let mut forgotten = Vec::new();
        for id in 0..=count {
            assert_eq!(book.unknown(id, ms(0)), Verdict::AskAgain);
            let at = CONFIRM_AFTER + ms(id.into());
            let Verdict::Deny { forget, .. } = book.unknown(id, at) else { panic!("believed") };
            forgotten.extend(forget);
            book.settled(id);
        }
        assert_eq!((forgotten, book.denied.len(), book.awaited()), (vec![0], DENIED_MAX, 0));
    }

    #[test]
    fn a_registry_that_does_not_answer_is_asked_less_and_less_often_for_one_after_the_other() {
        let mut book = Book::default();
        book.await_id(1, ms(0));
        book.await_id(2, ms(0));
        let (mut now, mut asked) = (ms(0), Vec::new());
        while now < Duration::from_secs(60) {
            match book.next(now) {
                Next::Rest(at) => now = at.expect("both are waited for"),
                Next::Ask(id) => {
                    asked.push(id);
                    book.unavailable(id, now);
                }
            }
        }
        assert_eq!(asked[..4], [1, 2, 1, 2]);
        assert!((30..40).contains(&asked.len()), "{}", asked.len());
        assert!(book.is_awaited(1) && book.is_awaited(2));
    }
}
