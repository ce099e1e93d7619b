//! The records of topic `cx.metrics` (contract, section 6).

use crate::kinds::words;
use crate::{escape, unescape};
use serde::{Serialize, Serializer};

/// The figures of one window: a dimension's value, and a span of time. Its key is [`window_key`]'s. All times are epoch
/// milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MetricsWindow<'a> {
    /// What the figures are of.
    pub dimension: Dimension,
    /// Which one: a queue's name, an agent's or bot's id, a channel's type.
    pub id: &'a str,
    /// The window's first instant.
    pub window_start: i64,
    /// The first instant after it.
    pub window_end: i64,
    /// The figures, in any order; of one that is there twice, the sum counts. Written as an object, sorted by name,
    /// without those that are 0.
    #[serde(serialize_with = "figures")]
    pub figures: &'a [(Figure, i64)],
    /// The number of changes folded in. It depends on how they came.
    pub revision: u64,
}

impl MetricsWindow<'_> {
    /// The figures as they are written: summed, sorted by name, without those that are 0.
    pub fn sums(&self) -> impl Iterator<Item = (Figure, i64)> {
        sums(self.figures)
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

fn figures<S: Serializer>(figures: &&[(Figure, i64)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(sums(figures))
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
    }
}

words! {
    /// What is counted or summed. Declared in the order of the names' bytes, in which they are written.
    Figure {
        /// Visits that ended without an agent.
        Abandoned = 1 => "abandoned",
        /// Conversations closed that had been queued and had no agent.
        AbandonedConversations = 2 => "abandonedConversations",
        /// Messages of agents.
        AgentMessages = 3 => "agentMessages",
        /// Visits that an agent ended by joining.
        Answered = 4 => "answered",
        /// Answered visits within the service level.
        AnsweredInTarget = 5 => "answeredInTarget",
        /// Messages of bots.
        BotMessages = 6 => "botMessages",
        /// Visits whose task was closed.
        Cancelled = 7 => "cancelled",
        /// Conversations closed that needed no agent.
        Contained = 8 => "contained",
        /// Conversations that began on the channel.
        Conversations = 9 => "conversations",
        /// Messages of customers.
        CustomerMessages = 10 => "customerMessages",
        /// The time in stays, outside of wrap-up.
        EngagedMs = 11 => "engagedMs",
        /// Conversations closed that had an agent.
        Handled = 12 => "handled",
        /// The agent's or bot's messages.
        Messages = 13 => "messages",
        /// Visits for which no agent could be found.
        NoAgent = 14 => "noAgent",
        /// Conversations closed that had been queued, and for which no agent could be found.
        NoAgentConversations = 23 => "noAgentConversations",
        /// Visits of the queue that were opened.
        Offered = 15 => "offered",
        /// The lengths of these turns.
        ResponseMs = 16 => "responseMs",
        /// Those of them that closed a turn.
        Responses = 17 => "responses",
        /// Stays that began.
        Stays = 18 => "stays",
        /// Events with suggestions of the bot.
        Suggestions = 19 => "suggestions",
        /// Times that the bot took too long.
        Timeouts = 20 => "timeouts",
        /// The waits of the visits that ended.
        WaitMs = 21 => "waitMs",
        /// The time in wrap-up.
        WrapUpMs = 22 => "wrapUpMs",
    }
}

/// What a window's key says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WindowKey {
    /// What the figures are of.
    pub dimension: Dimension,
    /// Which one.
    pub id: String,
    /// The window's length.
    pub size_ms: i64,
    /// The window's first instant.
    pub window_start: i64,
}

/// The key of a window in `cx.metrics`: `dimension/id/sizeMs/windowStart`, the id escaped.
#[must_use]
pub fn window_key(dimension: Dimension, id: &str, size_ms: i64, window_start: i64) -> String {
    format!("{}/{}/{size_ms}/{window_start}", dimension.as_str(), escape(id))
}

/// Reads what [`window_key`] wrote. `None` for text that is no such key.
#[must_use]
pub fn parse_window_key(key: &str) -> Option<WindowKey> {
    let mut parts = key.split('/');
    let dimension = Dimension::from_name(parts.next()?)?;
    let id = unescape(parts.next()?)?.into_owned();
    let size_ms = parts.next()?.parse().ok()?;
    let window_start = parts.next()?.parse().ok()?;
    // Numbers can be spelled in other ways too, and there may be more parts.
    let same = window_key(dimension, &id, size_ms, window_start) == key;
    same.then_some(WindowKey { dimension, id, size_ms, window_start })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::text;
    use proptest::prelude::*;

    fn window<'a>(figures: &'a [(Figure, i64)]) -> MetricsWindow<'a> {
        MetricsWindow {
            dimension: Dimension::Bot,
            id: "b/1",
            window_start: 0,
            window_end: 900_000,
            figures,
            revision: 4,
        }
    }

    #[test]
    fn a_window_without_figures_has_all_its_fields_in_the_contracts_order() {
        assert_eq!(
            text(|out| window(&[]).write_json(out)),
            r#"{"dimension":"bot","id":"b/1","windowStart":0,"windowEnd":900000,"figures":{},"revision":4}"#
        );
    }

    #[test]
    fn a_window_is_written_as_the_public_cases_have_it_with_its_revision() {
        let case = r#"{"dimension":"queue","id":"VIP 100%","windowStart":1750060800000,"windowEnd":1750061700000,"figures":{"answered":1,"offered":1,"waitMs":29645}}"#;
        let figures = [(Figure::WaitMs, 29_645), (Figure::Offered, 1), (Figure::Answered, 1)];
        let window = MetricsWindow {
            dimension: Dimension::Queue,
            id: "VIP 100%",
            window_start: 1_750_060_800_000,
            window_end: 1_750_061_700_000,
            figures: &figures,
            revision: 12,
        };
        let expected = format!(r#"{},"revision":12}}"#, case.strip_suffix('}').unwrap());
        assert_eq!(text(|out| window.write_json(out)), expected);
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
    }

    #[test]
    fn codes_in_stored_state_stay_what_they_were() {
        let codes: Vec<_> = Dimension::ALL.iter().map(|d| format!("{}={}", d.code(), d.as_str())).collect();
        assert_eq!(codes.join(" "), "1=queue 2=agent 3=channel 4=bot");
        let codes: Vec<_> = Figure::ALL.iter().map(|f| format!("{}={}", f.code(), f.as_str())).collect();
        assert_eq!(
            codes.join(" "),
            "1=abandoned 2=abandonedConversations 3=agentMessages 4=answered 5=answeredInTarget 6=botMessages 7=cancelled 8=contained 9=conversations 10=customerMessages 11=engagedMs 12=handled 13=messages 14=noAgent 23=noAgentConversations 15=offered 16=responseMs 17=responses 18=stays 19=suggestions 20=timeouts 21=waitMs 22=wrapUpMs"
        );
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
            window_key(Dimension::Queue, "Sales/EU 100%", 900_000, start),
            "queue/Sales%2FEU 100%25/900000/1749999600000"
        );
        assert_eq!(window_key(Dimension::Bot, "", 1, 0), "bot//1/0");
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
        ] {
            assert_eq!(parse_window_key(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_windows_key_reads_back_as_what_it_was_made_of(
            dimension in prop::sample::select(Dimension::ALL), id in "[ab%/25F\\PC]{0,8}", size_ms: i64, window_start: i64
        ) {
            let key = window_key(dimension, &id, size_ms, window_start);
            prop_assert_eq!(parse_window_key(&key), Some(WindowKey { dimension, id, size_ms, window_start }));
        }
    }
}
