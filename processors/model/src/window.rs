// SPDX-License-Identifier: Apache-2.0

//! The records of topic `cx.metrics` (contract, section 6).

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::kinds::words;
use crate::{Bucket, activity_key, escape, unescape};

/// The figures of one window: a dimension's value, and a span of time. Its key is [`window_key`]'s. All times are epoch
/// milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MetricsWindow<'a> {
    /// What the figures are of.
    pub dimension: Dimension,
    /// Which one: a queue's name, an agent's or bot's id, a channel's type.
    pub id: Cow<'a, str>,
    /// The window's first instant.
    pub window_start: i64,
    /// The first instant after it.
    pub window_end: i64,
    /// The figures, in any order; of one that is there twice, the sum counts. Written as an object, sorted by name,
    /// without those that are 0.
    #[serde(serialize_with = "figures", deserialize_with = "read_figures")]
    pub figures: Cow<'a, [(Figure, i64)]>,
    /// The number of changes folded in. It depends on how they came.
    pub revision: u64,
    /// The counts of the histograms, sorted, each bucket once. Written as an object of an object for each histogram, by bound, without
    /// counts that are 0.
    #[serde(default, serialize_with = "histograms", deserialize_with = "read_histograms")]
    pub histograms: Cow<'a, [(Histogram, Bucket, i64)]>,
}

impl MetricsWindow<'_> {
    /// The figures as they are written: summed, sorted by name, without those that are 0.
    pub fn sums(&self) -> impl Iterator<Item = (Figure, i64)> {
        sums(&self.figures)
    }

    /// The histograms as they are written: each with its counts, without those that are 0.
    pub fn counts(&self) -> impl Iterator<Item = (Histogram, impl Iterator<Item = (Bucket, i64)> + Clone)> {
        counts(&self.histograms)
    }
}

type Counted = (Histogram, Bucket, i64);

fn counts(
    counted: &[Counted],
) -> impl Iterator<Item = (Histogram, impl Iterator<Item = (Bucket, i64)> + Clone)> {
    let of_one = counted.chunk_by(|(one, ..), (other, ..)| one == other);
    of_one.filter_map(|counts| {
        let all = counts.iter().map(|(_, bucket, count)| (*bucket, *count)).filter(|(_, count)| *count != 0);
        all.clone().next()?;
        Some((counts.first()?.0, all))
    })
}

fn histograms<S: Serializer>(histograms: &[Counted], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(counts(histograms).map(|(histogram, counts)| (histogram, Counts(counts))))
}

/// The counts of one histogram, by bound.
struct Counts<I>(I);

impl<I: Iterator<Item = (Bucket, i64)> + Clone> Serialize for Counts<I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.clone().map(|(bucket, count)| (bucket.bound().to_string(), count)))
    }
}

fn sums(figures: &[(Figure, i64)]) -> impl Iterator<Item = (Figure, i64)> {
    let mut sums = [0_i64; Figure::ALL.len()];
    for (figure, value) in figures {
        if let Some(sum) = sums.get_mut(*figure as usize) {
            *sum = sum.saturating_add(*value);
        }
    }
    Figure::ALL.iter().copied().zip(sums).filter(|(_, sum)| *sum != 0)
}

fn figures<S: Serializer>(figures: &[(Figure, i64)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(sums(figures))
}

type Figures = Cow<'static, [(Figure, i64)]>;
type Histograms = Cow<'static, [Counted]>;

fn read_figures<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Figures, D::Error> {
    let figures = BTreeMap::<Figure, i64>::deserialize(deserializer)?;
    Ok(figures.into_iter().collect())
}

fn read_histograms<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Histograms, D::Error> {
    let histograms = BTreeMap::<Histogram, BTreeMap<i64, i64>>::deserialize(deserializer)?;
    let mut all = Vec::new();
    for (histogram, counts) in histograms {
        for (bound, count) in counts {
            let bucket = Some(Bucket::of(bound)).filter(|bucket| bucket.bound() == bound);
            let unknown = || D::Error::custom(format_args!("no bucket has the bound {bound}"));
            all.push((histogram, bucket.ok_or_else(unknown)?, count));
        }
    }
    Ok(all.into())
}

words! {
    /// What figures are of.
    Dimension {
        /// A queue, by its name.
        Queue = 1 => "queue",
        /// An agent, by id.
        Agent = 2 => "agent",
        /// A channel, by its type.
        Channel = 3 => "channel",
        /// A bot, by id.
        Bot = 4 => "bot",
        /// An agent at the work of a queue: [`queue_agent_id`].
        QueueAgent = 5 => "queue-agent",
    }
}

words! {
    /// What is counted or summed. Declared in the order of the names' bytes, in which they are written.
    Figure {
        /// Visits that ended without an agent.
        Abandoned = 1 => "abandoned",
        /// Conversations closed that had been queued and had no agent.
        AbandonedConversations = 2 => "abandonedConversations",
        /// Abandoned visits that waited no longer than the service-level target.
        AbandonedInTarget = 24 => "abandonedInTarget",
        /// The waits of the visits that were abandoned.
        AbandonedWaitMs = 25 => "abandonedWaitMs",
        /// Messages of agents.
        AgentMessages = 3 => "agentMessages",
        /// The lengths of the turns that the agent closed, each from the agent's joining on where that was later.
        AgentResponseMs = 26 => "agentResponseMs",
        /// Visits that an agent ended by joining; tasks that the agent took.
        Answered = 4 => "answered",
        /// Answered visits within the service level.
        AnsweredInTarget = 5 => "answeredInTarget",
        /// The waits of the visits that were answered.
        AnsweredWaitMs = 27 => "answeredWaitMs",
        /// Messages of bots.
        BotMessages = 6 => "botMessages",
        /// Call legs that ended.
        CallLegs = 28 => "callLegs",
        /// Visits whose task was closed; tasks that were cancelled.
        Cancelled = 7 => "cancelled",
        /// Visits in which an agent waited for the advice of another.
        Consults = 29 => "consults",
        /// Conversations closed that needed no agent.
        Contained = 8 => "contained",
        /// Conversations that began on the channel.
        Conversations = 9 => "conversations",
        /// Messages of customers.
        CustomerMessages = 10 => "customerMessages",
        /// Tasks that were brought to their end.
        Done = 30 => "done",
        /// The time in stays, outside of wrap-up.
        EngagedMs = 11 => "engagedMs",
        /// From the answer of a task to its wrap-up, or its end.
        HandleMs = 31 => "handleMs",
        /// Conversations closed that had an agent.
        Handled = 12 => "handled",
        /// The time on hold within call legs.
        HoldMs = 32 => "holdMs",
        /// The time logged in.
        LoggedInMs = 33 => "loggedInMs",
        /// The agent's or bot's messages.
        Messages = 13 => "messages",
        /// Visits for which no agent could be found.
        NoAgent = 14 => "noAgent",
        /// Conversations closed that had been queued, and for which no agent could be found.
        NoAgentConversations = 23 => "noAgentConversations",
        /// The time in state `NOT_READY`.
        NotReadyMs = 34 => "notReadyMs",
        /// Visits of the queue that were opened; tasks that were offered to the agent.
        Offered = 15 => "offered",
        /// Tasks that ended in a way that has no figure of its own.
        Otherwise = 35 => "otherwise",
        /// The time in state `READY`.
        ReadyMs = 36 => "readyMs",
        /// Times that conversations were opened again after a close.
        Reopened = 37 => "reopened",
        /// The lengths of these turns.
        ResponseMs = 16 => "responseMs",
        /// Those of them that closed a turn.
        Responses = 17 => "responses",
        /// From the offer of a task to its answer, or its end.
        RingMs = 38 => "ringMs",
        /// Times that an agent let a task ring.
        Ronas = 39 => "ronas",
        /// Those of them within the service-level target after the visit began.
        RonasInTarget = 40 => "ronasInTarget",
        /// Stays that began.
        Stays = 18 => "stays",
        /// Events with suggestions of the bot.
        Suggestions = 19 => "suggestions",
        /// What the system sent in the name of agents or bots.
        SystemMessages = 41 => "systemMessages",
        /// The time of call legs, without that on hold.
        TalkMs = 42 => "talkMs",
        /// Times that the bot took too long.
        Timeouts = 20 => "timeouts",
        /// Tasks that were handed over.
        Transferred = 43 => "transferred",
        /// Visits that another agent handed over to the queue.
        TransfersIn = 44 => "transfersIn",
        /// The waits of the visits that ended.
        WaitMs = 21 => "waitMs",
        /// The time in wrap-up.
        WrapUpMs = 22 => "wrapUpMs",
    }
}

words! {
    /// What is counted by how long it took. Declared in the order of the names' bytes, in which they are written.
    Histogram {
        /// The waits of the visits that were abandoned.
        AbandonedWaitMs = 1 => "abandonedWaitMs",
        /// The waits of the visits that were answered.
        AnsweredWaitMs = 2 => "answeredWaitMs",
        /// From the first request for an agent to the first message of one.
        FirstAgentResponseFromRequestMs = 3 => "firstAgentResponseFromRequestMs",
        /// The first closed turns of conversations.
        FirstResponseMs = 4 => "firstResponseMs",
        /// From the answers of tasks to their wrap-up, or their end.
        HandleMs = 5 => "handleMs",
        /// The lengths of turns: of an agent's each from the agent's joining on where that was later.
        ResponseMs = 6 => "responseMs",
        /// From the offers of tasks to their answer, or their end.
        RingMs = 7 => "ringMs",
    }
}

/// The id of dimension `queue-agent`: `QUEUE/AGENT`, each escaped. In a key the whole is escaped once more.
#[must_use]
pub fn queue_agent_id(queue: &str, agent: &str) -> String {
    activity_key(Some(queue), agent)
}

/// What a window's key says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WindowKey {
    /// What the figures are of.
    pub dimension: Dimension,
    /// Which one.
    pub id: String,
    /// The window's length: milliseconds, or `1d@ZONE`, or `7d@ZONE`.
    pub size: String,
    /// The window's first instant.
    pub window_start: i64,
}

/// The key of a window in `cx.metrics`: `dimension/id/size/windowStart`, the id escaped. The size is as it is: the name of a zone
/// may have slashes of its own, which nothing else between the id and the start has.
#[must_use]
pub fn window_key(dimension: Dimension, id: &str, size: &str, window_start: i64) -> String {
    format!("{}/{}/{size}/{window_start}", dimension.as_str(), escape(id))
}

/// Reads what [`window_key`] wrote. `None` for text that is no such key.
#[must_use]
pub fn parse_window_key(key: &str) -> Option<WindowKey> {
    let (dimension, rest) = key.split_once('/')?;
    let (id, rest) = rest.split_once('/')?;
    let (size, window_start) = rest.rsplit_once('/')?;
    let dimension = Dimension::from_name(dimension)?;
    let id = unescape(id)?.into_owned();
    let window_start: i64 = window_start.parse().ok()?;
    // Numbers can be spelled in other ways too.
    let same = is_size(size) && window_key(dimension, &id, size, window_start) == key;
    same.then(|| WindowKey { dimension, id, size: size.to_owned(), window_start })
}

/// Whether this is what keys call a size.
fn is_size(size: &str) -> bool {
    match size.split_once('@') {
        Some((length, zone)) => matches!(length, "1d" | "7d") && !zone.is_empty(),
        None => size.parse::<i64>().is_ok_and(|size_ms| size_ms.to_string() == size),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Record, text};
    use proptest::prelude::*;

    fn window<'a>(figures: &'a [(Figure, i64)]) -> MetricsWindow<'a> {
        MetricsWindow {
            dimension: Dimension::Bot,
            id: "b/1".into(),
            window_start: 0,
            window_end: 900_000,
            figures: figures.into(),
            revision: 4,
            histograms: Cow::default(),
        }
    }

    #[test]
    fn a_window_without_figures_has_all_its_fields_in_the_contracts_order() {
        assert_eq!(
            text(|out| window(&[]).write_json(out)),
            r#"{"dimension":"bot","id":"b/1","windowStart":0,"windowEnd":900000,"figures":{},"revision":4,"histograms":{}}"#
        );
    }

    #[test]
    fn a_window_is_written_as_the_public_cases_have_it_with_its_revision() {
        let case = r#"{"dimension":"queue","id":"VIP 100%","windowStart":1750060800000,"windowEnd":1750061700000,"figures":{"answered":1,"answeredWaitMs":29645,"offered":1,"waitMs":29645},"histograms":{"answeredWaitMs":{"29913":1}}}"#;
        let figures = [
            (Figure::WaitMs, 29_645),
            (Figure::Offered, 1),
            (Figure::Answered, 1),
            (Figure::AnsweredWaitMs, 29_645),
        ];
        let bucket = Bucket::of(29_645);
        let window = MetricsWindow {
            dimension: Dimension::Queue,
            id: "VIP 100%".into(),
            window_start: 1_750_060_800_000,
            window_end: 1_750_061_700_000,
            figures: figures.as_slice().into(),
            revision: 12,
            histograms: vec![
                (Histogram::AbandonedWaitMs, bucket, 0),
                (Histogram::AnsweredWaitMs, Bucket::of(0), 0),
                (Histogram::AnsweredWaitMs, bucket, 1),
            ]
            .into(),
        };
        let expected = case.replace(r#","histograms""#, r#","revision":12,"histograms""#);
        assert_eq!(text(|out| window.write_json(out)), expected);
    }

    #[test]
    fn a_window_is_read_back_and_one_with_an_unknown_figure_or_bound_is_refused() {
        let record = |figure: &str, bound: &str| {
            format!(
                r#"{{"dimension":"queue","id":"q","windowStart":0,"windowEnd":1,"figures":{{"{figure}":2}},"revision":3,"histograms":{{"ringMs":{{"1":2,"{bound}":5}}}}}}"#
            )
        };
        let text_of = record("offered", "22");
        let read: MetricsWindow<'_> = serde_json::from_str(&text_of).unwrap();
        assert_eq!(text(|out| read.write_json(out)), text_of);
        let error = |text: &str| serde_json::from_str::<MetricsWindow<'_>>(text).unwrap_err().to_string();
        assert!(error(&record("offers", "22")).contains("\"offers\" is no constant of this version"));
        assert!(error(&record("offered", "23")).contains("no bucket has the bound 23"));
        let of_contract_1 =
            r#"{"dimension":"bot","id":"b","windowStart":0,"windowEnd":1,"figures":{},"revision":1}"#;
        assert!(serde_json::from_str::<MetricsWindow<'_>>(of_contract_1).unwrap().histograms.is_empty());
    }

    #[test]
    fn figures_that_are_0_are_left_out_and_the_others_are_sorted_by_name() {
        let figures = [
            (Figure::Timeouts, 1),
            (Figure::Responses, 2),
            (Figure::ResponseMs, -3),
            (Figure::Stays, 0),
            (Figure::Messages, 5),
            (Figure::Suggestions, 7),
            (Figure::Suggestions, -7),
            (Figure::Messages, 1),
        ];
        let written = text(|out| window(&figures).write_json(out));
        assert!(
            written.contains(r#""figures":{"messages":6,"responseMs":-3,"responses":2,"timeouts":1}"#),
            "{written}"
        );
    }

    #[test]
    fn figures_are_declared_in_the_order_of_their_names_bytes() {
        assert!(Figure::ALL.is_sorted_by(|a, b| a < b && a.as_str() < b.as_str()));
        assert!(Histogram::ALL.is_sorted_by(|a, b| a < b && a.as_str() < b.as_str()));
    }

    #[test]
    fn codes_in_stored_state_stay_what_they_were() {
        let codes: Vec<_> = Dimension::ALL.iter().map(|d| format!("{}={}", d.code(), d.as_str())).collect();
        assert_eq!(codes.join(" "), "1=queue 2=agent 3=channel 4=bot 5=queue-agent");
        let codes: Vec<_> = Figure::ALL.iter().map(|f| format!("{}={}", f.code(), f.as_str())).collect();
        assert_eq!(
            codes.join(" "),
            "1=abandoned 2=abandonedConversations 24=abandonedInTarget 25=abandonedWaitMs 3=agentMessages 26=agentResponseMs 4=answered 5=answeredInTarget 27=answeredWaitMs 6=botMessages 28=callLegs 7=cancelled 29=consults 8=contained 9=conversations 10=customerMessages 30=done 11=engagedMs 31=handleMs 12=handled 32=holdMs 33=loggedInMs 13=messages 14=noAgent 23=noAgentConversations 34=notReadyMs 15=offered 35=otherwise 36=readyMs 37=reopened 16=responseMs 17=responses 38=ringMs 39=ronas 40=ronasInTarget 18=stays 19=suggestions 41=systemMessages 42=talkMs 20=timeouts 43=transferred 44=transfersIn 21=waitMs 22=wrapUpMs"
        );
        let codes: Vec<_> = Histogram::ALL.iter().map(|h| format!("{}={}", h.code(), h.as_str())).collect();
        assert_eq!(
            codes.join(" "),
            "1=abandonedWaitMs 2=answeredWaitMs 3=firstAgentResponseFromRequestMs 4=firstResponseMs 5=handleMs 6=responseMs 7=ringMs"
        );
        for histogram in Histogram::ALL {
            assert_eq!(Histogram::from_code(histogram.code()), Some(*histogram));
        }
        for figure in Figure::ALL {
            assert_eq!(Figure::from_code(figure.code()), Some(*figure));
            assert_eq!(Figure::from_name(figure.as_str()), Some(*figure));
        }
        for dimension in Dimension::ALL {
            assert_eq!(Dimension::from_code(dimension.code()), Some(*dimension));
        }
    }

    #[test]
    fn a_windows_key_names_dimension_id_size_and_start() {
        let start = 1_749_999_600_000;
        assert_eq!(
            window_key(Dimension::Queue, "Sales/EU 100%", "900000", start),
            "queue/Sales%2FEU 100%25/900000/1749999600000"
        );
        assert_eq!(window_key(Dimension::Bot, "", "1", 0), "bot//1/0");
    }

    #[test]
    fn an_agent_at_a_queue_has_both_names_escaped_and_in_a_key_the_whole_again() {
        let id = queue_agent_id("Sales/EU", "ann");
        assert_eq!(id, "Sales%2FEU/ann");
        assert_eq!(window_key(Dimension::QueueAgent, &id, "1", 0), "queue-agent/Sales%252FEU%2Fann/1/0");
    }

    #[test]
    fn text_that_is_no_windows_key_is_not_read() {
        for text in [
            "",
            "queue",
            "queue/q/900000",
            "team/q/900000/0",
            "Queue/q/900000/0",
            "queue/q%/900000/0",
            "queue/q/+900000/0",
            "queue/q/900000/00",
            "queue/q/900000/x",
            "queue/q/900000/9223372036854775808",
            "queue/q/900000/0/",
            "queue/q/r/900000/0",
            "queue/q/2d@UTC/0",
            "queue/q/1d@/0",
        ] {
            assert_eq!(parse_window_key(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_windows_key_reads_back_as_what_it_was_made_of(
            dimension in prop::sample::select(Dimension::ALL), id in "[ab%/25F\\PC]{0,8}",
            size in "-?[1-9][0-9]{0,17}|[17]d@[A-Za-z]{1,4}(/[A-Za-z_-]{1,4}){0,2}", window_start: i64
        ) {
            let key = window_key(dimension, &id, &size, window_start);
            prop_assert_eq!(parse_window_key(&key), Some(WindowKey { dimension, id, size, window_start }));
        }
    }
}
