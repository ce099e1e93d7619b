// SPDX-License-Identifier: Apache-2.0

//! Rules of contract sections 4 and 5 that are easy to get wrong, one by one.

use model::{Category, ConversationSummary, Dimension, Figure, Finality, Kind, Outcome, Stage, VisitOutcome};

use super::super::entry::StoredTask;
use super::super::{ActivityFigures, Derived, Entry, Scan, Standing};
use super::build::{
    agent, closed, enqueued, fact, in_session, no_agent, of_task, primary, relation, reserved, role, state,
    task,
};
use super::{Whole, whole};

const T: i64 = 1_750_000_000_000;
const JOIN: &str = "AGENT_SUBSCRIBED";
const LEAVE: &str = "AGENT_UNSUBSCRIBED";
const CLOSE: &str = "CONVERSATION_CLOSED";
const START: &str = "CONVERSATION_STARTED";

/// The summary, for tests that keep it longer than the scan; it leaks a little memory.
fn summary(whole: &Whole<'_>) -> ConversationSummary<'static> {
    let scan: &'static Scan = Box::leak(Box::new(whole.scan.clone()));
    scan.summary("c", &ActivityFigures::default(), Vec::new(), false)
}

fn summary_of(entries: &[Entry<'static>]) -> ConversationSummary<'static> {
    summary(&whole(entries.to_vec()))
}

/// The derived fields of the last entry.
fn last(entries: &[Entry<'static>]) -> Derived {
    whole(entries.to_vec()).entries.pop().unwrap().1
}

fn times(summary: &ConversationSummary<'_>) -> Vec<(Option<i64>, Option<i64>)> {
    summary.agents.iter().map(|stay| (stay.engaged_ms, stay.wrap_up_ms)).collect()
}

fn outcomes(summary: &ConversationSummary<'_>) -> Vec<Option<VisitOutcome>> {
    summary.queue_visits.iter().map(|visit| visit.outcome).collect()
}

#[test]
fn a_second_subscribe_sets_the_role_anew_and_starts_no_stay() {
    let entries = [
        agent("a", T, JOIN, Some("ann"), Some("WRAP_UP")),
        agent("b", T + 10, JOIN, Some("ann"), None),
        agent("c", T + 30, LEAVE, Some("ann"), None),
    ];
    let summary = summary_of(&entries);
    assert_eq!(times(&summary), [(Some(20), Some(10))]);
    assert_eq!(last(&entries[..2]).stage, Stage::Agent);
    assert_eq!(last(&entries[..1]).stage, Stage::WrapUp);
}

#[test]
fn a_role_is_changed_only_of_who_is_present() {
    let entries = [
        role("a", T, Some("ann"), Some("WRAP_UP")),
        agent("b", T + 10, JOIN, Some("ann"), Some("PRIMARY")),
        role("c", T + 20, Some("ann"), Some("WRAP_UP")),
        role("d", T + 30, None, Some("PRIMARY")),
        role("e", T + 40, Some("ben"), Some("PRIMARY")),
    ];
    let stages: Vec<Stage> =
        whole(entries.to_vec()).entries.iter().map(|(_, derived)| derived.stage).collect();
    assert_eq!(stages, [Stage::SelfService, Stage::Agent, Stage::WrapUp, Stage::WrapUp, Stage::WrapUp]);
}

#[test]
fn agents_are_listed_once_each_sorted_by_bytes() {
    let joins = ["é", "b", "Z", "b", "a"].into_iter().zip(["a", "b", "c", "d", "e"]);
    let entries: Vec<_> = joins.map(|(id, event)| agent(event, T, JOIN, Some(id), None)).collect();
    assert_eq!(last(&entries).agents.iter().map(|id| &**id).collect::<Vec<_>>(), ["Z", "a", "b", "é"]);
}

#[test]
fn a_close_ends_the_stays_of_all_who_are_present_and_of_nobody_else() {
    let entries = [
        agent("a", T, JOIN, Some("ann"), None),
        agent("b", T, JOIN, Some("ben"), None),
        fact("c", T + 100, CLOSE),
        role("d", T + 150, Some("ann"), Some("WRAP_UP")),
        agent("e", T + 200, LEAVE, Some("ben"), None),
        agent("f", T + 300, JOIN, Some("cy"), None),
        fact("g", T + 400, "CONVERSATION_CLOSED"),
    ];
    let summary = summary_of(&entries);
    assert_eq!(times(&summary), [(Some(100), Some(0)), (Some(100), Some(0)), (None, None)]);
    let left: Vec<_> = summary.agents.iter().map(|stay| (stay.left_at, stay.reason.as_deref())).collect();
    assert_eq!(left, [(Some(T + 100), Some("CLOSED")), (Some(T + 100), Some("CLOSED")), (None, None)]);
    assert_eq!(times(&summary_of(&entries[..2])), [(None, None), (None, None)]);
    assert_eq!(last(&entries[..3]).agents.len(), 0);
}

#[test]
fn who_listens_is_present_and_serves_nobody() {
    for listens in ["SILENT_MONITOR", "WHISPER", "CONSULTED"] {
        let entries = [
            agent("a", T, JOIN, Some("ann"), Some(listens)),
            role("b", T + 10, Some("ann"), Some("PRIMARY")),
            role("c", T + 15, Some("ann"), Some(listens)),
            agent("d", T + 40, LEAVE, Some("ann"), None),
        ];
        assert_eq!(last(&entries[..1]).agents.len(), 1);
        let stages: Vec<Stage> =
            whole(entries.to_vec()).entries.iter().map(|(_, derived)| derived.stage).collect();
        assert_eq!(stages, [Stage::SelfService, Stage::Agent, Stage::SelfService, Stage::SelfService]);
        assert_eq!(times(&summary_of(&entries)), [(Some(5), Some(0))], "{listens}");
        assert_eq!(whole(entries.to_vec()).windows.sum(Dimension::Agent, "ann", Figure::Stays), 0);
    }
}

#[test]
fn each_opening_begins_a_cycle_with_an_outcome_of_its_own() {
    let entries = [
        agent("a", T, JOIN, Some("ann"), None),
        fact("b", T + 10, CLOSE),
        primary("c", T + 15, Kind::CustomerMessage, "m1", None),
        state("d", T + 20, "TOPIC_STATE_CHANGE_EVENT", Some("CREATED")),
        enqueued("e", T + 21, Some("t"), Some("q")),
        no_agent("f", T + 25, Some("INBOUND")),
        fact("g", T + 30, CLOSE),
        fact("h", T + 40, START),
    ];
    let summary = summary_of(&entries);
    let cycles: Vec<_> = summary
        .cycles
        .iter()
        .map(|one| (one.started_at - T, one.closed_at.map(|at| at - T), one.outcome))
        .collect();
    let (handled, no_agent) = (Some(Outcome::Handled), Some(Outcome::NoAgent));
    assert_eq!(cycles, [(0, Some(10), handled), (20, Some(30), no_agent), (40, None, None)]);
    assert_eq!((summary.outcome, summary_of(&entries[..7]).outcome), (None, no_agent));
}

#[test]
fn a_close_leaves_the_open_turn_unanswered() {
    let entries = [
        primary("a", T, Kind::CustomerMessage, "m1", None),
        fact("b", T + 10, CLOSE),
        fact("c", T + 20, START),
        primary("d", T + 30, Kind::AgentMessage, "m2", Some("ann")),
    ];
    let summary = summary_of(&entries);
    assert_eq!((summary.counts.unanswered_turns, summary.counts.responses), (1, 0));
    assert_eq!(last(&entries).responds_to, None);
}

#[test]
fn what_the_system_sends_in_an_agents_or_a_bots_name_answers_nobody() {
    for kind in [Kind::AgentMessage, Kind::BotMessage] {
        let entries = [
            primary("a", T, Kind::CustomerMessage, "m1", None),
            primary("b", T + 1, kind, "m2", Some("monitor")),
        ];
        let counts = summary_of(&entries).counts;
        assert_eq!((counts.responses, counts.system_messages), (0, 1));
        assert_eq!((counts.agent_messages, counts.bot_messages), (0, 0));
    }
}

#[test]
fn a_response_counts_for_its_agent_from_the_joining_on() {
    let entries = [
        primary("a", T, Kind::CustomerMessage, "m1", None),
        fact("b", T + 5, "FIND_AGENT"),
        agent("c", T + 60, JOIN, Some("ann"), Some("PRIMARY")),
        primary("d", T + 70, Kind::AgentMessage, "m2", Some("ann")),
    ];
    let summary = summary_of(&entries);
    let stay = &summary.agents[0];
    assert_eq!(
        (stay.response_ms_total, stay.agent_response_ms_total, stay.role.as_deref()),
        (70, 10, Some("PRIMARY"))
    );
    assert_eq!(summary.agent_requested_at, Some(T + 5));
    assert_eq!(summary.first_agent_response_from_request_ms, Some(65));
}

#[test]
fn a_visit_goes_on_with_the_next_task_after_a_rona() {
    let next = |timer_id, queue| {
        let task = StoredTask {
            task_id: Some("u"),
            queue,
            direction: Some("INBOUND"),
            timer_id,
            ..StoredTask::default()
        };
        of_task("d", T + 30, "TASK_ENQUEUED", task)
    };
    let first = |timer_id| {
        let Entry { what, .. } = enqueued("a", T, Some("t"), Some("q"));
        let super::super::What::Fact(super::super::StoredDetail::Task(task)) = what else { panic!() };
        of_task("a", T, "TASK_ENQUEUED", StoredTask { timer_id, ..task })
    };
    for (own, timer, queue, is_same) in [
        (None, None, Some("q"), true),
        (None, Some("i"), Some("q"), true),
        (Some("i"), Some("i"), None, true),
        (Some("i"), Some("ii"), Some("q"), false),
        (None, None, Some("other"), false),
    ] {
        let entries = [
            first(own),
            reserved("b", T + 10, "t", "ann"),
            closed("c", T + 25, "t", "RONA"),
            next(timer, queue),
            reserved("e", T + 40, "u", "ben"),
            agent("f", T + 45, JOIN, Some("ben"), None),
        ];
        let summary = summary_of(&entries);
        let [visit, others @ ..] = &summary.queue_visits[..] else { panic!() };
        assert_eq!((&*visit.task_id, visit.queue.as_deref(), visit.ronas), ("t", Some("q"), 1));
        assert_eq!(others.is_empty(), is_same, "{own:?} {timer:?} {queue:?}");
        if is_same {
            assert_eq!((visit.agent_id.as_deref(), visit.wait_ms), (Some("ben"), Some(45)));
        }
        assert_eq!(summary.counts.ronas, 1);
    }
}

#[test]
fn who_comes_takes_what_is_offered_to_him_and_else_what_is_offered_to_nobody() {
    let visits = [
        enqueued("a", T, Some("t"), Some("q")),
        enqueued("b", T, Some("u"), Some("r")),
        reserved("c", T + 1, "t", "ann"),
    ];
    let joined = |agent_id| {
        let mut entries = visits.to_vec();
        entries.push(agent("d", T + 5, JOIN, Some(agent_id), None));
        outcomes(&summary_of(&entries))
    };
    let answered = Some(VisitOutcome::Answered);
    assert_eq!(joined("ann"), [answered, None]);
    assert_eq!(joined("ben"), [None, answered]);
    let mut entries = visits.to_vec();
    entries.push(agent("d", T + 5, JOIN, Some("cy/1"), Some("BARGE_IN")));
    assert_eq!(outcomes(&summary_of(&entries)), [None, None]);
}

#[test]
fn a_consultation_waits_for_an_agent_and_ends_with_who_is_consulted() {
    let consult = |id, at| {
        let task = StoredTask { task_id: Some("k"), direction: Some("CONSULT"), ..StoredTask::default() };
        of_task(id, at, "TASK_ENQUEUED", task)
    };
    let entries = [
        enqueued("a", T, Some("t"), Some("q")),
        consult("b", T + 1),
        agent("c", T + 5, JOIN, Some("ann"), Some("CONSULTED")),
    ];
    let summary = summary_of(&entries);
    assert_eq!(outcomes(&summary), [None, Some(VisitOutcome::Answered)]);
    assert_eq!((summary.wait_ms, summary.counts.consults), (0, 1));
    let gone = [consult("a", T), fact("b", T + 5, CLOSE)];
    assert_eq!(outcomes(&summary_of(&gone)), [Some(VisitOutcome::Cancelled)]);
    let none = [consult("a", T), no_agent("b", T + 5, None), no_agent("c", T + 6, Some("CONSULT"))];
    let visit = &summary_of(&none).queue_visits[0];
    assert_eq!((visit.outcome, visit.ended_at), (Some(VisitOutcome::NoAgent), Some(T + 6)));
}

#[test]
fn a_task_is_closed_as_its_reason_says() {
    for (reason, outcome) in [
        ("CANCELLED", Some(VisitOutcome::Abandoned)),
        ("NO_AGENT_AVAILABLE", Some(VisitOutcome::NoAgent)),
        ("DONE", Some(VisitOutcome::Cancelled)),
        ("RONA", None),
        ("REROUTE", None),
        ("RESPONSE_TIMEOUT", None),
        ("AGENT_LOGOUT", None),
    ] {
        let entries = [enqueued("a", T, Some("t"), Some("q")), closed("b", T + 5, "t", reason)];
        assert_eq!(outcomes(&summary_of(&entries)), [outcome], "{reason}");
    }
}

#[test]
fn a_session_is_active_from_any_event_until_its_end_and_not_again_before_it_starts() {
    let end = "CHANNEL_SESSION_ENDED";
    let entries = |messages: &[Entry<'static>]| {
        let mut entries = vec![
            in_session("a", T, "ANYTHING", Some("s")),
            enqueued("b", T, Some("t"), Some("q")),
            in_session("c", T + 1, end, Some("s")),
        ];
        entries.extend(messages);
        summary_of(&entries)
    };
    // A missing start has no effect.
    assert_eq!(outcomes(&entries(&[])), [Some(VisitOutcome::Abandoned)]);
    let later = [
        in_session("d", T + 2, "ANYTHING", Some("s")),
        in_session("e", T + 2, "ANYTHING", Some("s2")),
        enqueued("f", T + 3, Some("u"), Some("q")),
        in_session("g", T + 4, end, Some("s2")),
    ];
    assert_eq!(outcomes(&entries(&later))[1], Some(VisitOutcome::Abandoned));
}

#[test]
fn the_customer_who_leaves_ends_all_visits_and_sessions() {
    let entries = [
        in_session("a", T, "CHANNEL_SESSION_STARTED", Some("s")),
        enqueued("b", T, Some("t"), Some("q")),
        fact("c", T + 5, "CUSTOMER_LEFT"),
        enqueued("d", T + 6, Some("u"), Some("q")),
        in_session("e", T + 7, "CHANNEL_SESSION_ENDED", Some("s")),
    ];
    // The session was over already: its end abandons only its own visits.
    assert_eq!(outcomes(&summary_of(&entries)), [Some(VisitOutcome::Abandoned), None]);
}

#[test]
fn a_private_room_is_told_by_the_first_event_that_knows_it() {
    let in_room = |id, at, mode: model::RoomMode, room| Entry {
        mode: Some(mode.code()),
        room: Some(room),
        ..fact(id, at, "ANYTHING")
    };
    let entries = [
        fact("a", T, START),
        in_room("b", T, model::RoomMode::Private, "r1"),
        in_room("c", T, model::RoomMode::ContactCenter, "r2"),
    ];
    let scan = whole(entries.to_vec()).scan;
    assert!(scan.is_private());
    let summary = summary_of(&entries);
    assert_eq!((summary.mode, summary.room_id.as_deref()), (Some(model::RoomMode::Private), Some("r1")));
}

#[test]
fn what_opens_or_is_enqueued_within_one_millisecond_comes_before_what_closes() {
    let entries = [
        fact("a", T, CLOSE),
        fact("b", T, "CHANNEL_SESSION_STARTED"),
        enqueued("c", T, Some("t"), Some("q")),
        agent("d", T, JOIN, Some("ann"), None),
    ];
    let summary = summary_of(&entries);
    assert_eq!(
        (outcomes(&summary), summary.outcome),
        (vec![Some(VisitOutcome::Answered)], Some(Outcome::Handled))
    );
}

#[test]
fn opening_again_takes_back_the_close_and_the_outcome() {
    let mut entries = vec![
        fact("a", T, START),
        enqueued("b", T + 1, Some("t"), Some("q")),
        fact("c", T + 100, CLOSE),
        fact("d", T + 200, "CONVERSATION_CLOSED"),
    ];
    let closed = summary_of(&entries);
    assert_eq!((closed.closed_at, closed.duration_ms), (Some(T + 100), Some(100)));
    assert_eq!((closed.outcome, closed.finality), (Some(Outcome::Abandoned), Finality::Provisional));
    entries.push(state("e", T + 250, "TOPIC_STATE_CHANGED", None));
    entries.push(state("e2", T + 251, "TOPIC_STATE_CHANGED", Some("ON_HOLD")));
    assert_eq!(summary_of(&entries).closed_at, Some(T + 100));
    entries.push(state("f", T + 300, "TOPIC_STATE_CHANGED", Some("ACTIVE")));
    let open = summary_of(&entries);
    assert_eq!((open.closed_at, open.outcome, open.finality), (None, None, Finality::Open));
    entries.push(state("g", T + 400, "CONVERSATION_STATE_CHANGED", Some("CLOSED")));
    assert_eq!(summary_of(&entries).closed_at, Some(T + 400));
    assert_eq!(summary_of(&entries).hold_ms, 0, "while closed no hold begins");
}

#[test]
fn a_forgotten_conversation_is_final_also_while_it_is_open() {
    let scan = whole(vec![fact("a", T, START)]).scan;
    let summary = scan.summary("c", &ActivityFigures::default(), Vec::new(), true);
    assert_eq!((summary.finality, summary.closed_at), (Finality::Final, None));
}

#[test]
fn who_only_listens_in_ends_no_visit() {
    for beside in ["SILENT_MONITOR", "BARGE_IN", "CONSULTED", "WHISPER"] {
        let entries = [
            enqueued("a", T, Some("t"), Some("q")),
            agent("b", T + 1, JOIN, Some("ann"), Some(beside)),
            agent("c", T + 2, JOIN, None, Some("PRIMARY")),
        ];
        assert_eq!(outcomes(&summary_of(&entries)), [None]);
        assert_eq!(last(&entries).queue.as_deref(), Some("q"));
    }
    let entries = [enqueued("a", T, Some("t"), Some("q")), agent("b", T + 1, JOIN, Some("ann"), None)];
    assert_eq!(outcomes(&summary_of(&entries)), [Some(VisitOutcome::Answered)]);
}

#[test]
fn a_visit_is_answered_in_target_up_to_the_target_itself() {
    for (wait, in_target) in [(20_000, 1), (20_001, 0)] {
        let entries = [
            enqueued("a", T, Some("t"), Some("q")),
            enqueued("b", T, Some("u"), None),
            agent("c", T + wait, JOIN, Some("ann"), None),
        ];
        let windows = whole(entries.to_vec()).windows;
        let sum = |figure| windows.sum(Dimension::Queue, "q", figure);
        let sums = [Figure::Offered, Figure::Answered, Figure::WaitMs, Figure::AnsweredInTarget].map(sum);
        assert_eq!(sums, [1, 1, wait, in_target]);
    }
}

#[test]
fn only_an_event_of_a_leg_completes_a_leg() {
    let (leg, message) = (Kind::AgentCallLeg.code(), Kind::AgentMessage.code());
    assert_eq!(Standing::after(leg, leg), Standing::CompletesLeg);
    for (first, later) in [(leg, message), (message, leg), (message, message)] {
        assert_eq!(Standing::after(first, later), Standing::DuplicatePrimary);
    }
}

#[test]
fn only_its_own_end_cancels_a_visit_and_a_task_may_wait_again() {
    let entries = [
        enqueued("a", T, Some("t"), Some("q")),
        enqueued("b", T + 1, Some("u"), None),
        task("c", T + 2, Some("t"), Some("QUEUED")),
        task("d", T + 3, None, Some("CLOSED")),
        task("e", T + 4, Some("t"), Some("CLOSED")),
        enqueued("f", T + 5, Some("t"), Some("q")),
    ];
    assert_eq!(outcomes(&summary_of(&entries)), [Some(VisitOutcome::Cancelled), None, None]);
    let queues = |count: usize| last(&entries[..count]).queue;
    assert_eq!((queues(1).as_deref(), queues(2), queues(6)), (Some("q"), None, Some("q".into())));
    assert_eq!(last(&entries).stage, Stage::Queued);
}

#[test]
fn a_visit_opened_after_the_close_waits_until_something_else_ends_it() {
    let mut entries = vec![
        fact("a", T, CLOSE),
        enqueued("b", T + 1, Some("t"), Some("q")),
        fact("c", T + 2, "CONVERSATION_CLOSED"),
    ];
    assert_eq!(outcomes(&summary_of(&entries)), [None]);
    assert_eq!(last(&entries).stage, Stage::Closed);
    entries.push(no_agent("d", T + 5, None));
    let summary = summary_of(&entries);
    assert_eq!((outcomes(&summary), summary.wait_ms), (vec![Some(VisitOutcome::NoAgent)], 4));
}

#[test]
fn visits_end_with_the_last_active_session_only() {
    let (start, end) = ("CHANNEL_SESSION_STARTED", "CHANNEL_SESSION_ENDED");
    let mut entries = vec![
        in_session("a", T, start, Some("s")),
        in_session("b", T, start, Some("s2")),
        enqueued("c", T, Some("t"), Some("q")),
        in_session("d", T + 1, end, Some("s")),
        in_session("e", T + 2, end, Some("s")),
        in_session("f", T + 3, "CHANNEL_SESSION_EXPIRED", Some("unknown")),
        in_session("g", T + 4, end, None),
    ];
    assert_eq!(outcomes(&summary_of(&entries)), [None]);
    entries.push(in_session("h", T + 5, "CHANNEL_SESSION_EXPIRED", Some("s2")));
    let summary = summary_of(&entries);
    assert_eq!(outcomes(&summary), [Some(VisitOutcome::Abandoned)]);
    let sessions: Vec<_> = summary.sessions.iter().map(|s| (&*s.channel_session_id, s.ended_at)).collect();
    assert_eq!(sessions, [("s", Some(T + 2)), ("s2", Some(T + 5)), ("unknown", Some(T + 3))]);
}

#[test]
fn sessions_are_listed_in_the_order_of_appearing_with_the_first_channel_of_any_event() {
    let channel = Some((Some("WEB"), None));
    let entries = [
        in_session("a", T, "ANYTHING", Some("never started")),
        in_session("b", T, "ANYTHING", Some("s2")),
        in_session("c", T + 1, "CHANNEL_SESSION_STARTED", Some("s")),
        Entry { channel, ..in_session("d", T + 1, "ANYTHING", Some("s2")) },
        in_session("e", T + 2, "CHANNEL_SESSION_STARTED", Some("s2")),
        in_session("f", T + 3, "CHANNEL_SESSION_STARTED", Some("s2")),
    ];
    let summary = summary_of(&entries);
    let sessions: Vec<_> = summary.sessions.iter().map(|s| (&*s.channel_session_id, s.started_at)).collect();
    assert_eq!(sessions, [("s2", Some(T + 2)), ("s", Some(T + 1))]);
    let web = summary.sessions[0].channel.as_ref().and_then(|channel| channel.channel_type.as_deref());
    assert_eq!((web, &summary.sessions[1].channel), (Some("WEB"), &None));
}

#[test]
fn a_turn_is_opened_once_and_closed_once() {
    let entries = [
        primary("a", T, Kind::BotMessage, "m1", None),
        primary("b", T + 1, Kind::CustomerMessage, "m2", None),
        primary("c", T + 2, Kind::CustomerMessage, "m3", None),
        primary("d", T + 3, Kind::WhisperMessage, "m4", Some("ann")),
        primary("e", T + 4, Kind::BotMessage, "m5", Some("bot")),
        primary("f", T + 9, Kind::AgentMessage, "m6", Some("ann")),
    ];
    let whole = whole(entries.to_vec());
    let closed: Vec<_> =
        whole.entries.iter().filter_map(|(e, d)| Some((e.id, d.responds_to.as_deref()?))).collect();
    assert_eq!(closed, [("e", "m2")]);
    let summary = summary(&whole);
    assert_eq!((summary.first_response_ms, summary.first_agent_response_ms), (Some(3), Some(8)));
    assert_eq!((summary.bot_responses.count, summary.agent_responses.max_ms), (1, None));
    // The first message has no actor, so no bot's figure counts it. The agent has no stay, but an agent's figure counts the
    // message.
    assert_eq!(whole.windows.sum(Dimension::Bot, "bot", Figure::Messages), 1);
    assert_eq!(whole.windows.sum(Dimension::Agent, "ann", Figure::Messages), 1);
}

#[test]
fn a_rejected_primary_opens_no_turn_and_counts_nowhere_but_is_an_entry() {
    let entries = [
        primary("a", T, Kind::CustomerMessage, "m1", None),
        primary("b", T + 1, Kind::BotMessage, "m1", Some("bot")),
        primary("c", T + 2, Kind::AgentCallLeg, "leg", None),
        primary("d", T + 3, Kind::AgentCallLeg, "leg", None),
        primary("e", T + 4, Kind::AgentMessage, "leg", Some("ann")),
        primary("f", T + 5, Kind::AgentCallLeg, "m1", None),
    ];
    let summary = summary_of(&entries);
    let counts = &summary.counts;
    assert_eq!((counts.customer_messages, counts.bot_messages, counts.agent_messages), (1, 0, 0));
    assert_eq!((counts.call_legs, counts.responses, summary.revision), (1, 0, 6));
}

#[test]
fn a_relation_that_waits_is_in_nothing() {
    let entries = [relation("a", T - 50, Category::Edit, "m1"), fact("b", T, START)];
    let summary = summary_of(&entries);
    assert_eq!((summary.started_at, summary.revision, summary.counts.edits), (T, 1, 0));
    let known = [entries[0], entries[1], primary("c", T + 1, Kind::Note, "m1", None)];
    let summary = summary_of(&known);
    assert_eq!((summary.started_at, summary.revision, summary.counts.edits), (T - 50, 3, 1));
}

#[test]
fn wrap_ups_at_the_same_time_lie_by_their_activities() {
    let wrap_up = |id, at, activity| primary(id, at, Kind::WrapUp, activity, None);
    let entries = [wrap_up("a", T, "w2"), wrap_up("b", T, "w1"), wrap_up("c", T - 1, "w3")];
    let scan = whole(entries.to_vec()).scan;
    assert_eq!(scan.wrap_ups().iter().map(|one| &*one.activity_id).collect::<Vec<_>>(), ["w3", "w1", "w2"]);
}

#[test]
fn a_hold_lasts_to_the_next_resume_or_to_the_close_and_counts_nothing_before() {
    let (pause, resume) = ("CONVERSATION_PAUSED", "CONVERSATION_RESUMED");
    let mut entries = vec![
        fact("a", T, resume),
        fact("b", T + 1, pause),
        fact("c", T + 3, pause),
        fact("d", T + 6, resume),
        fact("e", T + 7, resume),
        fact("f", T + 10, pause),
    ];
    assert_eq!(summary_of(&entries).hold_ms, 5);
    entries.push(fact("g", T + 30, CLOSE));
    assert_eq!(summary_of(&entries).hold_ms, 25);
    entries.push(fact("h", T + 40, pause));
    entries.push(fact("i", T + 50, resume));
    assert_eq!(summary_of(&entries).hold_ms, 25);
    entries.push(fact("j", T + 60, START));
    entries.push(state("k", T + 70, "TOPIC_STATE_CHANGED", Some("ON_HOLD")));
    entries.push(state("l", T + 75, "TOPIC_STATE_CHANGED", Some("ACTIVE")));
    assert_eq!(summary_of(&entries).hold_ms, 30);
}

#[test]
fn direction_is_the_first_and_customer_the_last_one() {
    let entries = [
        Entry { direction: Some("INBOUND"), customer: Some("anonymous"), ..fact("a", T, START) },
        Entry { direction: Some("OUTBOUND"), customer: Some("cus"), ..fact("b", T, "ANYTHING") },
        fact("c", T, "ANYTHING"),
    ];
    let summary = summary_of(&entries);
    assert_eq!(
        (summary.direction.as_deref(), summary.customer_id.as_deref()),
        (Some("INBOUND"), Some("cus"))
    );
}
