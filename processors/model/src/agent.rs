// SPDX-License-Identifier: Apache-2.0

//! Agents' states as the routing engine publishes them, and the records of topic `cx.agents` (contract, section 6.1).

use std::borrow::Cow;

use serde::Serialize;

/// An agent's state as it was published. All times are epoch milliseconds.
///
/// A *change* is identified by agent, time, state and reason; records of the same change differ in the other fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentNews<'a> {
    /// The agent.
    pub agent_id: Cow<'a, str>,
    /// When the state changed, else when the change was published.
    pub at: i64,
    /// The state's name.
    pub state: Option<Cow<'a, str>>,
    /// The reason.
    pub reason: Option<Cow<'a, str>>,
    /// When it was published.
    pub published_at: Option<i64>,
    /// Display name.
    pub name: Option<Cow<'a, str>>,
    /// When the agent logged in.
    pub login_at: Option<i64>,
    /// The state in each media routing domain, by domain id: at most [`MRDS_MAX`] domains.
    pub mrds: Vec<MrdState<'a>>,
}

/// Maximum number of listed media routing domains of an agent.
pub const MRDS_MAX: usize = 100;

/// An agent's state in a media routing domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MrdState<'a> {
    /// The domain.
    pub id: Option<Cow<'a, str>>,
    /// The domain's name.
    pub name: Option<Cow<'a, str>>,
    /// The state there.
    pub state: Option<Cow<'a, str>>,
    /// When it began.
    pub since: Option<i64>,
}

/// The state of an agent after the last change. The key is the plain agent id. All times are epoch milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentRecord<'a> {
    /// The agent.
    pub agent_id: &'a str,
    /// Display name.
    pub name: Option<&'a str>,
    /// The state.
    pub state: Option<&'a str>,
    /// The reason.
    pub reason: Option<&'a str>,
    /// When the last run of this state with this reason began.
    pub since: i64,
    /// When the agent logged in.
    pub login_at: Option<i64>,
    /// The state in each media routing domain, by domain id.
    pub mrds: &'a [MrdState<'a>],
    /// Time of the last change.
    pub last_change_at: i64,
    /// Number of stored changes.
    pub revision: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Record, text};

    #[test]
    fn an_agent_has_all_its_fields_in_the_contracts_order() {
        let mrds =
            [MrdState { id: Some("chat".into()), name: None, state: Some("READY".into()), since: Some(3) }];
        let agent = AgentRecord {
            agent_id: "ann",
            name: None,
            state: Some("READY"),
            reason: None,
            since: 1,
            login_at: None,
            mrds: &mrds,
            last_change_at: 2,
            revision: 4,
        };
        assert_eq!(
            text(|out| agent.write_json(out)),
            r#"{"agentId":"ann","name":null,"state":"READY","reason":null,"since":1,"loginAt":null,"mrds":[{"id":"chat","name":null,"state":"READY","since":3}],"lastChangeAt":2,"revision":4}"#
        );
    }
}
