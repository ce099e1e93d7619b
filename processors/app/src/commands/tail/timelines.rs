// SPDX-License-Identifier: Apache-2.0

//! Growing timelines. An entry carries no text; its activity comes from another topic, slightly earlier or later. So entries
//! wait briefly for their activities, and are then shown in event order.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

use model::{Activity, TimelineEntry};

use super::recent::Recent;
use super::render;
use crate::render::entry::{self, LineStyle, People};
use crate::render::known::Known;

/// The longest wait of an entry for its activity.
const ACTIVITY_TIMEOUT: Duration = Duration::from_millis(500);
/// The maximum of waiting entries.
const WAITING_MAX: usize = 20_000;
/// The maximum of activities, and of entries, kept.
const REMEMBERED: usize = 100_000;

/// Entries to be shown.
pub(super) struct Timelines {
    known: Recent<Known>,
    people: People,
    /// Shown entries, as hashes: an entry with other content is a correction.
    shown: Recent<u64>,
    waiting: BTreeMap<String, Waiting>,
    /// When the oldest waiting entry arrived.
    since: Option<Instant>,
    look: LineStyle,
}

struct Waiting {
    entry: TimelineEntry<'static>,
    hash: u64,
}

impl Timelines {
    pub(super) fn new(look: LineStyle) -> Self {
        Self {
            known: Recent::new(REMEMBERED),
            people: People::default(),
            shown: Recent::new(REMEMBERED),
            waiting: BTreeMap::new(),
            since: None,
            look,
        }
    }

    /// Learns the texts of an activity. Other records are ignored.
    pub(super) fn take_activity(&mut self, key: &str, value: Option<&[u8]>) {
        let Some(value) = value else { return self.known.remove(key) };
        if let Ok(activity) = serde_json::from_slice::<Activity<'_>>(value) {
            self.people.meet(activity.actor.as_ref());
            self.known.insert(key, Known::of(&activity));
        }
    }

    /// Takes an entry; returns a line at once when it need not wait.
    pub(super) fn take_entry(
        &mut self,
        topic: &str,
        key: &str,
        value: Option<&[u8]>,
        now: Instant,
    ) -> Option<String> {
        let Some(value) = value else {
            self.waiting.remove(key);
            self.shown.remove(key);
            return Some(render::tombstone(topic, key));
        };
        let Ok(entry) = serde_json::from_slice::<TimelineEntry<'_>>(value) else {
            return Some(render::other(topic, key, value));
        };
        let hash = hash(value);
        if self.shown.get(key) == Some(&hash) {
            // Emitted again after a failure, without a change.
            return None;
        }
        self.people.meet(entry.actor.as_ref());
        self.waiting.insert(key.to_owned(), Waiting { entry, hash });
        self.since.get_or_insert(now);
        None
    }

    /// Whether waiting entries should be shown now.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        let Some(since) = self.since else { return false };
        let is_complete =
            |waiting: &Waiting| entry::is_covered(&waiting.entry, self.known_of(&waiting.entry));
        self.is_full()
            || now.duration_since(since) >= ACTIVITY_TIMEOUT
            || self.waiting.values().all(is_complete)
    }

    /// Whether too many entries are waiting.
    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= WAITING_MAX
    }

    /// The lines of waiting entries, at most `most`, in event order.
    pub(super) fn lines(&mut self, most: usize) -> Vec<String> {
        let mut waiting: Vec<(String, Waiting)> = std::mem::take(&mut self.waiting).into_iter().collect();
        waiting.sort_by(|(_, a), (_, b)| order(&a.entry).cmp(&order(&b.entry)));
        let later = waiting.split_off(most.min(waiting.len()));
        let lines = waiting.iter().map(|(key, waiting)| self.line(key, waiting)).collect();
        self.waiting.extend(later);
        if self.waiting.is_empty() {
            self.since = None;
        }
        lines
    }

    fn line(&mut self, key: &str, waiting: &Waiting) -> String {
        let is_correction = self.shown.insert(key, waiting.hash).is_some();
        let look = LineStyle { is_correction, ..self.look };
        let known = self.known_of(&waiting.entry);
        entry::line(&waiting.entry, known, &self.people, look) + "\n"
    }

    fn known_of(&self, entry: &TimelineEntry<'_>) -> Option<&Known> {
        let activity = entry.activity_id.as_deref()?;
        self.known.get(&model::activity_key(Some(&entry.conversation_id), activity))
    }
}

fn order<'e>(entry: &'e TimelineEntry<'_>) -> (i64, &'e str, &'e str) {
    (entry.at, &entry.conversation_id, &entry.entry_id)
}

fn hash(value: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::example;
    use crate::render::text::plain;
    use serde_json::json;

    fn entry(at: i64, id: &str, activity: Option<&str>, stage: &str) -> Vec<u8> {
        let fields =
            json!({"entryId": id, "at": at, "activityId": activity, "elapsedMs": at, "stage": stage});
        example::entry(&fields).to_string().into_bytes()
    }

    fn activity(id: &str, text: &str) -> Vec<u8> {
        let fields = json!({"activityId": id, "kind": "CUSTOMER_MESSAGE", "body": {"markdownText": text}});
        example::activity(&fields).to_string().into_bytes()
    }

    fn shown(timelines: &mut Timelines) -> Vec<String> {
        timelines.lines(usize::MAX).iter().map(|line| plain(line).trim_end().to_owned()).collect()
    }

    #[test]
    fn an_entry_waits_for_its_activity_but_not_for_long() {
        let (mut timelines, now) = (Timelines::new(LineStyle::default()), Instant::now());
        assert_eq!(timelines.take_entry("t", "c/e", Some(&entry(0, "e", Some("m"), "AGENT")), now), None);
        assert!(!timelines.is_due(now));
        assert!(timelines.is_due(now + ACTIVITY_TIMEOUT));
        timelines.take_activity("c/m", Some(&activity("m", "Hello")));
        assert!(timelines.is_due(now));
        assert!(shown(&mut timelines)[0].ends_with("message: Hello"));
        assert!(!timelines.is_due(now + ACTIVITY_TIMEOUT), "nothing waits");
    }

    #[test]
    fn entries_are_shown_in_the_order_of_their_events() {
        let (mut timelines, now) = (Timelines::new(LineStyle::default()), Instant::now());
        for (at, id) in [(5, "b"), (3, "z"), (5, "a")] {
            let _ = timelines.take_entry(
                "t",
                &format!("c/{id}"),
                Some(&entry(at * 60_000, id, None, "AGENT")),
                now,
            );
        }
        let first: Vec<String> = timelines.lines(2);
        assert!(plain(&first[0]).contains("+3:00") && plain(&first[1]).contains("+5:00"), "{first:?}");
        assert_eq!(shown(&mut timelines).len(), 1, "what is too many comes later");
    }

    #[test]
    fn an_entry_that_comes_again_is_marked_as_a_correction_unless_it_says_the_same() {
        let (mut timelines, now) = (Timelines::new(LineStyle::default()), Instant::now());
        let mut show = |stage: &str| {
            let _ = timelines.take_entry("t", "c/e", Some(&entry(0, "e", None, stage)), now);
            shown(&mut timelines)
        };
        assert!(!show("AGENT")[0].contains('~'));
        assert_eq!(show("AGENT"), Vec::<String>::new());
        assert!(show("QUEUED")[0].contains('~'));
    }

    #[test]
    fn an_entry_that_is_taken_away_is_said_to_be() {
        let (mut timelines, now) = (Timelines::new(LineStyle::default()), Instant::now());
        let _ = timelines.take_entry("t", "c/e", Some(&entry(0, "e", None, "AGENT")), now);
        let line = timelines.take_entry("cx.timelines", "c/e", None, now).unwrap();
        assert!(line.contains("cx.timelines c/e removed"), "{line}");
        assert_eq!(shown(&mut timelines), Vec::<String>::new());
    }

    #[test]
    fn what_is_no_entry_is_shown_as_it_is() {
        let (mut timelines, now) = (Timelines::new(LineStyle::default()), Instant::now());
        let line = timelines.take_entry("t", "k", Some(b"{\"x\":\x1b}"), now).unwrap();
        assert!(line.starts_with("t k {\"x\":\\u{1b}}"), "{line}");
    }
}
