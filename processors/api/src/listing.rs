// SPDX-License-Identifier: Apache-2.0

//! Lists of conversations, and the current activity of queues and agents.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use serde::{Deserialize, Serialize};

use crate::answers::{Answer, Json};
use crate::hub::locked;
use crate::params::{NoParams, Params, limited};
use crate::problem::Problem;
use crate::row::Row;
use crate::view::{SortKey, View};
use crate::{Api, Shared};

const LIMIT: usize = 100;
const LIMIT_MAX: usize = 1_000;
/// Separates the parts of a cursor.
const CURSOR: char = '~';

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListParams {
    state: Option<StateWord>,
    agent: Option<String>,
    queue: Option<String>,
    limit: Option<usize>,
    after: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum StateWord {
    Open,
    Closed,
}

#[derive(Debug, Serialize)]
struct List {
    conversations: Vec<Arc<Row>>,
    next: Option<String>,
    complete: bool,
}

/// `/api/conversations`
pub(crate) async fn list(State(api): State<Api>, Params(params): Params<ListParams>) -> Answer {
    let limit = limited("limit", params.limit, LIMIT, LIMIT_MAX)?;
    let after = params.after.as_deref().map(place).transpose()?;
    let (mut conversations, complete) = {
        let view = locked(&api.view);
        let matching = view.after(after.as_ref()).filter(|row| is_wanted(row, &params));
        // One more, to know whether there are more.
        (matching.take(limit + 1).cloned().collect::<Vec<Arc<Row>>>(), is_complete(&api, &view))
    };
    let has_more = conversations.len() > limit;
    conversations.truncate(limit);
    let next = conversations.last().filter(|_| has_more).map(|row| cursor(row));
    Ok(Json::of(&List { conversations, next, complete }))
}

fn is_wanted(row: &Row, params: &ListParams) -> bool {
    let of_agent = |agent: &String| row.agents.iter().any(|stay| stay.agent_id == *agent);
    let of_queue = |queue: &String| row.queue_visits.iter().any(|visit| visit.queue.as_ref() == Some(queue));
    params.state.is_none_or(|state| row.is_open() == (state == StateWord::Open))
        && params.agent.as_ref().is_none_or(of_agent)
        && params.queue.as_ref().is_none_or(of_queue)
}

fn cursor(row: &Row) -> String {
    format!("{}{CURSOR}{}", row.started_at, row.conversation_id)
}

fn place(cursor: &str) -> Result<SortKey, Problem> {
    let place = cursor.split_once(CURSOR).and_then(|(at, id)| Some((Reverse(at.parse().ok()?), id.into())));
    place.ok_or_else(|| Problem::parameter("after: write what an earlier answer had as its `next`"))
}

fn is_complete(api: &Shared, view: &View) -> bool {
    view.is_complete(api.sources.queries.partitions())
}

/// The current activity.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Now {
    open: usize,
    awaiting_reply: usize,
    queues: Vec<Queue>,
    agents: Vec<Agent>,
    complete: bool,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Queue {
    queue: String,
    waiting: usize,
    waiting_since: i64,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Agent {
    agent_id: String,
    name: Option<String>,
    conversations: usize,
}

/// `/api/now`
pub(crate) async fn now(State(api): State<Api>, _: Params<NoParams>) -> Answer {
    Ok(Json::of(&going_on(&api)))
}

/// The current activity.
pub(crate) fn going_on(api: &Shared) -> Now {
    let view = locked(&api.view);
    let mut now = counted(view.after(None).filter(|row| row.is_open()).map(|row| &**row));
    now.complete = is_complete(api, &view);
    now
}

fn counted<'r>(open: impl Iterator<Item = &'r Row>) -> Now {
    let mut now = Now { open: 0, awaiting_reply: 0, queues: Vec::new(), agents: Vec::new(), complete: false };
    let mut queues: BTreeMap<&str, (usize, i64)> = BTreeMap::new();
    let mut agents: BTreeMap<&str, (usize, Option<&String>)> = BTreeMap::new();
    for row in open {
        now.open += 1;
        now.awaiting_reply += usize::from(row.awaits_reply_since.is_some());
        for visit in row.queue_visits.iter().filter(|visit| visit.ended_at.is_none()) {
            let Some(queue) = &visit.queue else { continue };
            let (waiting, since) = queues.entry(queue).or_insert((0, visit.enqueued_at));
            *waiting += 1;
            *since = visit.enqueued_at.min(*since);
        }
        for stay in row.agents.iter().filter(|stay| stay.left_at.is_none()) {
            let (conversations, name) = agents.entry(&stay.agent_id).or_default();
            *conversations += 1;
            *name = name.or(stay.name.as_ref());
        }
    }
    let queues = queues.into_iter().map(|(queue, (waiting, waiting_since))| Queue {
        queue: queue.to_owned(),
        waiting,
        waiting_since,
    });
    now.queues = queues.collect();
    let agents = agents.into_iter().map(|(agent, (conversations, name))| Agent {
        agent_id: agent.to_owned(),
        name: name.cloned(),
        conversations,
    });
    now.agents = agents.collect();
    now
}
