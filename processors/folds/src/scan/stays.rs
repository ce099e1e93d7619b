// SPDX-License-Identifier: Apache-2.0

//! Agents' stays: who is present, and all stays so far.

use std::sync::Arc;

use model::{Dimension, Figure, Histogram};
use serde::{Deserialize, Serialize};

use super::amount::{Amount, Amounts};
use super::entry::StoredAgent;
use super::turns::Closed;
use super::{LISTED, ScanSettings};

/// Role of an agent who only does after-call work.
const WRAP_UP: &str = "WRAP_UP";
/// Roles of agents who listen or are consulted, and serve no customer.
const BESIDE: [&str; 3] = ["SILENT_MONITOR", "WHISPER", "CONSULTED"];
/// Reason of a stay that a close ended.
const CLOSED: &str = "CLOSED";

/// What an agent does in a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Does {
    Serve,
    WrapUp,
    /// Is present without serving a customer.
    Listen,
}

impl Does {
    fn in_role(role: Option<&str>) -> Self {
        match role {
            Some(WRAP_UP) => Does::WrapUp,
            Some(role) if BESIDE.contains(&role) => Does::Listen,
            _ => Does::Serve,
        }
    }

    fn serves(self) -> bool {
        self != Does::Listen
    }
}

/// Change of an agent's role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) was_present: bool,
    /// Whether the agent starts to serve and did not serve just before.
    pub(super) comes_to_serve: bool,
}

/// All stays, in the order of joining.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "StoredStays")]
pub(super) struct Stays {
    list: Vec<Stay>,
    /// Indexes of the current stays, sorted by agent id.
    present: Vec<usize>,
    /// Ids of the present agents, sorted; derived from the two fields above and shared by all entries.
    #[serde(skip)]
    agents: Arc<[Box<str>]>,
    /// Those of them that an entry lists.
    #[serde(skip)]
    shown: Arc<[Box<str>]>,
    /// Number of present agents who serve, and of those in the role `WRAP_UP`.
    #[serde(skip)]
    serving: usize,
    #[serde(skip)]
    wrapping_up: usize,
}

/// Fields of the stays in the state.
#[derive(Deserialize)]
struct StoredStays {
    list: Vec<Stay>,
    present: Vec<usize>,
}

impl From<StoredStays> for Stays {
    fn from(StoredStays { list, present }: StoredStays) -> Self {
        let mut stays = Self { list, present, ..Self::default() };
        stays.refresh();
        stays
    }
}

/// One stay of an agent, from its subscribe event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stay {
    pub(super) agent: Box<str>,
    pub(super) name: Option<Box<str>>,
    /// Role in the subscribe event.
    pub(super) role: Option<Box<str>>,
    pub(super) joined_at: i64,
    left: Option<Left>,
    /// Whether the agent served at any time of it.
    pub(super) has_served: bool,
    /// Parts of a stay that continues: its figures depend on how it ends.
    parts: Vec<Part>,
    pub(super) messages: i64,
    pub(super) responses: i64,
    pub(super) response_ms: i64,
    /// Like `response_ms`, but from the agent's joining if that was later.
    pub(super) agent_response_ms: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Left {
    at: i64,
    reason: Option<Box<str>>,
    times: Times,
}

/// Times of a stay.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Times {
    pub(super) engaged_ms: i64,
    pub(super) wrap_up_ms: i64,
}

/// Part of a stay in which the agent does the same thing. It lasts until the next part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Part {
    from: i64,
    does: Does,
}

impl Stays {
    /// Records that an agent joins or gets a role again.
    pub(super) fn join(
        &mut self,
        at: i64,
        id: &str,
        agent: &StoredAgent<'_>,
        amounts: &mut Amounts<'_>,
    ) -> Change {
        match self.find(id) {
            Ok(_) => self.set_role(at, id, agent.role),
            Err(place) => {
                self.present.insert(place, self.list.len());
                self.list.push(Stay::new(at, id, agent));
                self.refresh();
                let comes_to_serve = Does::in_role(agent.role).serves();
                if comes_to_serve {
                    amounts(Amount::one(Dimension::Agent, id, Figure::Stays, at));
                }
                Change { was_present: false, comes_to_serve }
            }
        }
    }

    /// Records that an agent leaves, if present. The stay's times are then final.
    pub(super) fn leave(
        &mut self,
        at: i64,
        agent: &StoredAgent<'_>,
        settings: &ScanSettings,
        amounts: &mut Amounts<'_>,
    ) {
        let Some(Ok(place)) = agent.agent_id.map(|id| self.find(id)) else { return };
        let index = self.present.remove(place);
        if let Some(stay) = self.list.get_mut(index) {
            stay.leave(at, agent.reason, settings, amounts);
        }
        self.refresh();
    }

    /// Closes the conversation: all present agents leave.
    pub(super) fn close(&mut self, at: i64, settings: &ScanSettings, amounts: &mut Amounts<'_>) {
        for index in std::mem::take(&mut self.present) {
            if let Some(stay) = self.list.get_mut(index) {
                stay.leave(at, Some(CLOSED), settings, amounts);
            }
        }
        self.refresh();
    }

    /// Sets the role of a present agent; a missing role removes it.
    pub(super) fn set_role(&mut self, at: i64, agent: &str, role: Option<&str>) -> Change {
        let does = Does::in_role(role);
        let change = match self.current(agent) {
            Some(stay) => {
                let served = stay.does().serves();
                stay.go_on(at, does);
                Change { was_present: true, comes_to_serve: does.serves() && !served }
            }
            None => Change { was_present: false, comes_to_serve: false },
        };
        self.count();
        change
    }

    /// Records a message of an agent, who may be present; `closed` is the turn that it closed.
    pub(super) fn message(
        &mut self,
        at: i64,
        agent: &str,
        closed: Option<&Closed>,
        amounts: &mut Amounts<'_>,
    ) {
        amounts(Amount::one(Dimension::Agent, agent, Figure::Messages, at));
        let stay = self.current(agent);
        let Some(turn) = closed else {
            if let Some(stay) = stay {
                stay.messages += 1;
            }
            return;
        };
        let mut agent_response_ms = turn.response_ms;
        if let Some(stay) = stay {
            agent_response_ms = at - turn.opened_at.max(stay.joined_at);
            stay.messages += 1;
            stay.responses += 1;
            stay.response_ms += turn.response_ms;
            stay.agent_response_ms += agent_response_ms;
        }
        amounts(Amount::one(Dimension::Agent, agent, Figure::Responses, at));
        amounts(Amount::at(Dimension::Agent, agent, Figure::ResponseMs, at, turn.response_ms));
        amounts(Amount::at(Dimension::Agent, agent, Figure::AgentResponseMs, at, agent_response_ms));
        amounts(Amount::counted(Dimension::Agent, agent, Histogram::ResponseMs, at, agent_response_ms));
    }

    /// The first of the present agents, as many as an entry lists.
    pub(super) fn shown_agents(&self) -> Arc<[Box<str>]> {
        Arc::clone(&self.shown)
    }

    /// The agents who serve, sorted; at most as many as an entry lists.
    pub(super) fn serving_agents(&self) -> impl Iterator<Item = &str> {
        self.current_stays().filter(|stay| stay.does().serves()).map(|stay| &*stay.agent).take(LISTED)
    }

    pub(super) fn any_serving(&self) -> bool {
        self.serving > 0
    }

    /// Whether all agents who serve only do after-call work.
    pub(super) fn all_wrapping_up(&self) -> bool {
        self.wrapping_up == self.serving
    }

    pub(super) fn list(&self) -> &[Stay] {
        &self.list
    }

    /// Index of an agent among the present ones, or where it would be inserted.
    fn find(&self, agent: &str) -> Result<usize, usize> {
        self.agents.binary_search_by(|present| (**present).cmp(agent))
    }

    fn current(&mut self, agent: &str) -> Option<&mut Stay> {
        let index = self.present.get(self.find(agent).ok()?)?;
        self.list.get_mut(*index)
    }

    fn current_stays(&self) -> impl Iterator<Item = &Stay> {
        self.present.iter().filter_map(|index| self.list.get(*index))
    }

    /// Recomputes the fields derived from the present agents.
    fn refresh(&mut self) {
        self.agents = self.current_stays().map(|stay| stay.agent.clone()).collect();
        self.shown = match self.agents.get(..LISTED) {
            Some(first) if self.agents.len() > LISTED => first.into(),
            _ => Arc::clone(&self.agents),
        };
        self.count();
    }

    fn count(&mut self) {
        let (mut serving, mut wrapping_up) = (0, 0);
        for stay in self.current_stays() {
            serving += usize::from(stay.does().serves());
            wrapping_up += usize::from(stay.does() == Does::WrapUp);
        }
        (self.serving, self.wrapping_up) = (serving, wrapping_up);
    }
}

impl Stay {
    fn new(at: i64, id: &str, agent: &StoredAgent<'_>) -> Self {
        let does = Does::in_role(agent.role);
        Self {
            agent: id.into(),
            name: agent.name.map(Into::into),
            role: agent.role.map(Into::into),
            joined_at: at,
            left: None,
            has_served: does.serves(),
            parts: vec![Part { from: at, does }],
            messages: 0,
            responses: 0,
            response_ms: 0,
            agent_response_ms: 0,
        }
    }

    fn does(&self) -> Does {
        self.parts.last().map_or(Does::Listen, |part| part.does)
    }

    fn go_on(&mut self, at: i64, does: Does) {
        self.has_served |= does.serves();
        if self.does() != does {
            self.parts.push(Part { from: at, does });
        }
    }

    fn leave(&mut self, at: i64, reason: Option<&str>, settings: &ScanSettings, amounts: &mut Amounts<'_>) {
        self.spend(at, settings, amounts);
        self.left = Some(Left { at, reason: reason.map(Into::into), times: self.times_until(at) });
        self.parts = Vec::new();
    }

    /// The stretches of the stay until an instant: start, end, and the figure that they count in. Stretches that are empty or
    /// count in no figure are left out.
    fn stretches(&self, until: i64) -> impl Iterator<Item = (i64, i64, Figure)> {
        let ends = self.parts.iter().skip(1).map(|next| next.from).chain([until]);
        let stretches = self.parts.iter().zip(ends);
        stretches
            .filter_map(move |(part, end)| {
                let figure = match part.does {
                    Does::Serve => Figure::EngagedMs,
                    Does::WrapUp => Figure::WrapUpMs,
                    Does::Listen => return None,
                };
                Some((part.from, end.min(until), figure))
            })
            .filter(|(from, to, _)| from < to)
    }

    /// Reports the time of the stay. One that is too long is reported in one piece, whatever its parts: `metrics` counts it and
    /// adds it to no window.
    fn spend(&self, until: i64, settings: &ScanSettings, amounts: &mut Amounts<'_>) {
        if until.saturating_sub(self.joined_at) > settings.longest_span_ms {
            amounts(Amount::over(Dimension::Agent, &self.agent, Figure::EngagedMs, self.joined_at, until));
            return;
        }
        for (from, to, figure) in self.stretches(until) {
            amounts(Amount::over(Dimension::Agent, &self.agent, figure, from, to));
        }
    }

    fn times_until(&self, until: i64) -> Times {
        let mut times = Times::default();
        for (from, to, figure) in self.stretches(until) {
            let sum = if figure == Figure::WrapUpMs { &mut times.wrap_up_ms } else { &mut times.engaged_ms };
            *sum += to - from;
        }
        times
    }

    /// Times of the stay; `None` while it continues.
    pub(super) fn times(&self) -> Option<Times> {
        self.left.as_ref().map(|left| left.times)
    }

    pub(super) fn left_at(&self) -> Option<i64> {
        self.left.as_ref().map(|left| left.at)
    }

    pub(super) fn reason(&self) -> Option<&str> {
        self.left.as_ref().and_then(|left| left.reason.as_deref())
    }
}
