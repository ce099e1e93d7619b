// SPDX-License-Identifier: Apache-2.0

//! Sums of contributions, compared with the recorded figures.

use std::borrow::Cow;
use std::collections::BTreeMap;

use folds::explain::{Contribution, is_asked, is_of_histogram, recorded};
use model::{Figure, MetricsWindow};
use serde::Serialize;

/// Figures that come from agents' states, not from conversations.
pub(super) const OF_STATES: [Figure; 3] = [Figure::LoggedInMs, Figure::NotReadyMs, Figure::ReadyMs];

/// A record of `cx.metrics` with its key.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Window {
    pub(super) key: String,
    pub(super) record: MetricsWindow<'static>,
}

/// The conversations that were read.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Looked {
    /// Number of conversations.
    pub(super) conversations: usize,
    /// Whether all conversations of the group are listed here.
    pub(super) are_all_listed: bool,
    /// Number of conversations beyond the limit.
    pub(super) left_out: usize,
    /// Number of conversations in partitions that do not answer now, or that are too large.
    pub(super) not_answered: usize,
    /// Whether the agent's states were asked for, and their partition is elsewhere or does not answer now.
    pub(super) lacks_states: bool,
}

impl Looked {
    fn is_complete(&self) -> bool {
        self.are_all_listed && self.left_out == 0 && self.not_answered == 0 && !self.lacks_states
    }
}

/// Source of contributions.
#[derive(Debug, Clone, Copy)]
pub(super) enum Subject<'s> {
    /// The conversation with this id.
    Conversation(&'s str),
    /// The states of the agent with this id.
    Agent(&'s str),
}

/// A figure in the record, and the sum of its contributions.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
struct Sum {
    recorded: i64,
    explained: i64,
}

/// The part of a contribution that is in the window.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
struct Part {
    at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    conversation_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent_id: Option<String>,
    event_id: Option<String>,
    figure: Cow<'static, str>,
    amount: i64,
}

/// The sums of a window's contributions.
pub(super) struct Sums {
    window: Window,
    only: Option<String>,
    limit: usize,
    sums: BTreeMap<Cow<'static, str>, Sum>,
    parts: Vec<Part>,
    parts_total: usize,
}

/// The answer about them.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Explanation<'s> {
    dimension: &'static str,
    id: &'s str,
    window_start: i64,
    window_end: i64,
    figures: &'s BTreeMap<Cow<'static, str>, Sum>,
    contributions: &'s [Part],
    contributions_total: usize,
    conversations: usize,
    complete: bool,
    notes: Vec<String>,
}

impl Sums {
    /// Empty sums. The first `limit` contributions are kept, by time. `only` restricts them to one figure, to one histogram or to
    /// one of its counts; without it, all figures are summed.
    pub(super) fn new(window: Window, only: Option<String>, limit: usize) -> Self {
        let mut sums = Self { window, only, limit, sums: BTreeMap::new(), parts: Vec::new(), parts_total: 0 };
        for (path, recorded) in recorded(&sums.window.record) {
            if sums.is_wanted(&path) {
                sums.sums.insert(path, Sum { recorded, explained: 0 });
            }
        }
        sums
    }

    fn is_wanted(&self, path: &str) -> bool {
        self.only.as_deref().map_or_else(|| !is_of_histogram(path), |only| is_asked(path, only))
    }

    /// Adds the contributions of a conversation, or of an agent's states, to the window.
    pub(super) fn take(&mut self, of: Subject<'_>, contributions: &[Contribution]) {
        let (conversation_id, agent_id) = match of {
            Subject::Conversation(id) => (Some(id), None),
            Subject::Agent(id) => (None, Some(id)),
        };
        for contribution in contributions {
            let part = contribution.part_of(&self.window.record);
            let Some((figure, amount)) = part.filter(|(path, _)| self.is_wanted(path)) else { continue };
            self.sums.entry(figure.clone()).or_default().explained += amount;
            self.parts_total += 1;
            self.parts.push(Part {
                at: contribution.at,
                conversation_id: conversation_id.map(str::to_owned),
                agent_id: agent_id.map(str::to_owned),
                event_id: Some(contribution.event_id.clone()).filter(|id| !id.is_empty()),
                figure,
                amount,
            });
        }
        if self.parts.len() > self.limit.saturating_mul(2) {
            self.shorten();
        }
    }

    fn shorten(&mut self) {
        self.parts.sort_unstable();
        self.parts.truncate(self.limit);
    }

    /// The complete answer, with notes where the sums differ from the record.
    pub(super) fn answer(&mut self, looked: &Looked) -> Explanation<'_> {
        self.shorten();
        // A figure that is not in the record is 0 there.
        if let Some(figure) = self.only.as_deref().and_then(Figure::from_name) {
            self.sums.entry(Cow::Borrowed(figure.as_str())).or_default();
        }
        let record = &self.window.record;
        Explanation {
            dimension: record.dimension.as_str(),
            id: &record.id,
            window_start: record.window_start,
            window_end: record.window_end,
            figures: &self.sums,
            contributions: &self.parts,
            contributions_total: self.parts_total,
            conversations: looked.conversations,
            complete: looked.is_complete(),
            notes: self.notes(looked),
        }
    }

    /// Differences between the sums and the record, with the reasons.
    fn notes(&self, looked: &Looked) -> Vec<String> {
        let differing = self.sums.iter().filter(|(_, sum)| sum.recorded != sum.explained);
        let mut notes: Vec<String> = differing
            .clone()
            .map(|(figure, Sum { recorded, explained })| {
                let less = explained - recorded;
                format!(
                    "{figure}: the record has {recorded}, these contributions make {explained} ({less:+})."
                )
            })
            .collect();
        if notes.is_empty() {
            return notes;
        }
        let are_of_states = |figure: &str| OF_STATES.iter().any(|of| of.as_str() == figure);
        let (of_states, of_others): (Vec<&str>, Vec<&str>) =
            differing.map(|(figure, _)| &**figure).partition(|figure| are_of_states(figure));
        if !of_states.is_empty() {
            notes.push(self.note_of_states(&of_states, looked));
        }
        if of_others.is_empty() {
            return notes;
        }
        if looked.left_out > 0 {
            notes.push(format!(
                "{} of the conversations that may contribute were looked at, {} were too many.",
                looked.conversations, looked.left_out
            ));
        }
        if looked.not_answered > 0 {
            notes.push(format!(
                "{} conversations are too large, or in a partition that does not answer right now.",
                looked.not_answered
            ));
        }
        if !looked.are_all_listed {
            notes.push(format!(
                "Conversations of other instances, and those that are not listed here, were not looked at: cx-timelines explain {} \
                 reads all of them from the topics.",
                self.window.key
            ));
        }
        notes.push(
            "Conversations that were forgotten (expiry in topics.yaml), erased, or are too long to be listed are in the record \
             only; what was committed meanwhile is in one of the two."
                .to_owned(),
        );
        notes
    }

    /// Why figures of the agent's states differ.
    fn note_of_states(&self, figures: &[&str], looked: &Looked) -> String {
        let figures = figures.join(", ");
        if looked.lacks_states {
            return format!(
                "{figures} come from the agent's states, whose partition another instance has, or which does not answer right now: \
                 cx-timelines explain {} reads them from the topics.",
                self.window.key
            );
        }
        format!(
            "{figures} come from the agent's states. Changes that have left the state (it keeps the last 1,000 of an agent, of 30 \
             days) are in the record only; what was committed meanwhile is in one of the two."
        )
    }
}

#[cfg(test)]
mod tests {
    use folds::explain::Counted;
    use model::{Bucket, Dimension, Histogram};
    use serde_json::{Value, json};

    use super::*;

    fn window() -> Window {
        let record = r#"{"dimension":"queue","id":"Sales","windowStart":1000,"windowEnd":2000,
            "figures":{"offered":2,"waitMs":500},"revision":1,"histograms":{"answeredWaitMs":{"22":1,"500":1}}}"#;
        Window { key: "queue/Sales/1000/1000".to_owned(), record: serde_json::from_str(record).unwrap() }
    }

    fn contribution(event: &str, at: i64, figure: Figure, amount: i64) -> Contribution {
        let (id, event_id, counted) = ("Sales".to_owned(), event.to_owned(), Counted::Figure(figure));
        Contribution { dimension: Dimension::Queue, id, event_id, at, to: None, counted, amount }
    }

    fn all_listed() -> Looked {
        Looked { conversations: 2, are_all_listed: true, ..Looked::default() }
    }

    fn explained(sums: &mut Sums, looked: &Looked) -> Value {
        serde_json::to_value(sums.answer(looked)).unwrap()
    }

    #[test]
    fn contributions_of_the_window_are_listed_by_time_and_make_its_figures() {
        let mut sums = Sums::new(window(), None, 10);
        let other = Contribution { id: "Other".to_owned(), ..contribution("x", 1_500, Figure::Offered, 1) };
        sums.take(
            Subject::Conversation("b"),
            &[contribution("2", 1_900, Figure::Offered, 1), contribution("3", 1_999, Figure::WaitMs, 500)],
        );
        sums.take(
            Subject::Conversation("a"),
            &[
                contribution("1", 1_000, Figure::Offered, 1),
                contribution("4", 2_000, Figure::WaitMs, 7),
                other,
            ],
        );
        let answer = explained(&mut sums, &all_listed());
        let figures = json!({"offered": {"recorded": 2, "explained": 2}, "waitMs": {"recorded": 500, "explained": 500}});
        assert_eq!(answer["figures"], figures);
        let events: Vec<&str> = answer["contributions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|part| part["eventId"].as_str().unwrap())
            .collect();
        assert_eq!(events, ["1", "2", "3"]);
        assert_eq!(
            answer["contributions"][0],
            json!({"conversationId": "a", "eventId": "1", "at": 1000, "figure": "offered", "amount": 1})
        );
        assert_eq!(
            (&answer["complete"], &answer["notes"], &answer["contributionsTotal"]),
            (&json!(true), &json!([]), &json!(3))
        );
    }

    #[test]
    fn a_difference_is_said_with_by_how_much_and_why() {
        let mut sums = Sums::new(window(), None, 10);
        sums.take(
            Subject::Conversation("a"),
            &[contribution("1", 1_000, Figure::Offered, 1), contribution("2", 1_500, Figure::WaitMs, 500)],
        );
        let whole = explained(&mut sums, &all_listed());
        let notes = whole["notes"].as_array().unwrap();
        assert_eq!(notes[0], "offered: the record has 2, these contributions make 1 (-1).");
        assert!(notes.len() == 2 && notes[1].as_str().unwrap().contains("forgotten"), "{notes:?}");
        let partly = Looked { are_all_listed: false, left_out: 3, not_answered: 4, ..all_listed() };
        let partly = explained(&mut sums, &partly);
        let notes = partly["notes"].to_string();
        assert_eq!(partly["complete"], false);
        for said in ["explain queue/Sales/1000/1000", "3 were too many", "4 conversations"] {
            assert!(notes.contains(said), "{said}: {notes}");
        }
    }

    #[test]
    fn figures_of_the_agents_states_are_made_of_these() {
        let record = r#"{"dimension":"agent","id":"a","windowStart":1000,"windowEnd":2000,"figures":{"loggedInMs":900},"revision":1}"#;
        let record = serde_json::from_str(record).unwrap();
        let window = Window { key: "agent/a/1000/1000".to_owned(), record };
        let span = |from, to| Contribution {
            dimension: Dimension::Agent,
            id: "a".to_owned(),
            to: Some(to),
            ..contribution("", from, Figure::LoggedInMs, to - from)
        };
        let mut sums = Sums::new(window.clone(), None, 10);
        sums.take(Subject::Agent("a"), &[span(500, 1_700), span(1_700, 1_900)]);
        let whole = explained(&mut sums, &all_listed());
        assert_eq!(
            (&whole["figures"], &whole["notes"]),
            (&json!({"loggedInMs": {"recorded": 900, "explained": 900}}), &json!([]))
        );
        let part = json!({"agentId": "a", "eventId": null, "at": 500, "figure": "loggedInMs", "amount": 700});
        assert_eq!(whole["contributions"][0], part);
        // Without the states, or some of them, it says why.
        for (lacks_states, said) in [(true, "explain agent/a/1000/1000"), (false, "left the state")] {
            let looked = Looked { lacks_states, ..all_listed() };
            let answer = explained(&mut Sums::new(window.clone(), None, 10), &looked);
            let notes = answer["notes"].as_array().unwrap();
            assert!(notes.len() == 2 && notes[1].as_str().unwrap().contains(said), "{notes:?}");
            assert_eq!(answer["complete"], !lacks_states);
        }
    }

    #[test]
    fn one_figure_is_explained_alone_and_the_first_contributions_are_kept_of_too_many() {
        let mut sums = Sums::new(window(), Some("offered".to_owned()), 3);
        for n in 0..20_i64 {
            let (id, at) = (format!("c{n}"), 1_999 - n);
            sums.take(
                Subject::Conversation(&id),
                &[contribution(&id, at, Figure::Offered, 1), contribution(&id, at, Figure::WaitMs, 1)],
            );
        }
        let one = explained(&mut sums, &all_listed());
        assert_eq!(one["figures"], json!({"offered": {"recorded": 2, "explained": 20}}));
        assert_eq!(one["contributionsTotal"], 20);
        let at: Vec<i64> = one["contributions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|part| part["at"].as_i64().unwrap())
            .collect();
        assert_eq!(at, [1_980, 1_981, 1_982]);
        let mut none = Sums::new(window(), Some("ronas".to_owned()), 3);
        let none = explained(&mut none, &all_listed());
        assert_eq!(none["figures"], json!({"ronas": {"recorded": 0, "explained": 0}}));
    }

    #[test]
    fn a_histogram_is_explained_by_its_counts_where_it_is_asked_for() {
        let of_count = |value: i64| Contribution {
            counted: Counted::Histogram(Histogram::AnsweredWaitMs, Bucket::of(value)),
            ..contribution("1", 1_000, Figure::Offered, 1)
        };
        let explain = |only: &str| {
            let mut sums = Sums::new(window(), Some(only.to_owned()), 10);
            let all = [of_count(21), of_count(480), contribution("1", 1_000, Figure::Offered, 1)];
            sums.take(Subject::Conversation("a"), &all);
            explained(&mut sums, &all_listed())
        };
        let one = json!({"recorded": 1, "explained": 1});
        let whole = explain("histograms.answeredWaitMs");
        let counts = json!({"histograms.answeredWaitMs.22": one, "histograms.answeredWaitMs.500": one});
        assert_eq!((&whole["figures"], &whole["contributionsTotal"]), (&counts, &json!(2)));
        assert_eq!(whole["notes"], json!([]));
        let count = explain("histograms.answeredWaitMs.500");
        assert_eq!(count["figures"], json!({"histograms.answeredWaitMs.500": one}));
    }
}
