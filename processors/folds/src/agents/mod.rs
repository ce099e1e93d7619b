// SPDX-License-Identifier: Apache-2.0

//! The current state of each agent, and the time spent in each state (contract section 6.1).
//!
//! An agent's state is in the partition of the agent's id. It holds the agent's last changes. Each contributes the span to the
//! next change to the metrics. A late change splits a span: the old contribution is subtracted, the two new ones are added, and
//! `metrics`, which follows, gets the difference.
//!
//! Changes that are too old or too many leave the state; their contributions stay. An agent never expires: there are as many
//! agents as people, and the state of each is limited. Erasure requests are about customers, so none concerns an agent.

mod agent;
mod change;
mod head;
mod look;

use engine::{Context, Counter, Emitter, Note, Outcome, ProcessError, Processor, Product, TakeAgents};
use model::{AgentNews, AgentRecord};

use crate::amounts::write_amounts;
use crate::widths::{FIELDS, ID, INTEGER, NAME_TEXT, Sizes};
use agent::{Agent, Taken};

pub use change::{CHANGES_MAX, OLDEST_MS};
pub(crate) use look::{places, spans};

/// First byte of a note: contributions follow.
const AMOUNTS: u8 = 0;

/// The processor's name in topics.yaml.
pub const NAME: &str = "agents";
/// Key prefix of the processor's state.
pub(crate) const NAMESPACE: u8 = b'p';
/// Its output.
pub const PRODUCT: Product = Product {
    topic: "cx.agents",
    schema: model::Schema::AGENT.header,
    one_for_each: "agent",
    key: "`agentId`, as it is",
};
const OUTPUT: usize = 0;

/// Maximum size of a record's value. The texts of the domains' states are JSON in the input already.
pub(crate) fn record_bytes(sizes: Sizes) -> u64 {
    let mrds = model::MRDS_MAX as u64 * (INTEGER + FIELDS);
    3 * ID + NAME_TEXT + 4 * INTEGER + mrds + sizes.value
}

/// Changes that were older on arrival than what is kept.
pub static TOO_LATE: Counter = Counter::new(
    "cx_timelines_agent_states_too_late_total",
    "Changes of agents' states that came when 1,000 later ones were known, or one that was more than 30 days later.",
);

/// The current state of each agent: writes one topic, `cx.agents`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Agents;

impl Processor for Agents {
    fn name(&self) -> &'static str {
        NAME
    }

    fn namespace(&self) -> u8 {
        NAMESPACE
    }

    fn products(&self) -> &'static [Product] {
        &[PRODUCT]
    }

    fn as_take_agents(&self) -> Option<&dyn TakeAgents> {
        Some(self)
    }

    fn counters(&self) -> Vec<&'static Counter> {
        vec![&TOO_LATE]
    }

    fn emit(&self, key: &[u8], emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
        // The key was marked as text.
        let Ok(id) = std::str::from_utf8(key) else { return Ok(()) };
        let mut agent = Agent::of(id, emitter);
        let Some((head, since)) = agent.stand()? else { return Ok(()) };
        if let Some(spans) = agent.take_spans(&head) {
            emitter.tell(key, &write_amounts(AMOUNTS, &spans.amounts(id)));
        }
        let mrds = head.shown.mrds();
        let record = AgentRecord {
            agent_id: id,
            name: head.shown.name.as_deref(),
            state: head.last.state.as_deref(),
            reason: head.last.reason.as_deref(),
            since,
            login_at: head.shown.login_at,
            mrds: &mrds,
            last_change_at: head.last.at,
            revision: head.kept(),
        };
        let mut value = Vec::with_capacity(512);
        emitter.format(OUTPUT).write(&record, &mut value);
        emitter.emit(OUTPUT, key, key, Some(&value))
    }
}

impl TakeAgents for Agents {
    fn process_agent(
        &self,
        news: &AgentNews<'_>,
        context: &mut Context<'_>,
    ) -> Result<Outcome, ProcessError> {
        let taken = Agent::of(&news.agent_id, context).take(news)?;
        Ok(match taken {
            Taken::New => {
                context.mark(news.agent_id.as_bytes());
                Outcome::Folded
            }
            Taken::Known => Outcome::Duplicate,
            Taken::TooLate => {
                context.notice(&TOO_LATE);
                Outcome::Ignored
            }
        })
    }
}

/// The contributions that changed, in the format of `metrics`; `None` for another processor's note.
pub(crate) fn amounts_of<'n>(note: &Note<'n>) -> Option<&'n [u8]> {
    note.text.strip_prefix(&[AMOUNTS]).filter(|_| note.from == NAME)
}
