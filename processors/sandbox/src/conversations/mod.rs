// SPDX-License-Identifier: Apache-2.0

//! Generated conversations of a contact centre: realistic events, reproducible by seed.
//!
//! [`Conversations`] generates one complete conversation after another; [`events`] generates many at once, interleaved like in
//! a topic; [`disturb`] adds the disorder of networks and producers. Nothing here reads a clock: the start of the first
//! conversation is an argument.
//!
//! ```
//! use sandbox::conversations::{Options, events};
//!
//! let planned = events(&Options { seed: 7, ..Options::default() }, 100);
//! assert!(planned.len() >= 100);
//! ```

mod cast;
mod disorder;
mod platform;
mod roster;
mod scenarios;
mod scenes;
mod script;
mod shapes;
mod tasks;
mod texts;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use cast::Cast;
use script::Script;

pub use disorder::{Disorder, INVALID_REASONS, disturb};
pub use roster::{AgentState, Roster};
pub use scenarios::Scenario;

/// The interval between the starts of conversations, in ms.
const BETWEEN_STARTS: std::ops::RangeInclusive<i64> = 500..=5_500;
/// The random stream of the cast; streams from 0 on are for conversations.
const CAST_STREAM: u64 = u64::MAX;

/// The size of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Size {
    /// Little more than the fields that are read: mostly 0.5 to 0.9 KB.
    #[default]
    Slim,
    /// The complete nesting of channels, customers and accounts as in real payloads: 2.5 to 16 KB.
    Real,
}

/// The kinds of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Traffic {
    /// What ExpertFlow CX sends: besides [`Traffic::Plain`], tasks with offers, calls with holds, campaigns, comments, signals,
    /// reopened conversations.
    #[default]
    Platform,
    /// Only what contract 1 reads, byte for byte as in version 0.1: for comparisons with programs that read no more.
    Plain,
}

/// Which conversations to generate. The default is slim, session-keyed, and begins on 2025-06-15 (a Sunday).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// The seed; another one gives other conversations with other ids.
    pub seed: u64,
    /// When the first conversation begins, in epoch milliseconds.
    pub start_ms: i64,
    /// The size of the events.
    pub size: Size,
    /// Whether some events of calls (legs, transcripts, recordings) name only their channel session, and have to be correlated.
    pub session_keyed: bool,
    /// Which events.
    pub traffic: Traffic,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            seed: 1,
            start_ms: 1_750_000_000_000,
            size: Size::Slim,
            session_keyed: true,
            traffic: Traffic::Platform,
        }
    }
}

/// One record as a producer would send it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// When it is sent, in epoch milliseconds: the event's own time, until [`disturb`] delays it.
    pub at_ms: i64,
    /// Its conversation, even if the value names only the session. Empty if there is none.
    pub conversation: String,
    /// The record's value: one event as JSON, in one of the three forms. (Or what [`disturb`] puts in.)
    pub value: String,
}

/// Complete conversations without end, each a list of events in time order. They begin a few seconds apart and overlap:
/// [`events`] interleaves them.
#[derive(Debug)]
pub struct Conversations {
    options: Options,
    only: Option<Scenario>,
    cast: Cast,
    /// The number of the next conversation.
    next: u64,
    /// When it begins.
    begins_ms: i64,
}

impl Conversations {
    /// Conversations of all kinds, with realistic frequencies.
    pub fn new(options: Options) -> Conversations {
        let mut rng = ChaCha8Rng::seed_from_u64(options.seed);
        rng.set_stream(CAST_STREAM);
        let cast = Cast::new(&mut rng);
        Conversations { options, only: None, cast, next: 0, begins_ms: options.start_ms }
    }

    /// Conversations of one kind only.
    pub fn only(options: Options, scenario: Scenario) -> Conversations {
        Conversations { only: Some(scenario), ..Conversations::new(options) }
    }

    /// Sets the start of the next conversation, in epoch milliseconds; later ones follow a few seconds apart.
    pub fn begin_next_at(&mut self, at_ms: i64) {
        self.begins_ms = at_ms;
    }
}

impl Iterator for Conversations {
    type Item = Vec<Planned>;

    /// The next conversation; there always is one.
    fn next(&mut self) -> Option<Vec<Planned>> {
        // Its own random stream, so that no conversation depends on earlier ones, except for its start.
        let mut rng = ChaCha8Rng::seed_from_u64(self.options.seed);
        rng.set_stream(self.next);
        let scenario = Scenario::draw(self.options.traffic, &mut rng);
        let scenario = self.only.unwrap_or(scenario);
        let begins = self.begins_ms;
        self.next += 1;
        self.begins_ms += rng.random_range(BETWEEN_STARTS);
        let mut script = Script::new(rng, &self.cast, &self.options, begins);
        scenario.play(&mut script);
        Some(script.finish())
    }
}

/// Complete conversations with at least `count` events, interleaved by time as in one topic.
pub fn events(options: &Options, count: usize) -> Vec<Planned> {
    let mut planned = Vec::with_capacity(count);
    for conversation in Conversations::new(*options) {
        if planned.len() >= count {
            break;
        }
        planned.extend(conversation);
    }
    planned.sort_by_key(|planned| planned.at_ms);
    planned
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashSet};

    use serde_json::Value;

    use super::*;

    fn options(seed: u64, size: Size) -> Options {
        Options { seed, size, ..Options::default() }
    }

    /// The event in any of the three forms.
    fn event(value: &str) -> Value {
        let json: Value = serde_json::from_str(value).unwrap();
        let places = ["/cimEvent", "/payload/entities/cimEvent", "/entities/cimEvent"];
        places.iter().find_map(|place| json.pointer(place).cloned()).unwrap_or(json)
    }

    fn text<'a>(event: &'a Value, place: &str) -> &'a str {
        event.pointer(place).and_then(Value::as_str).unwrap_or_default()
    }

    #[test]
    fn the_same_seed_gives_the_same_events_and_another_seed_gives_others() {
        for size in [Size::Slim, Size::Real] {
            assert_eq!(events(&options(5, size), 1_000), events(&options(5, size), 1_000));
            assert_ne!(events(&options(5, size), 50), events(&options(6, size), 50));
        }
    }

    #[test]
    fn another_start_moves_the_times_and_nothing_else() {
        let ids = |start_ms| {
            let options = Options { start_ms, ..options(5, Size::Slim) };
            events(&options, 200)
                .iter()
                .map(|p| (p.at_ms - start_ms, p.conversation.clone()))
                .collect::<Vec<_>>()
        };
        assert_eq!(ids(1_000_000_000_000), ids(2_000_000_000_000));
    }

    #[test]
    fn a_conversation_begins_when_it_is_told_to_and_is_the_same_otherwise() {
        let mut shifted = Conversations::new(options(5, Size::Slim));
        shifted.begin_next_at(1_760_000_000_000);
        let (shifted, unshifted) =
            (shifted.next().unwrap(), Conversations::new(options(5, Size::Slim)).next().unwrap());
        assert_eq!(shifted[0].at_ms, 1_760_000_000_000);
        assert_eq!(shifted[0].conversation, unshifted[0].conversation);
        assert_eq!(shifted.len(), unshifted.len());
    }

    #[test]
    fn every_event_has_an_id_of_its_own_a_name_and_a_time() {
        let mut ids = HashSet::new();
        for seed in 0..3 {
            for planned in events(&options(seed, Size::Slim), 3_000) {
                let event = event(&planned.value);
                assert!(!text(&event, "/name").is_empty(), "{}", planned.value);
                let time = event.get("timestamp").or(event.get("timeStamp")).unwrap();
                match time {
                    Value::Number(number) => assert_eq!(number.as_i64(), Some(planned.at_ms)),
                    Value::String(written) => {
                        let digits = written.parse().is_ok_and(|at: i64| at == planned.at_ms);
                        assert!(digits || written.starts_with("2025-06-1"), "{written}");
                    }
                    other => panic!("no time: {other}"),
                }
                assert!(ids.insert(text(&event, "/id").to_owned()), "an id twice: {}", planned.value);
            }
        }
    }

    #[test]
    fn a_conversation_is_in_order_and_the_next_begins_a_few_seconds_later() {
        let all: Vec<_> = Conversations::new(options(3, Size::Slim)).take(300).collect();
        for conversation in &all {
            assert!(conversation.is_sorted_by_key(|planned| planned.at_ms));
            let names: HashSet<_> = conversation.iter().map(|planned| &planned.conversation).collect();
            assert_eq!(names.len(), 1);
        }
        let starts: Vec<_> = all.iter().map(|conversation| conversation[0].at_ms).collect();
        assert_eq!(starts[0], Options::default().start_ms);
        assert!(starts.windows(2).all(|pair| BETWEEN_STARTS.contains(&(pair[1] - pair[0]))));
    }

    #[test]
    fn sizes_are_in_the_declared_range() {
        for (size, range, mean) in
            [(Size::Slim, 350..=1_150, 500..=900), (Size::Real, 2_400..=16_400, 3_000..=9_000)]
        {
            let sizes: Vec<_> = events(&options(11, size), 5_000).iter().map(|p| p.value.len()).collect();
            let average = sizes.iter().sum::<usize>() / sizes.len();
            let (least, most) = (sizes.iter().min().unwrap(), sizes.iter().max().unwrap());
            eprintln!("{size:?}: {least} to {most} bytes, {average} in the mean");
            assert!(range.contains(least) && range.contains(most), "{size:?}: {least} to {most}");
            assert!(mean.contains(&average), "{size:?}: {average}");
        }
    }

    #[test]
    fn all_that_a_centre_knows_occurs() {
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for planned in events(&options(2, Size::Slim), 20_000) {
            let outer: Value = serde_json::from_str(&planned.value).unwrap();
            let event = event(&planned.value);
            let form = if outer.get("cimEvent").is_some() {
                "socket"
            } else if outer.get("payload").is_some() {
                "studio"
            } else {
                "bare"
            };
            for key in [
                form.to_owned(),
                text(&event, "/name").to_owned(),
                format!("body {}", text(&event, "/data/body/type")),
                format!("intent {}", text(&event, "/data/header/intent")),
                format!("action {}", text(&event, "/data/body/action")),
                format!("role {}", text(&event, "/data/agentParticipant/role")),
                format!("direction {}", text(&event, "/data/task/activeMedia/0/type/direction")),
            ] {
                *seen.entry(key).or_default() += 1;
            }
        }
        for wanted in "bare,socket,studio,CUSTOMER_MESSAGE,AGENT_MESSAGE,BOT_MESSAGE,WHISPER_MESSAGE,EWT_MESSAGE,\
            THIRD_PARTY_ACTIVITY,CAMPAIGN_MESSAGE,ACTION_MESSAGE,WRAPUP_APPLIED,CALL_LEG_STARTED,CALL_LEG_ENDED,\
            CONVERSATION_DATA_CHANGED,MODIFY_ACTIVITY,REACTION,BOT_SUGGESTION,MESSAGE_DELIVERY_NOTIFICATION,\
            CHANNEL_SESSION_STARTED,CHANNEL_SESSION_ENDED,CHANNEL_SESSION_EXPIRED,CONVERSATION_PAUSED,\
            CONVERSATION_RESUMED,TASK_ENQUEUED,TASK_STATE_CHANGED,NO_AGENT_AVAILABLE,AGENT_SLA_EXPIRED,BOT_TIMEOUT,\
            TYPING_STARTED,body WRAPUP,body NOTE,body RECORDING_LINK,body SURVEY,body TRANSCRIPT,intent UPDATE,\
            intent REPLY_TO,intent IVR_AGGREGATED_ACTIVITY,action EDIT,action DELETE,action REMOVE,role CONFERENCE,\
            role SILENT_MONITOR,direction DIRECT_TRANSFER,direction DIRECT_CONFERENCE,TYPING_INDICATOR,CALL_HOLD,CALL_RESUME,\
            IVR_AGGREGATED_ACTIVITY,VOICE_ACTIVITY,CUSTOMER_LEFT,AGENT_SLA_STARTED,TOPIC_STATE_CHANGE_EVENT,BOT_SUBSCRIBED,\
            body NOTIFICATION,body COMMENT,body DELETEDNOTIFICATION,body DELIVERYNOTIFICATION,role CONSULTED,direction CONSULT,\
            direction CONSULT_TRANSFER"
            .split(',')
        {
            assert!(seen.contains_key(wanted), "{wanted} never occurs");
        }
    }

    #[test]
    fn plain_traffic_is_what_version_0_1_made() {
        for (size, wanted) in
            [(Size::Slim, 8_474_649_989_257_716_807), (Size::Real, 17_341_429_279_308_572_915)]
        {
            let options = Options { traffic: Traffic::Plain, ..options(5, size) };
            // FNV-1a over all values.
            let hash = events(&options, 2_000)
                .iter()
                .flat_map(|planned| planned.value.as_bytes())
                .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                    (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
                });
            assert_eq!(hash, wanted, "{size:?}");
        }
    }

    #[test]
    fn all_scenarios_occur_and_a_single_one_can_be_asked_for() {
        let drawn: HashSet<_> = (0..1_000)
            .map(|stream| {
                let mut rng = ChaCha8Rng::seed_from_u64(1);
                rng.set_stream(stream);
                Scenario::draw(Traffic::Platform, &mut rng)
            })
            .collect();
        for scenario in Scenario::all() {
            assert!(drawn.contains(&scenario), "{scenario:?} never occurs");
            for size in [Size::Slim, Size::Real] {
                let one = Conversations::only(options(1, size), scenario).next().unwrap();
                assert!(!one.is_empty());
            }
        }
        let call = Conversations::only(options(1, Size::Slim), Scenario::VoiceCall).next().unwrap();
        assert!(call.iter().any(|planned| planned.value.contains("CALL_LEG_STARTED")));
    }

    #[test]
    fn an_event_names_its_conversation_or_else_a_session_that_does() {
        for (size, session_keyed) in [(Size::Slim, true), (Size::Real, true), (Size::Real, false)] {
            let options = Options { session_keyed, ..options(4, size) };
            let (mut by_session, mut loose) = (0, 0);
            for conversation in Conversations::only(options, Scenario::VoiceCall).take(20) {
                let id = &conversation[0].conversation;
                let started = event(&conversation[0].value);
                let session =
                    ["/channelSession/id", "/data/id"].iter().find_map(|p| started.pointer(p)).unwrap();
                for planned in &conversation {
                    if !planned.value.contains(id.as_str()) {
                        by_session += 1;
                        let event = event(&planned.value);
                        assert_eq!(event.pointer("/data/body/callId"), Some(session), "{}", planned.value);
                    }
                }
            }
            for conversation in Conversations::only(options, Scenario::LooseNote).take(20) {
                for planned in conversation {
                    loose += 1;
                    assert_eq!(planned.conversation, "");
                    assert!(
                        !planned.value.contains("onversationId") && !planned.value.contains("hannelSession")
                    );
                }
            }
            assert_eq!(by_session > 0, session_keyed);
            assert!(loose > 20);
        }
    }

    #[test]
    fn every_relation_has_its_target_in_its_own_conversation() {
        for conversation in Conversations::new(options(9, Size::Slim)).take(300) {
            let events: Vec<_> = conversation.iter().map(|planned| event(&planned.value)).collect();
            let activities: HashSet<_> = events.iter().map(|event| text(event, "/data/id")).collect();
            for event in &events {
                for place in
                    ["/data/header/originalMessageId", "/data/requestedMessage/id", "/data/body/messageId"]
                {
                    let target = text(event, place);
                    assert!(target.is_empty() || activities.contains(target), "{event}");
                }
            }
        }
    }
}
