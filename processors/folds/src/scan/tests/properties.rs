// SPDX-License-Identifier: Apache-2.0

//! Properties of any conversation, tested on short ones with many collisions.

use model::{Category, Dimension, Figure, Kind, Stage, Waits};
use proptest::prelude::*;

use super::super::entry::StoredTask;
use super::super::{Amount, Derived, Entry, Scan, ScanSettings, Standing, What};
use super::windows::Windows;
use super::{Whole, build, whole};

const IDS: [&str; 24] = [
    "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r", "s", "t", "u",
    "v", "w", "x",
];
/// Includes `None`, which has no effect.
const AGENTS: [Option<&str>; 4] = [Some("ann"), Some("ben"), Some("cy/1"), None];
const ROLES: [Option<&str>; 6] =
    [Some("PRIMARY"), Some("WRAP_UP"), Some("SILENT_MONITOR"), Some("CONSULTED"), Some("BARGE_IN"), None];
const REASONS: [&str; 5] = ["RONA", "CANCELLED", "NO_AGENT_AVAILABLE", "REROUTE", "DONE"];
const DIRECTIONS: [Option<&str>; 4] = [Some("INBOUND"), Some("CONSULT"), Some("DIRECT_TRANSFER"), None];
const TIMERS: [Option<&str>; 3] = [Some("i"), Some("ii"), None];
const TASKS: [Option<&str>; 4] = [Some("t"), Some("u"), Some("v"), None];
const QUEUES: [Option<&str>; 3] = [Some("sales"), Some("care"), None];
const SESSIONS: [Option<&str>; 3] = [Some("s"), Some("s2"), None];
const CHANNELS: [Option<&str>; 3] = [Some("WEB"), Some("VOICE"), None];
const STATES: [Option<&str>; 5] = [Some("CLOSED"), Some("ACTIVE"), Some("ON_HOLD"), Some("RESERVED"), None];
const ACTIVITIES: [&str; 6] = ["m1", "m2", "m3", "m4", "m5", "m6"];
const KINDS: [Kind; 8] = [
    Kind::CustomerMessage,
    Kind::CustomerMessage,
    Kind::AgentMessage,
    Kind::BotMessage,
    Kind::AgentCallLeg,
    Kind::WrapUp,
    Kind::Call,
    Kind::CampaignResponse,
];
const RELATIONS: [Category; 4] = [Category::Edit, Category::Reaction, Category::Suggestion, Category::Hide];
/// Facts without data of their own, including those of sessions.
const FACTS: [&str; 16] = [
    "CHANNEL_SESSION_STARTED",
    "CHANNEL_SESSION_STARTED",
    "CHANNEL_SESSION_ENDED",
    "CHANNEL_SESSION_EXPIRED",
    "CONVERSATION_STARTED",
    "CONVERSATION_CLOSED",
    "CONVERSATION_CLOSED",
    "CONVERSATION_PAUSED",
    "CONVERSATION_RESUMED",
    "NO_AGENT_AVAILABLE",
    "BOT_TIMEOUT",
    "AGENT_SLA_EXPIRED",
    "CUSTOMER_RESPONSE_TIMEOUT",
    "SOMETHING_ELSE",
    "CUSTOMER_LEFT",
    "REMOVE_CHANNEL_SESSION",
];

fn pick<T: Copy>(list: &[T], number: u8) -> T {
    list[usize::from(number) % list.len()]
}

/// Builds an entry from a few small numbers.
fn entry(number: usize, [what, time, first, second, third]: [u8; 5]) -> Entry<'static> {
    // Seven minutes: two or three steps for a window, and many entries at the same time.
    let (id, at) = (IDS[number], 1_750_000_000_000 + i64::from(time % 16) * 7 * 60_000);
    let (who, actor) = (pick(&AGENTS, first), pick(&AGENTS, second));
    let made = match what % 18 {
        0..=2 => build::agent(id, at, "AGENT_SUBSCRIBED", who, pick(&ROLES, second)),
        3 => build::agent(id, at, "AGENT_UNSUBSCRIBED", who, None),
        4 => build::role(id, at, who, pick(&ROLES, second)),
        5 | 6 => build::of_task(
            id,
            at,
            "TASK_ENQUEUED",
            StoredTask {
                task_id: pick(&TASKS, first),
                queue: pick(&QUEUES, second),
                direction: pick(&DIRECTIONS, third),
                timer_id: pick(&TIMERS, second.wrapping_add(first)),
                session_id: pick(&SESSIONS, third.wrapping_mul(3)),
                ..StoredTask::default()
            },
        ),
        14 => match pick(&TASKS, first) {
            Some(task) => build::closed(id, at, task, pick(&REASONS, second)),
            None => build::no_agent(id, at, pick(&DIRECTIONS, third)),
        },
        15 => build::reserved(id, at, pick(&["t", "u", "v"], first), pick(&["ann", "ben"], second)),
        16 => build::of_task(
            id,
            at,
            "TASK_STATE_CHANGED",
            StoredTask {
                task_id: pick(&TASKS, first),
                state: pick(&STATES, second),
                agent_id: who,
                ..StoredTask::default()
            },
        ),
        7 => build::task(id, at, pick(&TASKS, first), pick(&STATES, second)),
        8 => build::state(
            id,
            at,
            pick(&["TOPIC_STATE_CHANGED", "CONVERSATION_STATE_CHANGED", "TOPIC_STATE_CHANGE_EVENT"], first),
            pick(&STATES, second),
        ),
        9 | 10 => build::primary(id, at, pick(&KINDS, third), pick(&ACTIVITIES, first), actor),
        11 => Entry {
            actor: build::actor(actor),
            ..build::relation(id, at, pick(&RELATIONS, third), pick(&ACTIVITIES, first))
        },
        _ => Entry { actor: build::actor(actor), ..build::fact(id, at, pick(&FACTS, first)) },
    };
    let channel = pick(&CHANNELS, third).map(|channel| (Some(channel), None));
    Entry { session: pick(&SESSIONS, second.wrapping_add(third)), channel, ..made }
}

fn conversations() -> impl Strategy<Value = Vec<Entry<'static>>> {
    prop::collection::vec(any::<[u8; 5]>(), 1..IDS.len()).prop_map(|numbers| {
        let made = numbers.into_iter().enumerate().map(|(number, numbers)| entry(number, numbers));
        let mut entries: Vec<_> = made.collect();
        entries.sort_by_key(Entry::order);
        entries
    })
}

/// The standing of a primary, determined by looking at all entries before it.
fn standing(before: &[Entry<'_>], entry: &Entry<'_>) -> Standing {
    let What::Primary { activity_id, kind } = entry.what else { return Standing::Counts };
    let first = before.iter().find_map(|other| match other.what {
        What::Primary { activity_id: other, kind } if other == activity_id => Some(kind),
        _ => None,
    });
    let leg = Kind::AgentCallLeg.code();
    match first {
        None => Standing::Counts,
        Some(first) if first == leg && kind == leg => Standing::CompletesLeg,
        Some(_) => Standing::DuplicatePrimary,
    }
}

fn is_known(all: &[Entry<'_>], entry: &Entry<'_>) -> bool {
    let What::Relation { target, .. } = entry.what else { return true };
    let made =
        |other: &Entry<'_>| matches!(other.what, What::Primary { activity_id, .. } if activity_id == target);
    all.iter().any(made)
}

/// Applies the entries one by one to a scan that is stored after each.
fn step_by_step<'e>(entries: &[Entry<'e>]) -> Whole<'e> {
    let (mut scan, mut visited, mut windows) = (Scan::default(), Vec::new(), Windows::default());
    let mut add = |amount: Amount<'_>| windows.add(&amount);
    for (place, entry) in entries.iter().enumerate().filter(|(_, entry)| is_known(entries, entry)) {
        let standing = standing(&entries[..place], entry);
        let derived = scan.apply(entry, standing, &ScanSettings::default(), &mut add);
        visited.push((*entry, derived));
        let read = Scan::read(&scan.write().unwrap()).unwrap();
        assert_eq!(read, scan);
        scan = read;
    }
    Whole { scan, entries: visited, windows }
}

fn summary_of(scan: &Scan) -> model::ConversationSummary<'_> {
    scan.summary("c", &super::super::ActivityFigures::default(), Vec::new(), false)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1024) })]

    #[test]
    fn a_scan_that_is_stored_after_each_entry_gives_what_the_scan_of_the_whole_gives(entries in conversations()) {
        let (whole, steps) = (whole(entries.clone()), step_by_step(&entries));
        prop_assert_eq!(&steps.entries, &whole.entries);
        prop_assert_eq!(&steps.windows, &whole.windows);
        prop_assert_eq!(&steps.scan, &whole.scan);
        let shuffled = super::whole(entries.into_iter().rev().collect());
        prop_assert_eq!(shuffled.scan.write(), whole.scan.write());
    }

    #[test]
    fn what_a_queue_was_offered_was_answered_abandoned_refused_cancelled_or_waits(entries in conversations()) {
        let whole = whole(entries);
        let summary = summary_of(&whole.scan);
        let mut waited = 0;
        for queue in QUEUES.into_iter().flatten() {
            let sum = |figure| whole.windows.sum(Dimension::Queue, queue, figure);
            let of_customer = summary.queue_visits.iter().filter(|visit| visit.waits == Waits::Customer);
            let visits: Vec<_> = of_customer.filter(|visit| visit.queue.as_deref() == Some(queue)).collect();
            let ended = [Figure::Answered, Figure::Abandoned, Figure::NoAgent, Figure::Cancelled].map(sum);
            let open = visits.iter().filter(|visit| visit.outcome.is_none()).count();
            prop_assert_eq!(sum(Figure::Offered), ended.into_iter().sum::<i64>() + i64::try_from(open).unwrap());
            prop_assert_eq!(sum(Figure::Offered), i64::try_from(visits.len()).unwrap());
            let waits = visits.iter().filter_map(|visit| visit.wait_ms);
            prop_assert_eq!(sum(Figure::WaitMs), waits.sum::<i64>());
            prop_assert!(sum(Figure::AnsweredInTarget) <= sum(Figure::Answered));
            waited += sum(Figure::WaitMs);
        }
        prop_assert!(waited <= summary.wait_ms);
        for visit in &summary.queue_visits {
            prop_assert_eq!(visit.wait_ms.is_some(), visit.outcome.is_some());
            prop_assert!(visit.wait_ms.is_none_or(|wait| wait >= 0));
        }
    }

    #[test]
    fn the_stages_tile_the_time_of_the_conversation(entries in conversations()) {
        let whole = whole(entries);
        let summary = summary_of(&whole.scan);
        let mut spent = std::collections::BTreeMap::<Stage, i64>::new();
        for pair in whole.entries.windows(2) {
            let (stage, span) = (pair[0].1.stage, pair[1].0.at - pair[0].0.at);
            prop_assert!(span >= 0);
            prop_assert_eq!(span, pair[1].1.elapsed_ms - pair[0].1.elapsed_ms);
            *spent.entry(stage).or_default() += span;
        }
        prop_assert_eq!(spent.values().sum::<i64>(), summary.last_event_at - summary.started_at);
        if let Some((_, last)) = whole.entries.last() {
            prop_assert_eq!(last.stage == Stage::Closed, summary.closed_at.is_some());
        }
        prop_assert_eq!(summary.revision, whole.entries.len() as u64);
    }

    #[test]
    fn an_agents_time_in_the_summary_is_that_of_the_windows(entries in conversations()) {
        let whole = whole(entries);
        let summary = summary_of(&whole.scan);
        for agent in AGENTS.into_iter().flatten() {
            let stays = || summary.agents.iter().filter(|stay| stay.agent_id == agent);
            let sum = |figure| whole.windows.sum(Dimension::Agent, agent, figure);
            prop_assert_eq!(sum(Figure::EngagedMs), stays().filter_map(|stay| stay.engaged_ms).sum::<i64>());
            prop_assert_eq!(sum(Figure::WrapUpMs), stays().filter_map(|stay| stay.wrap_up_ms).sum::<i64>());
            let serving = stays().filter(|stay| !matches!(stay.role.as_deref(), Some("SILENT_MONITOR" | "CONSULTED")));
            prop_assert_eq!(sum(Figure::Stays), i64::try_from(serving.count()).unwrap());
            // Messages may be outside every stay.
            prop_assert!(sum(Figure::Messages) >= stays().map(|stay| stay.messages).sum::<i64>());
            prop_assert!(sum(Figure::Responses) >= stays().map(|stay| stay.responses).sum::<i64>());
            prop_assert!(sum(Figure::ResponseMs) >= stays().map(|stay| stay.response_ms_total).sum::<i64>());
        }
        for stay in &summary.agents {
            let length = stay.left_at.map(|end| end - stay.joined_at);
            let times = stay.engaged_ms.and_then(|engaged| Some(engaged + stay.wrap_up_ms?));
            // An agent who only listens is present, but not engaged.
            prop_assert!(times <= length);
            prop_assert_eq!(times.is_some(), length.is_some());
            prop_assert!(stay.agent_response_ms_total <= stay.response_ms_total);
        }
    }

    #[test]
    fn turns_and_durations_add_up_and_are_never_below_0(entries in conversations()) {
        let whole = whole(entries);
        let summary = summary_of(&whole.scan);
        let turns: Vec<&Derived> =
            whole.entries.iter().map(|(_, derived)| derived).filter(|derived| derived.responds_to.is_some()).collect();
        let (agents, bots) = (&summary.agent_responses, &summary.bot_responses);
        prop_assert_eq!(i64::try_from(turns.len()).unwrap(), agents.count + bots.count);
        prop_assert_eq!(summary.counts.responses, agents.count + bots.count);
        let times: Vec<i64> = turns.iter().filter_map(|derived| derived.response_ms).collect();
        prop_assert_eq!(times.len(), turns.len());
        prop_assert_eq!(times.iter().sum::<i64>(), agents.total_ms + bots.total_ms);
        prop_assert_eq!(times.iter().max().copied(), agents.max_ms.max(bots.max_ms));
        prop_assert_eq!(summary.first_response_ms, times.first().copied());
        prop_assert!(times.iter().all(|time| *time >= 0));
        prop_assert!(summary.hold_ms >= 0 && summary.wait_ms >= 0);
        prop_assert!(summary.duration_ms.is_none_or(|duration| duration >= 0));
        prop_assert!(summary.closed_at.is_none_or(|at| at <= summary.last_event_at));
    }

    #[test]
    fn a_conversation_begins_once_and_ends_once_for_each_cycle_for_its_first_channel(entries in conversations()) {
        let whole = whole(entries);
        let summary = summary_of(&whole.scan);
        let sum = |channel: &str, figure| whole.windows.sum(Dimension::Channel, channel, figure);
        let over_channels = |figure| CHANNELS.into_iter().flatten().map(|channel| sum(channel, figure)).sum::<i64>();
        let figures =
            [Figure::Handled, Figure::Contained, Figure::AbandonedConversations, Figure::NoAgentConversations];
        let closed = figures.map(over_channels);
        let known = i64::from(!summary.channels.is_empty());
        prop_assert_eq!(over_channels(Figure::Conversations), known);
        let cycles = summary.cycles.iter().filter(|cycle| cycle.closed_at.is_some()).count();
        prop_assert_eq!(closed.into_iter().sum::<i64>(), known * i64::try_from(cycles).unwrap());
    }
}
