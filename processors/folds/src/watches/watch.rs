// SPDX-License-Identifier: Apache-2.0

//! Watch: the spans that an entry starts and ends. It is part of the scan of a timeline's entries in the total order, so it is
//! also a function of the set of events.

use model::{AlertKind, FactKind, Kind, Order, Stage};
use serde::{Deserialize, Serialize};

use super::sessions::{Sessions, WATCHED};
use super::settings::AlertSettings;
use super::span::{About, Began, Span};
use crate::scan::{Derived, Entry, Scan, Standing, StoredDetail, What};

/// Receives spans that ended too late.
pub(crate) type Late<'m> = dyn FnMut(Span) + 'm;

/// The timers of a conversation after its last entry.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Watch {
    sessions: Sessions,
    /// Maximum response time of agents from the last events that have one: for the conversation and for a channel.
    agent_target: Option<i64>,
    channel_target: Option<i64>,
    response: Option<Response>,
    waits: Vec<Wait>,
    is_closed: bool,
}

/// Agents are present, and a customer's message awaits a reply.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Response {
    began: Began,
    target_ms: i64,
    agents: Vec<Box<str>>,
}

/// A task is in a queue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Wait {
    began: Began,
    target_ms: i64,
    task: Box<str>,
    queue: Option<Box<str>>,
}

impl Watch {
    /// Applies the next entry, after the scan has applied it; `last` is the position of the previous entry. Spans that it ends
    /// too late go to `late`; no later entry changes them.
    pub(crate) fn apply(
        &mut self,
        entry: &Entry<'_>,
        (standing, derived, scan): (Standing, &Derived, &Scan),
        last: Option<Order<'_>>,
        settings: &AlertSettings,
        late: &mut Late<'_>,
    ) {
        let mut end = |span: Span| {
            if let Some(span) = span.ended_late(entry.at, entry.id, entry.name) {
                late(span);
            }
        };
        if let Some(quiet) = self.quiet(last, settings) {
            end(quiet);
        }
        self.is_closed = derived.stage == Stage::Closed;
        self.agent_target = entry.targets.agent.or(self.agent_target);
        self.channel_target = entry.targets.response.or(self.channel_target);
        self.watch_customers(entry, standing, settings, &mut end);
        self.watch_response(entry, derived, scan, settings, &mut end);
        self.watch_waits(entry, scan, settings, &mut end);
    }

    /// The running spans after the entry at `last`.
    pub(crate) fn standing(&self, last: Option<Order<'_>>, settings: &AlertSettings) -> Vec<Span> {
        let mut spans: Vec<Span> = self.quiet(last, settings).into_iter().collect();
        spans.extend(self.sessions.running());
        spans.extend(self.response.iter().flat_map(|response| response.spans(settings)));
        spans.extend(self.waits.iter().map(Wait::span));
        spans
    }

    /// The time since the last entry, if the conversation is open.
    fn quiet(&self, last: Option<Order<'_>>, settings: &AlertSettings) -> Option<Span> {
        let (at, _, by) = last.filter(|_| !self.is_closed)?;
        let began = Began { at, by: by.into() };
        Some(Span::running(AlertKind::LeftOpen, &began, settings.left_open_ms?, About::Conversation))
    }

    fn watch_customers(
        &mut self,
        entry: &Entry<'_>,
        standing: Standing,
        settings: &AlertSettings,
        end: &mut dyn FnMut(Span),
    ) {
        self.sessions.appear(entry);
        match entry.what {
            What::Primary { kind, .. } if standing == Standing::Counts => match Kind::from_code(kind) {
                Some(Kind::CustomerMessage) => {
                    self.sessions.stop_current(end);
                    self.sessions.start_others(entry, settings);
                }
                Some(Kind::AgentMessage | Kind::BotMessage) => self.sessions.start_current(entry, settings),
                _ => {}
            },
            What::Fact(_) => match FactKind::from_name(entry.name) {
                FactKind::NoAgentAvailable => self.sessions.start_current(entry, settings),
                FactKind::CustomerSlaStarted => self.sessions.platform_started(entry, settings),
                FactKind::ChannelSessionStarted => self.sessions.begin(entry, settings),
                FactKind::ChannelSessionEnded
                | FactKind::ChannelSessionExpired
                | FactKind::RemoveChannelSession => self.sessions.finish(entry, end),
                FactKind::CustomerLeft => self.sessions.stop_all(end),
                _ => {}
            },
            What::Primary { .. } | What::Relation { .. } => {}
        }
        if self.is_closed {
            self.sessions.stop_all(end);
        }
    }

    fn watch_response(
        &mut self,
        entry: &Entry<'_>,
        derived: &Derived,
        scan: &Scan,
        settings: &AlertSettings,
        end: &mut dyn FnMut(Span),
    ) {
        let is_due = derived.stage == Stage::Agent && scan.is_turn_open();
        // The platform's own timer restarts, and so does this one.
        let begins_anew = entry.fact_kind() == Some(FactKind::ResetAgentSla);
        if (!is_due || begins_anew)
            && let Some(response) = self.response.take()
        {
            response.spans(settings).for_each(end);
        }
        if is_due && self.response.is_none() {
            let said = self.agent_target.or(self.channel_target).map(|number| settings.units.ms(number));
            self.response = said.or(settings.agent_response_ms).map(|target_ms| Response {
                began: Began { at: entry.at, by: entry.id.into() },
                target_ms,
                agents: scan.serving_agents().map(Into::into).collect(),
            });
        }
        // The span already started with the message; this event has its target time.
        if entry.fact_kind() == Some(FactKind::AgentSlaStarted)
            && let (Some(response), Some(number)) = (&mut self.response, entry.targets.agent)
        {
            response.target_ms = settings.units.ms(number);
        }
    }

    fn watch_waits(
        &mut self,
        entry: &Entry<'_>,
        scan: &Scan,
        settings: &AlertSettings,
        end: &mut dyn FnMut(Span),
    ) {
        let What::Fact(detail) = entry.what else { return };
        self.waits.retain(|wait| {
            let waits_on = scan.waiting().any(|(task, _)| *task == *wait.task);
            if !waits_on {
                end(wait.span());
            }
            waits_on
        });
        let (Some(target_ms), StoredDetail::Task(enqueued)) = (settings.queue_wait_ms, detail) else {
            return;
        };
        if entry.fact_kind() != Some(FactKind::TaskEnqueued) || self.waits.len() >= WATCHED {
            return;
        }
        // A visit that this entry opened is the last one.
        if let Some((task, queue)) = scan.waiting().next_back()
            && enqueued.task_id == Some(task)
            && !self.waits.iter().any(|wait| *wait.task == *task)
        {
            let began = Began { at: entry.at, by: entry.id.into() };
            self.waits.push(Wait { began, target_ms, task: task.into(), queue: queue.map(Into::into) });
        }
    }
}

impl Response {
    fn spans(&self, settings: &AlertSettings) -> impl Iterator<Item = Span> {
        let warning_ms = self.target_ms.saturating_mul(settings.response_warning_percent) / 100;
        let span =
            |kind, target_ms| Span::running(kind, &self.began, target_ms, About::Agents(self.agents.clone()));
        let due = span(AlertKind::AgentResponseDue, warning_ms);
        [due, span(AlertKind::AgentResponseBreached, self.target_ms)].into_iter()
    }
}

impl Wait {
    fn span(&self) -> Span {
        let about = About::Task { id: self.task.clone(), queue: self.queue.clone() };
        Span::running(AlertKind::QueueWaitOverTarget, &self.began, self.target_ms, about)
    }
}
