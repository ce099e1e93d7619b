// SPDX-License-Identifier: Apache-2.0

use super::*;
use crate::{FactKind, Kind, Mark, ReactionKind, RoomMode, Targets};

fn text(text: &'static str) -> Cow<'static, str> {
    Cow::Borrowed(text)
}

fn json(text: &'static str) -> Json<'static> {
    Json::from_compact(text.into())
}

fn event(name: &'static str, action: Action<'static>) -> Event<'static> {
    Event {
        id: text("e1"),
        name: text(name),
        at: 1_750_000_000_000,
        conversation_id: Some(text("c")),
        channel_session_id: Some(text("s")),
        customer_id: Some(text("k")),
        channel: Some(Channel { channel_type: Some(text("WEB")), service_identifier: Some(text("1122")) }),
        actor: Some(Actor {
            actor_type: Some(text("AGENT")),
            id: Some(text("ann")),
            name: Some(text("Ann")),
        }),
        direction: Some(text("INBOUND")),
        room_id: None,
        mode: None,
        sent_at: None,
        targets: Targets::default(),
        action,
    }
}

fn primary(kind: Kind, leg: Option<Leg<'static>>) -> Action<'static> {
    Action::Primary(Primary {
        activity_id: text("m"),
        kind,
        body: Some(json(r#"{"a":1}"#)),
        in_reply_to: Some(text("q")),
        provider_message_id: Some(text("p")),
        leg,
    })
}

fn leg(phase: LegPhase) -> Leg<'static> {
    Leg {
        phase,
        call_id: Some(text("call")),
        start_time: Some(1_750_000_000_001),
        end_time: Some(1_750_000_000_002),
        reason: Some(text("DONE")),
    }
}

fn relation(change: Change<'static>) -> Action<'static> {
    Action::Relation(Relation { target: text("m"), change })
}

fn reaction(kind: ReactionKind, remove: bool) -> Action<'static> {
    relation(Change::Reaction { kind, value: Some(text("x")), remove })
}

fn fact(kind: FactKind, detail: FactDetail<'static>) -> Action<'static> {
    Action::Fact(Fact { kind, detail })
}

fn agent() -> AgentDetail<'static> {
    AgentDetail {
        agent_id: Some(text("ann")),
        role: Some(text("WRAP_UP")),
        name: Some(text("Ann")),
        reason: Some(text("DONE")),
    }
}

fn task() -> TaskDetail<'static> {
    TaskDetail {
        task_id: Some(text("t")),
        queue: Some(text("sales")),
        direction: Some(text("INBOUND")),
        mode: Some(text("QUEUE")),
        state: Some(text("CLOSED")),
        ..TaskDetail::default()
    }
}

fn full_task() -> TaskDetail<'static> {
    TaskDetail {
        reason: Some(text("RONA")),
        agent_id: Some(text("ann")),
        timer_id: Some(text("timer")),
        session_id: Some(text("s")),
        ..task()
    }
}

fn items() -> Vec<SuggestionItem<'static>> {
    vec![
        SuggestionItem { body: Some(json(r#"{"b":true}"#)), confidence: Some(json("0.90")) },
        SuggestionItem { body: None, confidence: None },
    ]
}

/// One event of each kind.
fn all() -> Vec<Event<'static>> {
    let mut all: Vec<_> = Kind::ALL
        .iter()
        .map(|kind| event(kind.as_str(), primary(*kind, None)))
        .chain(ReactionKind::ALL.iter().map(|kind| event("REACTION", reaction(*kind, false))))
        .collect();
    all.extend([
        event("CALL_LEG_STARTED", primary(Kind::AgentCallLeg, Some(leg(LegPhase::Started)))),
        event("CALL_LEG_ENDED", primary(Kind::AgentCallLeg, Some(leg(LegPhase::Ended)))),
        event("MODIFY_ACTIVITY", relation(Change::Edit { body: json(r#"{"a":2}"#) })),
        event("MODIFY_ACTIVITY", relation(Change::Delete { by_supervisor: false, is_done: false })),
        event("MODIFY_ACTIVITY", relation(Change::Delete { by_supervisor: true, is_done: false })),
        event("REACTION", reaction(ReactionKind::Emoji, true)),
        event("BOT_SUGGESTION", relation(Change::Suggestion { items: items() })),
        event("BOT_SUGGESTION", relation(Change::Suggestion { items: Vec::new() })),
        event(
            "MESSAGE_DELIVERY_NOTIFICATION",
            relation(Change::Delivery { status: text("FAILED"), reason_code: Some(text("42")) }),
        ),
        event("AGENT_RESERVED", fact(FactKind::AgentReserved, FactDetail::None)),
        event("AGENT_SUBSCRIBED", fact(FactKind::AgentSubscribed, FactDetail::Agent(agent()))),
        event(
            "PARTICIPANT_ROLE_CHANGED",
            fact(
                FactKind::ParticipantRoleChanged,
                FactDetail::Role { agent_id: Some(text("ann")), role: Some(text("WRAP_UP")) },
            ),
        ),
        event("TASK_ENQUEUED", fact(FactKind::TaskEnqueued, FactDetail::Task(Box::new(task())))),
        event(
            "TOPIC_STATE_CHANGED",
            fact(FactKind::TopicStateChanged, FactDetail::State(Some(text("CLOSED")))),
        ),
        event("TOPIC_STATE_CHANGED", fact(FactKind::TopicStateChanged, FactDetail::State(None))),
        // Since contract 2.
        event("AGENT_MESSAGE", relation(Change::Delete { by_supervisor: false, is_done: true })),
        event(
            "REACTION",
            relation(Change::Reaction { kind: ReactionKind::Emoji, value: None, remove: true }),
        ),
        event("AGENT_MESSAGE", relation(Change::Mark(Mark::Hide))),
        event("CALL_HOLD", relation(Change::Hold { begins: true })),
        event("CALL_RESUME", relation(Change::Hold { begins: false })),
        event("AGENT_RESERVED", fact(FactKind::AgentReserved, FactDetail::Task(Box::new(full_task())))),
        event(
            "NO_AGENT_AVAILABLE",
            fact(FactKind::NoAgentAvailable, FactDetail::Request { direction: Some(text("CONSULT")) }),
        ),
        Event {
            room_id: Some(text("r")),
            mode: Some(RoomMode::Private),
            sent_at: Some(1_750_000_000_003),
            ..event("AGENT_MESSAGE", primary(Kind::AgentMessage, None))
        },
    ]);
    all
}

/// In the order of `all`. They are part of stored state: another hash would make every stored event a conflict.
const NUMBERS: &[u64] = &[
    2_918_703_807_928_175_068,
    14_157_311_310_640_040_093,
    11_163_359_370_153_799_249,
    12_590_993_270_999_388_110,
    15_383_536_478_482_758_398,
    949_823_861_284_055_908,
    11_683_016_784_622_934_852,
    15_041_235_884_804_974_389,
    13_674_870_722_186_904_331,
    6_684_045_238_932_718_203,
    14_573_062_641_166_791_187,
    3_631_059_636_864_987_825,
    9_686_141_729_213_969_179,
    13_763_720_261_846_217_981,
    3_593_406_792_683_195_208,
    7_525_876_691_169_502_206,
    15_757_079_561_138_650_796,
    15_929_990_157_655_219_577,
    1_257_226_325_259_331_291,
    12_215_733_738_335_477_776,
    546_356_313_921_691_596,
    10_703_458_006_809_463_596,
    8_821_420_924_759_941_013,
    17_507_194_192_506_908_707,
    7_619_193_725_441_603_912,
    8_489_785_952_795_323_376,
    8_569_454_730_711_772_595,
    4_490_251_972_567_267_859,
    10_425_181_759_907_305_626,
    9_563_263_788_134_359_640,
    2_114_169_881_417_566_433,
    5_904_572_913_741_765_760,
    3_929_979_919_464_154_844,
    10_194_838_094_085_892_577,
    14_170_450_797_794_692_459,
    14_545_816_898_123_901_515,
    12_957_579_552_153_948_377,
    5_095_401_294_064_442_015,
    12_641_886_322_268_390_434,
    18_326_814_021_939_763_582,
    13_018_887_152_282_542_634,
    10_682_700_427_907_362_120,
    11_444_574_020_677_615_553,
    912_228_074_801_779_754,
    12_381_623_409_990_471_982,
];

#[test]
fn every_kind_of_event_has_the_number_that_it_always_had() {
    let numbers: Vec<u64> = all().iter().map(Event::content_hash).collect();
    assert_eq!(numbers, NUMBERS);
    let distinct: std::collections::HashSet<_> = numbers.iter().collect();
    assert_eq!(distinct.len(), numbers.len());
}

#[test]
fn an_event_of_which_little_is_known_has_the_number_that_it_always_had() {
    let bare = Event {
        channel_session_id: None,
        customer_id: None,
        channel: None,
        actor: None,
        direction: None,
        ..event("X", fact(FactKind::Other, FactDetail::None))
    };
    // Version, id, name, time, and that it is a fact: nothing else.
    let bytes = b"\x01\x01\x02\0\0\0e1\x02\x01\0\0\0X\x03\x00\xdc\x20\x74\x97\x01\0\0\x3c";
    assert_eq!(bare.content_hash(), xxh64(bytes, 0));
    assert_eq!(bare.content_hash(), 3_432_438_233_769_055_061);
    let unknown = Event { actor: Some(Actor { actor_type: None, id: None, name: None }), ..bare.clone() };
    assert_ne!(unknown.content_hash(), bare.content_hash(), "a sender of whom nothing is known is one");
}

#[test]
fn each_field_that_the_contract_reads_decides_and_no_other() {
    for of_kind in all() {
        let number = of_kind.content_hash();
        let differs = |what: &str, change: &dyn Fn(&mut Event<'static>)| {
            let mut other = of_kind.clone();
            change(&mut other);
            if other != of_kind {
                assert_ne!(other.content_hash(), number, "{what} of {of_kind:?}");
            }
        };
        differs("id", &|event| event.id = text("e2"));
        differs("name", &|event| event.name = text("Y"));
        differs("at", &|event| event.at += 1);
        differs("session", &|event| event.channel_session_id = None);
        differs("customer", &|event| event.customer_id = None);
        differs("channel", &|event| event.channel = None);
        differs("service", &|event| event.channel.as_mut().unwrap().service_identifier = None);
        differs("type", &|event| event.channel.as_mut().unwrap().channel_type = None);
        differs("actor", &|event| event.actor = None);
        differs("actor's type", &|event| event.actor.as_mut().unwrap().actor_type = None);
        differs("actor's id", &|event| event.actor.as_mut().unwrap().id = None);
        differs("actor's name", &|event| event.actor.as_mut().unwrap().name = None);
        differs("direction", &|event| event.direction = None);
        differs("room", &|event| event.room_id = None);
        differs("mode", &|event| event.mode = Some(RoomMode::ContactCenter));
        differs("sent", &|event| event.sent_at = None);
        for nth in 0..16 {
            differs(&format!("field {nth}"), &|event| change_field(&mut event.action, nth));
        }
        let elsewhere = Event { conversation_id: None, ..of_kind.clone() };
        assert_eq!(elsewhere.content_hash(), number, "how its conversation is known is left out");
        let targets = Targets { agent: Some(1), ..Targets::default() };
        assert_eq!(Event { targets, ..of_kind.clone() }.content_hash(), number, "not of the contract");
    }
}

/// Changes one field of an action; `None` if it has fewer.
fn change_field(action: &mut Action<'static>, nth: usize) {
    let mut texts: Vec<&mut Option<Cow<'static, str>>> = Vec::new();
    match action {
        Action::Primary(primary) => {
            match nth {
                10 => primary.activity_id = text("other"),
                11 => primary.body = None,
                12 => primary.leg = None,
                13 => primary.leg.iter_mut().for_each(|leg| leg.start_time = None),
                14 => primary.leg.iter_mut().for_each(|leg| leg.end_time = None),
                15 => primary.body = Some(json(r#"{"a":1.5}"#)),
                _ => {}
            }
            texts.extend([&mut primary.in_reply_to, &mut primary.provider_message_id]);
            texts.extend(primary.leg.iter_mut().flat_map(|leg| [&mut leg.call_id, &mut leg.reason]));
        }
        Action::Relation(relation) => {
            if nth == 10 {
                relation.target = text("other");
            }
            match &mut relation.change {
                Change::Edit { body } if nth == 11 => *body = json("{}"),
                Change::Reaction { value, .. } if nth == 11 => *value = Some(text("y")),
                Change::Reaction { remove, .. } if nth == 12 => *remove = !*remove,
                Change::Delete { by_supervisor, .. } if nth == 11 => *by_supervisor = !*by_supervisor,
                Change::Delete { is_done, .. } if nth == 12 => *is_done = !*is_done,
                Change::Hold { begins } if nth == 11 => *begins = !*begins,
                Change::Suggestion { items } if nth == 11 => {
                    items.push(SuggestionItem { body: None, confidence: None });
                }
                Change::Suggestion { items } if nth == 12 => items.reverse(),
                Change::Suggestion { items } if nth == 13 => {
                    items.iter_mut().for_each(|item| item.confidence = None);
                }
                Change::Delivery { status, .. } if nth == 11 => *status = text("SENT"),
                Change::Delivery { reason_code, .. } => texts.push(reason_code),
                _ => {}
            }
        }
        Action::Fact(fact) => match &mut fact.detail {
            FactDetail::None => {}
            FactDetail::Agent(AgentDetail { agent_id, role, name, reason }) => {
                texts.extend([agent_id, role, name, reason]);
            }
            FactDetail::Role { agent_id, role } => texts.extend([agent_id, role]),
            FactDetail::Task(task) => {
                let TaskDetail {
                    task_id,
                    queue,
                    direction,
                    mode,
                    state,
                    reason,
                    agent_id,
                    timer_id,
                    session_id,
                } = &mut **task;
                texts
                    .extend([task_id, queue, direction, mode, state, reason, agent_id, timer_id, session_id]);
            }
            FactDetail::State(state) => texts.push(state),
            FactDetail::Request { direction } => texts.push(direction),
        },
        Action::Signal => {}
    }
    if let Some(text) = texts.into_iter().nth(nth) {
        *text = None;
    }
}

#[test]
fn what_is_said_decides_and_not_how_it_is_spelled() {
    let with = |body| event("X", relation(Change::Edit { body: json(body) })).content_hash();
    assert_eq!(with(r#"{"a":1,"b":[2]}"#), with(r#"{"b":[2.0],"a":1e0}"#));
}

#[test]
fn texts_do_not_run_into_each_other() {
    let with = |id, name| {
        let mut event = event("X", fact(FactKind::Other, FactDetail::None));
        (event.id, event.name) = (text(id), text(name));
        event.content_hash()
    };
    assert_ne!(with("ab", "c"), with("a", "bc"));
}

#[test]
fn a_text_is_written_as_it_is_described_wherever_it_lies() {
    // Before, at and beyond the end of the stack buffer.
    for before in (0..20).chain(480..530) {
        for length in [0, 1, 2, 3, 4, 17, 600] {
            let text = "x".repeat(length);
            let mut bytes = Bytes::new();
            bytes.write(&vec![7; before]);
            bytes.text(Tag::Name, &text);
            bytes.mark(Tag::Actor);
            let mut whole = vec![7; before];
            whole.push(2);
            whole.extend_from_slice(&u32::try_from(length).unwrap().to_le_bytes());
            whole.extend_from_slice(text.as_bytes());
            whole.push(8);
            assert_eq!(bytes.hash(), xxh64(&whole, 0), "{length} bytes behind {before}");
        }
    }
}

#[test]
fn what_is_gathered_is_hashed_as_one_text_however_long_it_is() {
    for (pieces, length) in [(0, 0), (3, 1), (2, 256), (4, 128), (511, 1), (513, 1), (5, 200), (2, 1000)] {
        let mut gathered = Bytes::new();
        let mut whole = Vec::new();
        for piece in 0..pieces {
            let bytes = vec![u8::try_from(piece % 251).unwrap(); length];
            gathered.write(&bytes);
            gathered.write(b"");
            whole.extend(bytes);
        }
        assert_eq!(gathered.hash(), xxh64(&whole, 0), "{pieces} of {length}");
    }
}
