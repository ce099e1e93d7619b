// SPDX-License-Identifier: Apache-2.0

//! A conversation's summary as lines: how it went, who took part, where it waited, the figures.

use model::{
    AgentStay, ConversationSummary, Counts, Cycle, Finality, Mark, Outcome, QueueVisit, ResponseFigures,
    RoomMode, SessionEnd, SessionSummary, Task, VisitOutcome, WrapUp,
};

use super::body;
use super::entry::{People, channel_words};
use super::text::{count, duration, in_words, omitted_words, safe, time};

/// The things that are counted, each with its number, and one of it in words.
fn counted(counts: &Counts) -> [(i64, &'static str); 23] {
    [
        (counts.customer_messages, "customer message"),
        (counts.agent_messages, "agent message"),
        (counts.bot_messages, "bot message"),
        (counts.whispers, "whisper"),
        (counts.responses, "response"),
        (counts.edits, "edit"),
        (counts.deletions, "deletion"),
        (counts.reactions, "reaction"),
        (counts.suggestions, "suggestion"),
        (counts.call_legs, "call leg"),
        (counts.recordings, "recording"),
        (counts.notes, "note"),
        (counts.survey_questions, "survey question"),
        (counts.survey_answers, "survey answer"),
        (counts.transfers, "transfer"),
        (counts.conferences, "conference"),
        (counts.system_messages, "message of the system"),
        (counts.calls, "account of a call"),
        (counts.campaign_responses, "answer to a campaign"),
        (counts.ronas, "RONA"),
        (counts.consults, "consultation"),
        (counts.bot_timeouts, "bot timeout"),
        (counts.other, "event of another name"),
    ]
}

/// The lines of a summary. Empty parts are left out.
pub fn lines(summary: &ConversationSummary<'_>, people: &People) -> Vec<String> {
    let mut lines = vec![field("state", &state(summary))];
    lines.push(field("time", &times(summary)));
    if let Some(customer) = &summary.customer_id {
        lines.push(field("customer", &named(customer, people.name_of(customer))));
    }
    let sessions = summary.sessions.iter().map(|session| field("session", &session_words(session)));
    // A single cycle is the conversation itself.
    let cycles = summary.cycles.iter().filter(|_| summary.cycles.len() > 1);
    let cycles = cycles.map(|cycle| field("cycle", &cycle_words(cycle)));
    let visits = summary.queue_visits.iter().map(|visit| field("queue", &visit_words(visit)));
    let tasks = summary.tasks.iter().filter(|task| task.reserved_at.is_some());
    let tasks = tasks.map(|task| field("task", &task_words(task, people)));
    let stays = summary.agents.iter().map(|stay| field("agent", &stay_words(stay)));
    lines.extend(cycles.chain(sessions).chain(visits).chain(tasks).chain(stays));
    lines.extend(summary.wrap_ups.iter().map(|wrap_up| field("wrap-up", &wrap_up_words(wrap_up, people))));
    lines.extend(omitted_words(&summary.omitted.numbers()).map(|words| field("left out", &words)));
    let figures = [("counts", counts(summary)), ("responses", responses(summary)), ("times", sums(summary))];
    lines.extend(
        figures.into_iter().filter(|(_, said)| !said.is_empty()).map(|(name, said)| field(name, &said)),
    );
    lines
}

fn field(name: &str, text: &str) -> String {
    format!("  {name:<10} {text}")
}

fn state(summary: &ConversationSummary<'_>) -> String {
    let parts = [
        Some(in_words(summary.state.as_str())),
        summary.outcome.map(Outcome::as_str).map(in_words),
        summary.direction.as_deref().map(in_words),
        summary.mode.filter(|mode| *mode == RoomMode::Private).map(|_| "private room".to_owned()),
        Some(summary.channels.join(", ")).filter(|channels| !channels.is_empty()),
        // An open conversation is not marked as open twice.
        Some(summary.finality)
            .filter(|finality| *finality != Finality::Open)
            .map(|finality| format!("figures {}", in_words(finality.as_str()))),
        Some(count(i64::try_from(summary.revision).unwrap_or(i64::MAX), "event")),
    ];
    safe(&parts.into_iter().flatten().collect::<Vec<_>>().join(" · "), 200)
}

fn times(summary: &ConversationSummary<'_>) -> String {
    let started = time(summary.started_at);
    let closed = match (summary.closed_at, summary.duration_ms) {
        (Some(at), Some(ms)) => format!(", closed {} after {}", time(at), duration(ms)),
        (Some(at), None) => format!(", closed {}", time(at)),
        (None, _) => String::new(),
    };
    let later = summary.closed_at.is_none_or(|closed| closed != summary.last_event_at);
    let last = if later { format!(", last event {}", time(summary.last_event_at)) } else { String::new() };
    format!("started {started}{closed}{last}")
}

fn session_words(session: &SessionSummary<'_>) -> String {
    let channel = session.channel.as_ref().map(channel_words).unwrap_or_default();
    let started = session.started_at.map(|at| format!("started {}", time(at)));
    let ended = session.ended_at.map(|at| {
        let how = session.ended_by.map_or("ENDED", SessionEnd::as_str);
        format!("{} {}", in_words(how), time(at))
    });
    let parts = [Some(safe(&session.channel_session_id, 60)), Some(channel), started, ended];
    join(parts)
}

fn visit_words(visit: &QueueVisit<'_>) -> String {
    let queue = visit.queue.as_deref().map_or_else(|| "(no name)".to_owned(), |queue| safe(queue, 60));
    let direction = visit.direction.as_deref().filter(|word| *word != "INBOUND").map(in_words);
    let waited = match visit.wait_ms {
        Some(ms) => format!("waited {}", duration(ms)),
        None => "still waiting".to_owned(),
    };
    let outcome = visit.outcome.map(VisitOutcome::as_str).map(in_words);
    let ronas = (visit.ronas > 0).then(|| format!("let ring {}", times_words(visit.ronas)));
    join([
        Some(queue),
        direction,
        Some(format!("from {}", time(visit.enqueued_at))),
        Some(waited),
        ronas,
        outcome,
    ])
}

fn cycle_words(cycle: &Cycle) -> String {
    let closed = match cycle.closed_at {
        Some(at) => format!("closed {} after {}", time(at), duration(at.saturating_sub(cycle.started_at))),
        None => "open".to_owned(),
    };
    join([
        Some(format!("opened {}", time(cycle.started_at))),
        Some(closed),
        cycle.outcome.map(Outcome::as_str).map(in_words),
    ])
}

/// A task: the agent of its reservation, and whether the agent answered.
fn task_words(task: &Task<'_>, people: &People) -> String {
    let who = task.agent_id.as_deref().map_or_else(|| "an agent".to_owned(), |id| people.called(id));
    let offered = task.reserved_at.map(|at| format!("offered to {who} {}", time(at)));
    let rang = task.ring_ms.map(duration).unwrap_or_default();
    let answered = match (task.answered_at, task.closed_at, task.disposition.as_deref()) {
        (Some(_), ..) => format!("answered after {rang}"),
        (None, Some(_), Some("RONA")) => format!("let ring for {rang}"),
        (None, Some(_), _) => format!("not answered for {rang}"),
        (None, None, _) => "ringing".to_owned(),
    };
    let disposition = task.disposition.as_deref().filter(|why| !matches!(*why, "RONA" | "DONE"));
    join([
        task.queue.as_deref().map(|queue| safe(queue, 60)),
        task.direction.as_deref().filter(|word| *word != "INBOUND").map(in_words),
        offered,
        Some(answered),
        task.handle_ms.map(|ms| format!("handled {}", duration(ms))),
        task.wrap_up_ms.filter(|ms| *ms > 0).map(|ms| format!("wrap-up {}", duration(ms))),
        disposition.map(in_words),
    ])
}

fn times_words(number: i64) -> String {
    if number == 1 { "once".to_owned() } else { format!("{number} times") }
}

fn named(id: &str, name: Option<&str>) -> String {
    match name {
        Some(name) => format!("{} ({})", safe(name, 40), safe(id, 40)),
        None => safe(id, 80),
    }
}

/// The meaning of a role that serves no customer.
fn role_words(role: &str) -> Option<&'static str> {
    match role {
        "SILENT_MONITOR" => Some("only listened"),
        "WHISPER" => Some("whispered"),
        "CONSULTED" => Some("was asked for advice"),
        _ => None,
    }
}

fn stay_words(stay: &AgentStay<'_>) -> String {
    let name = named(&stay.agent_id, stay.name.as_deref());
    let left = match (stay.left_at, &stay.reason) {
        (Some(at), Some(reason)) => format!("left {} ({})", time(at), safe(reason, 40)),
        (Some(at), None) => format!("left {}", time(at)),
        (None, _) => "present".to_owned(),
    };
    let engaged = stay.engaged_ms.map(|ms| format!("engaged {}", duration(ms)));
    let wrap_up = stay.wrap_up_ms.filter(|ms| *ms > 0).map(|ms| format!("wrap-up {}", duration(ms)));
    let responses = if stay.responses > 0 {
        format!(", {} in {}", count(stay.responses, "response"), duration(stay.response_ms_total))
    } else {
        String::new()
    };
    let messages = format!("{}{responses}", count(stay.messages, "message"));
    join([
        Some(name),
        stay.role.as_deref().and_then(role_words).map(str::to_owned),
        Some(format!("joined {}", time(stay.joined_at))),
        Some(left),
        engaged,
        wrap_up,
        Some(messages),
    ])
}

fn wrap_up_words(wrap_up: &WrapUp<'_>, people: &People) -> String {
    let who = wrap_up.agent_id.as_deref().map(|id| people.called(id));
    let text = wrap_up.body.as_ref().map(|body| body::text(body, 200));
    join([Some(time(wrap_up.at)), who, text])
}

fn counts(summary: &ConversationSummary<'_>) -> String {
    let counts = &summary.counts;
    let late = [
        (counts.agent_sla_breaches, "breach", "by agents"),
        (counts.customer_sla_breaches, "breach", "by the customer"),
    ];
    let marks = Mark::ALL.iter().map(|mark| (counts.of_mark(*mark), mark.words().act));
    let counted = counted(counts).into_iter().chain(marks).filter(|(number, _)| *number > 0);
    let mut said: Vec<String> = counted.map(|(number, thing)| count(number, thing)).collect();
    for (number, thing, whose) in late {
        match number {
            0 => {}
            1 => said.push(format!("1 {thing} of the SLA {whose}")),
            many => said.push(format!("{many} {thing}es of the SLA {whose}")),
        }
    }
    let delivery = &summary.delivery;
    for (number, status) in
        [(delivery.delivered, "delivered"), (delivery.read, "read"), (delivery.failed, "failed")]
    {
        if number > 0 {
            said.push(format!("{number} {status}"));
        }
    }
    said.join(", ")
}

fn responses(summary: &ConversationSummary<'_>) -> String {
    let first = summary.first_response_ms.map(|ms| format!("first after {}", duration(ms)));
    let agent = summary.first_agent_response_ms.map(|ms| format!("first of an agent after {}", duration(ms)));
    join([first, agent, turns(&summary.agent_responses, "agents"), turns(&summary.bot_responses, "bots")])
}

fn turns(responses: &ResponseFigures, whose: &str) -> Option<String> {
    let mean = responses.total_ms.checked_div(responses.count)?;
    let longest = responses.max_ms.map(|ms| format!(", longest {}", duration(ms))).unwrap_or_default();
    Some(format!("{whose}: {}, mean {}{longest}", responses.count, duration(mean)))
}

fn sums(summary: &ConversationSummary<'_>) -> String {
    let sums = [
        ("waited", summary.wait_ms),
        ("on hold", summary.hold_ms),
        ("in calls", summary.talk_ms),
        ("on hold in calls", summary.call_hold_ms),
    ];
    join(sums.map(|(name, ms)| (ms > 0).then(|| format!("{name} {}", duration(ms)))))
}

fn join<const N: usize>(parts: [Option<String>; N]) -> String {
    parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
}
