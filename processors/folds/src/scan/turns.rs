// SPDX-License-Identifier: Apache-2.0

//! Turns: a customer's message opens a turn, the next message of a bot or an agent closes it.

use model::{Histogram, ResponseFigures};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Turns {
    /// The message that opened the turn: its time and activity.
    open: Option<(i64, Box<str>)>,
    first_customer_at: Option<i64>,
    /// When the first turn was closed, and how long it took.
    first_response: Option<(i64, i64)>,
    first_agent_response_ms: Option<i64>,
    /// When an agent was first requested.
    requested_at: Option<i64>,
    /// When an agent's first message came after that, and how long it took.
    first_from_request: Option<(i64, i64)>,
    /// Number of turns that a close ended.
    unanswered: i64,
    by_agents: ResponseFigures,
    by_bots: ResponseFigures,
}

/// A first response of the conversation: when it came, which histogram counts it, and how long it took.
pub(super) type First = (i64, Histogram, i64);

/// Who closed a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Responder {
    Agent,
    Bot,
}

/// A closed turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Closed {
    /// The activity that opened it.
    pub(super) responds_to: Box<str>,
    pub(super) response_ms: i64,
    /// When it was opened.
    pub(super) opened_at: i64,
}

impl Turns {
    /// Applies a customer's message: opens a turn if none is open.
    pub(super) fn customer(&mut self, at: i64, activity_id: &str) {
        self.first_customer_at.get_or_insert(at);
        if self.open.is_none() {
            self.open = Some((at, activity_id.into()));
        }
    }

    /// Applies a message of an agent or a bot: closes the open turn.
    pub(super) fn respond(&mut self, at: i64, by: Responder) -> Option<Closed> {
        if by == Responder::Agent {
            if let Some(asked_at) = self.first_customer_at {
                self.first_agent_response_ms.get_or_insert(at - asked_at);
            }
            if let Some(requested_at) = self.requested_at {
                self.first_from_request.get_or_insert((at, at - requested_at));
            }
        }
        let (opened_at, responds_to) = self.open.take()?;
        let response_ms = at - opened_at;
        self.first_response.get_or_insert((at, response_ms));
        let figures = match by {
            Responder::Agent => &mut self.by_agents,
            Responder::Bot => &mut self.by_bots,
        };
        figures.count += 1;
        figures.total_ms += response_ms;
        figures.max_ms = figures.max_ms.max(Some(response_ms));
        Some(Closed { responds_to, response_ms, opened_at })
    }

    /// The first responses so far, each at its place.
    pub(super) fn firsts(&self) -> [Option<First>; 2] {
        let of = |histogram, first: Option<(i64, i64)>| first.map(|(at, ms)| (at, histogram, ms));
        [
            of(Histogram::FirstResponseMs, self.first_response),
            of(Histogram::FirstAgentResponseFromRequestMs, self.first_from_request),
        ]
    }

    /// Records that an agent is requested.
    pub(super) fn request(&mut self, at: i64) {
        self.requested_at.get_or_insert(at);
    }

    /// Closes the conversation: the open turn remains unanswered.
    pub(super) fn close(&mut self) {
        self.unanswered += i64::from(self.open.take().is_some());
    }

    pub(super) fn requested_at(&self) -> Option<i64> {
        self.requested_at
    }

    pub(super) fn first_from_request_ms(&self) -> Option<i64> {
        self.first_from_request.map(|(_, ms)| ms)
    }

    pub(super) fn unanswered(&self) -> i64 {
        self.unanswered
    }

    /// When the message that awaits a reply arrived.
    pub(super) fn open_since(&self) -> Option<i64> {
        self.open.as_ref().map(|(at, _)| *at)
    }

    pub(super) fn first_response_ms(&self) -> Option<i64> {
        self.first_response.map(|(_, ms)| ms)
    }

    pub(super) fn first_agent_response_ms(&self) -> Option<i64> {
        self.first_agent_response_ms
    }

    pub(super) fn by_agents(&self) -> &ResponseFigures {
        &self.by_agents
    }

    pub(super) fn by_bots(&self) -> &ResponseFigures {
        &self.by_bots
    }
}
