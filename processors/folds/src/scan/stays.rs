//! Which agents are present, and the stays of all that ever were.

use std::sync::Arc;

use model::{Dimension, Figure};
use serde::{Deserialize, Serialize};

use super::amount::{Amount, Amounts};
use super::entry::StoredAgent;
use super::{LISTED, ScanSettings};

/// The role of an agent who only finishes the work.
const WRAP_UP: &str = "WRAP_UP";

/// All stays, in the order of joining.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "StoredStays")]
pub(super) struct Stays {
    list: Vec<Stay>,
    /// The places of the current stays, sorted by the agents' ids.
    present: Vec<usize>,
    /// The ids of the agents present, sorted: made of the two others, for all entries to share.
    #[serde(skip)]
    agents: Arc<[Box<str>]>,
    /// Those of them that an entry lists.
    #[serde(skip)]
    shown: Arc<[Box<str>]>,
    /// How many of the present have the role `WRAP_UP`.
    #[serde(skip)]
    wrapping_up: usize,
}

/// What of the stays is in the state.
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

/// One stay of an agent, from the subscribe on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stay {
    pub(super) agent: Box<str>,
    pub(super) name: Option<Box<str>>,
    pub(super) joined_at: i64,
    left: Option<Left>,
    /// The parts of a stay that goes on: its figures depend on how it ends.
    parts: Vec<Part>,
    pub(super) messages: i64,
    pub(super) responses: i64,
    pub(super) response_ms: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Left {
    at: i64,
    reason: Option<Box<str>>,
    times: Times,
}

/// How long a stay was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Times {
    pub(super) engaged_ms: i64,
    pub(super) wrap_up_ms: i64,
}

/// A part of a stay without a change of kind. It lasts until the next part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Part {
    from: i64,
    wrap_up: bool,
}

impl Stays {
    /// An agent joins, or is given a role anew.
    pub(super) fn join(&mut self, at: i64, agent: &StoredAgent<'_>, amounts: &mut Amounts<'_>) {
        let Some(id) = agent.agent_id else { return };
        match self.find(id) {
            Ok(_) => self.set_role(at, id, agent.role),
            Err(place) => {
                self.present.insert(place, self.list.len());
                self.list.push(Stay::new(at, id, agent));
                self.refresh();
                amounts(Amount::one(Dimension::Agent, id, Figure::Stays, at));
            }
        }
    }

    /// An agent leaves, if present. What the stay took is settled with that.
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

    /// Gives a present agent a role; an absent role is none.
    pub(super) fn set_role(&mut self, at: i64, agent: &str, role: Option<&str>) {
        if let Some(stay) = self.current(agent) {
            stay.go_on(at, role == Some(WRAP_UP));
        }
        self.count_wrapping_up();
    }

    /// A message of somebody; counts if that is an agent who is present.
    pub(super) fn message(
        &mut self,
        at: i64,
        agent: &str,
        response_ms: Option<i64>,
        amounts: &mut Amounts<'_>,
    ) {
        let Some(stay) = self.current(agent) else { return };
        stay.messages += 1;
        amounts(Amount::one(Dimension::Agent, agent, Figure::Messages, at));
        if let Some(response_ms) = response_ms {
            stay.responses += 1;
            stay.response_ms += response_ms;
            amounts(Amount::one(Dimension::Agent, agent, Figure::Responses, at));
            amounts(Amount::at(Dimension::Agent, agent, Figure::ResponseMs, at, response_ms));
        }
    }

    /// The time of the stays that go on, up to the close of the conversation.
    pub(super) fn standing_amounts(
        &self,
        closed_at: i64,
        settings: &ScanSettings,
        amounts: &mut Amounts<'_>,
    ) {
        for stay in self.current_stays() {
            stay.spend(closed_at, settings, amounts);
        }
    }

    /// The first of the agents present: as many as an entry lists.
    pub(super) fn shown_agents(&self) -> Arc<[Box<str>]> {
        Arc::clone(&self.shown)
    }

    pub(super) fn any_present(&self) -> bool {
        !self.present.is_empty()
    }

    /// Whether all that are present only finish the work.
    pub(super) fn all_wrapping_up(&self) -> bool {
        self.wrapping_up == self.present.len()
    }

    pub(super) fn list(&self) -> &[Stay] {
        &self.list
    }

    /// Where an agent is among the present, or would be.
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

    /// Makes anew what follows from who is present.
    fn refresh(&mut self) {
        self.agents = self.current_stays().map(|stay| stay.agent.clone()).collect();
        self.shown = match self.agents.get(..LISTED) {
            Some(first) if self.agents.len() > LISTED => first.into(),
            _ => Arc::clone(&self.agents),
        };
        self.count_wrapping_up();
    }

    fn count_wrapping_up(&mut self) {
        self.wrapping_up = self.current_stays().filter(|stay| stay.is_wrapping_up()).count();
    }
}

impl Stay {
    fn new(at: i64, id: &str, agent: &StoredAgent<'_>) -> Self {
        Self {
            agent: id.into(),
            name: agent.name.map(Into::into),
            joined_at: at,
            left: None,
            parts: vec![Part { from: at, wrap_up: agent.role == Some(WRAP_UP) }],
            messages: 0,
            responses: 0,
            response_ms: 0,
        }
    }

    fn is_wrapping_up(&self) -> bool {
        self.parts.last().is_some_and(|part| part.wrap_up)
    }

    fn go_on(&mut self, at: i64, wrap_up: bool) {
        if self.is_wrapping_up() != wrap_up {
            self.parts.push(Part { from: at, wrap_up });
        }
    }

    fn leave(&mut self, at: i64, reason: Option<&str>, settings: &ScanSettings, amounts: &mut Amounts<'_>) {
        self.spend(at, settings, amounts);
        self.left = Some(Left { at, reason: reason.map(Into::into), times: self.times_until(at) });
        self.parts = Vec::new();
    }

    /// The stretches of the stay up to an instant: from, to, whether in wrap-up. Those that are empty are left out.
    fn stretches(&self, until: i64) -> impl Iterator<Item = (i64, i64, bool)> {
        let ends = self.parts.iter().skip(1).map(|next| next.from).chain([until]);
        let stretches = self.parts.iter().zip(ends);
        stretches
            .map(move |(part, end)| (part.from, end.min(until), part.wrap_up))
            .filter(|(from, to, _)| from < to)
    }

    /// Gives the time of the stay. One that is too long is given in one piece, whatever its parts: `metrics` counts it, and adds
    /// it to no window.
    fn spend(&self, until: i64, settings: &ScanSettings, amounts: &mut Amounts<'_>) {
        if until.saturating_sub(self.joined_at) > settings.longest_span_ms {
            amounts(Amount::over(Dimension::Agent, &self.agent, Figure::EngagedMs, self.joined_at, until));
            return;
        }
        for (from, to, wrap_up) in self.stretches(until) {
            let figure = if wrap_up { Figure::WrapUpMs } else { Figure::EngagedMs };
            amounts(Amount::over(Dimension::Agent, &self.agent, figure, from, to));
        }
    }

    fn times_until(&self, until: i64) -> Times {
        let mut times = Times::default();
        for (from, to, wrap_up) in self.stretches(until) {
            let sum = if wrap_up { &mut times.wrap_up_ms } else { &mut times.engaged_ms };
            *sum += to - from;
        }
        times
    }

    /// How long the stay was; one that goes on ends with the conversation, and is not known before.
    pub(super) fn times(&self, closed_at: Option<i64>) -> Option<Times> {
        match &self.left {
            Some(left) => Some(left.times),
            None => closed_at.map(|at| self.times_until(at)),
        }
    }

    pub(super) fn left_at(&self) -> Option<i64> {
        self.left.as_ref().map(|left| left.at)
    }

    pub(super) fn reason(&self) -> Option<&str> {
        self.left.as_ref().and_then(|left| left.reason.as_deref())
    }
}
