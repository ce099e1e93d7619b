// SPDX-License-Identifier: Apache-2.0

//! Events of a load test: generated conversations, many at a time, without end.

use std::collections::{HashMap, HashSet, VecDeque};

use model::{Action, Limits};

use crate::cli::bench::{BenchArgs, EventSize};
use crate::trial::{Conversations, Disorder, Options, Planned, Size, disturb};

/// How long ago conversations began, so that hardly any event is in the future.
const BEGAN_MS: i64 = 1_800_000;
/// The longest delay of a delayed event, in event time of its conversation.
const LATE_MS_MAX: i64 = 120_000;

/// What to generate.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// The seed of the conversations.
    pub seed: u64,
    /// How many are active at a time.
    pub conversations: usize,
    /// The size of events.
    pub size: EventSize,
    /// The share of the events that is delayed.
    pub late: f64,
    /// The share of events that are duplicated.
    pub duplicates: f64,
}

impl Wanted {
    /// As the flags say.
    pub fn of(args: &BenchArgs, seed: u64) -> Self {
        Self {
            seed,
            conversations: usize::try_from(args.conversations).unwrap_or(usize::MAX),
            size: args.size,
            late: args.late,
            duplicates: args.duplicates,
        }
    }
}

/// One event as it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Played {
    /// The record's value.
    pub value: Vec<u8>,
    /// The key of the activity that it creates, if any.
    pub makes: Option<String>,
    /// Whether it was sent before.
    pub is_duplicate: bool,
    /// Whether a later event of its conversation was sent before.
    pub is_late: bool,
}

/// Concurrent conversations, played round robin.
pub struct Player {
    wanted: Wanted,
    coming: Conversations,
    open: VecDeque<std::vec::IntoIter<Played>>,
    begun: u64,
    limits: Limits,
}

impl Player {
    /// Creates a player.
    pub fn new(wanted: Wanted) -> Self {
        let size = if wanted.size == EventSize::Real { Size::Real } else { Size::Slim };
        // Each event names its conversation, so the latency is the pipeline's and not that of a wait for correlation.
        let options = Options { seed: wanted.seed, size, session_keyed: false, ..Options::default() };
        let coming = Conversations::new(options);
        Self { wanted, coming, open: VecDeque::new(), begun: 0, limits: Limits::default() }
    }

    /// How many conversations have begun.
    pub fn begun(&self) -> u64 {
        self.begun
    }

    /// The next event at `now_ms`; there always is one.
    pub fn next(&mut self, now_ms: i64) -> Option<Played> {
        // Conversations are never empty, so this ends.
        loop {
            while self.open.len() < self.wanted.conversations.max(1) {
                self.coming.begin_next_at(now_ms - BEGAN_MS);
                let conversation = self.coming.next()?;
                self.begun += 1;
                self.open.push_back(self.play(conversation).into_iter());
            }
            let mut conversation = self.open.pop_front()?;
            if let Some(played) = conversation.next() {
                self.open.push_back(conversation);
                return Some(played);
            }
        }
    }

    /// A conversation's events in sending order, with delays and duplicates.
    fn play(&self, conversation: Vec<Planned>) -> Vec<Played> {
        let Wanted { seed, late, duplicates, .. } = self.wanted;
        let mut times: HashMap<String, i64> = HashMap::new();
        let mut planned = conversation;
        if late > 0.0 || duplicates > 0.0 {
            times = planned.iter().map(|event| (event.value.clone(), event.at_ms)).collect();
            let disorder = Disorder {
                late_share: late,
                duplicate_share: duplicates,
                late_ms_max: LATE_MS_MAX,
                seed: seed.wrapping_add(self.begun),
                ..Disorder::default()
            };
            planned = disturb(planned, &disorder);
        }
        let (mut sent, mut made) = (HashSet::new(), HashSet::new());
        let mut latest = i64::MIN;
        let mut play = |event: Planned| {
            let at = times.get(&event.value).copied().unwrap_or(event.at_ms);
            let is_duplicate = !times.is_empty() && !sent.insert(event.value.clone());
            let is_late = at < latest && !is_duplicate;
            latest = latest.max(at);
            let value = padded(event.value, self.wanted.size);
            let makes = self.activity(value.as_bytes()).filter(|key| made.insert(key.clone()));
            Played { value: value.into_bytes(), makes, is_duplicate, is_late }
        };
        planned.into_iter().map(&mut play).collect()
    }

    fn activity(&self, value: &[u8]) -> Option<String> {
        let event = model::decode(value, None, &self.limits).ok()?;
        match event.action {
            Action::Primary(primary) => {
                Some(model::activity_key(event.conversation_id.as_deref(), &primary.activity_id))
            }
            Action::Relation(_) | Action::Fact(_) | Action::Signal => None,
        }
    }
}

/// An event of at least this size, filled with an unknown field.
fn padded(mut value: String, size: EventSize) -> String {
    const BEFORE: &str = ",\"padding\":\"";
    const AFTER: &str = "\"}";
    /// Words instead of one letter, so that it compresses like real events.
    const WORDS: &str = "the customer asked again where the parcel is and what happens next; ";
    let EventSize::Bytes(bytes) = size else { return value };
    let missing = bytes.saturating_sub(value.len() + BEFORE.len() + AFTER.len() - 1);
    if missing > 0 && value.ends_with('}') {
        value.pop();
        value.push_str(BEFORE);
        value.extend(WORDS.chars().cycle().take(missing));
        value.push_str(AFTER);
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_760_000_000_000;

    fn wanted(conversations: usize) -> Wanted {
        Wanted { seed: 7, conversations, size: EventSize::Slim, late: 0.0, duplicates: 0.0 }
    }

    fn play(wanted: Wanted, count: usize) -> Vec<Played> {
        let mut player = Player::new(wanted);
        (0..count).map(|_| player.next(NOW).unwrap()).collect()
    }

    fn conversation(played: &Played) -> Option<String> {
        let limits = Limits::default();
        let event = model::decode(&played.value, None, &limits).unwrap();
        event.conversation_id.map(std::borrow::Cow::into_owned)
    }

    #[test]
    fn every_event_is_valid_and_the_same_seed_makes_the_same_ones() {
        let events = play(wanted(50), 3_000);
        assert_eq!(events, play(wanted(50), 3_000));
        assert_ne!(events, play(Wanted { seed: 8, ..wanted(50) }, 3_000));
        let limits = Limits::default();
        let ids: HashSet<String> = events
            .iter()
            .map(|played| model::decode(&played.value, None, &limits).unwrap().id.into_owned())
            .collect();
        assert_eq!(ids.len(), events.len());
        assert!(events.iter().all(|played| !played.is_duplicate && !played.is_late));
    }

    #[test]
    fn so_many_conversations_go_on_side_by_side() {
        let first: HashSet<_> = play(wanted(50), 50).iter().map(conversation).collect();
        assert!(first.len() >= 45, "{} conversations, loose notes aside", first.len());
    }

    #[test]
    fn the_first_event_of_an_activity_is_told_and_no_other() {
        let events = play(Wanted { duplicates: 0.2, late: 0.2, ..wanted(20) }, 3_000);
        let made: Vec<&String> = events.iter().filter_map(|played| played.makes.as_ref()).collect();
        assert!(made.len() > 500, "{}", made.len());
        assert_eq!(made.iter().collect::<HashSet<_>>().len(), made.len());
    }

    #[test]
    fn shares_of_late_events_and_duplicates_are_about_what_was_asked_for() {
        let events = play(Wanted { duplicates: 0.1, late: 0.1, ..wanted(20) }, 10_000);
        let duplicates = events.iter().filter(|played| played.is_duplicate).count();
        let late = events.iter().filter(|played| played.is_late).count();
        assert!((600..1_300).contains(&duplicates), "{duplicates} duplicates");
        // Not every delayed event comes after another one.
        assert!((200..1_300).contains(&late), "{late} late");
        let values: HashSet<_> = events.iter().map(|played| &played.value).collect();
        assert_eq!(values.len() + duplicates, events.len());
    }

    #[test]
    fn an_event_is_filled_up_to_its_size_and_says_the_same() {
        let limits = Limits::default();
        for (small, large) in
            play(wanted(5), 200).iter().zip(play(Wanted { size: EventSize::Bytes(3_000), ..wanted(5) }, 200))
        {
            assert_eq!(large.value.len(), 3_000);
            let (small, large) = (
                model::decode(&small.value, None, &limits).unwrap(),
                model::decode(&large.value, None, &limits).unwrap(),
            );
            assert_eq!(small.id, large.id);
        }
        assert_eq!(padded("{}".to_owned(), EventSize::Bytes(1)), "{}");
    }
}
