// SPDX-License-Identifier: Apache-2.0

//! Explains the figures of a window: the contributions of the conversations listed on this instance, and of an agent's states.

mod sums;

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use folds::explain::{Contribution, contributions, contributions_of_agent, is_known, places_of_agent};
use folds::look::{self, Found};
use model::{Dimension, Figure, Histogram, MetricsWindow};
use serde::Deserialize;

use crate::answers::{Answer, Json};
use crate::asking::{BYTES_MAX, Question, ask, turn, unreadable};
use crate::batches::{Batch, Batches};
use crate::figures::{dimension_of, required};
use crate::hub::locked;
use crate::params::{Named, Params, limited};
use crate::problem::Problem;
use crate::row::{LISTED_MAX, Row};
use crate::{Api, Shared};
use sums::{Looked, OF_STATES, Subject, Sums, Window};

const LIMIT: usize = 1_000;
const LIMIT_MAX: usize = 10_000;
/// Maximum number of conversations read for one answer.
const CONVERSATIONS_MAX: usize = 2_000;
/// Number of conversations per query.
const AT_ONCE: usize = 16;
/// Maximum time between a call leg's own end and the events of its conversation, in either direction.
const BESIDE_MS: i64 = 10 * 60 * 1000;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ExplainParams {
    window_start: Option<String>,
    window_end: Option<String>,
    figure: Option<String>,
    limit: Option<usize>,
    follow: Option<bool>,
}

/// `/api/metrics/{dimension}/{id}/explain`
pub(crate) async fn window(
    State(api): State<Api>,
    Named((dimension, id)): Named<(String, String)>,
    uri: Uri,
    Params(params): Params<ExplainParams>,
) -> Answer {
    let dimension = dimension_of(&dimension)?;
    let limit = limited("limit", params.limit, LIMIT, LIMIT_MAX)?;
    let figure = params.figure.map(known).transpose()?;
    let start = bound("windowStart", params.window_start.as_deref())?;
    let end = bound("windowEnd", params.window_end.as_deref())?;
    let follow = params.follow.unwrap_or(true);
    let _turn = turn(&api).await;
    let window = recorded(&api, (dimension, &id), (start, end), (&uri, follow)).await?;
    let mut looked = Looked::default();
    let wanted = candidates(&api, &window, &mut looked);
    let has_states = dimension == Dimension::Agent
        && figure.as_deref().is_none_or(|figure| OF_STATES.iter().any(|of| of.as_str() == figure));
    let mut sums = Sums::new(window, figure, limit);
    look_at(&api, wanted, &mut looked, &mut sums).await;
    if has_states {
        look_at_states(&api, &id, &mut looked, &mut sums).await;
    }
    Ok(Json::of(&sums.answer(&looked)))
}

fn known(figure: String) -> Result<String, Problem> {
    if is_known(&figure) {
        return Ok(figure);
    }
    let figures: Vec<&str> = Figure::ALL.iter().map(|figure| figure.as_str()).collect();
    let histograms: Vec<&str> = Histogram::ALL.iter().map(|histogram| histogram.as_str()).collect();
    Err(Problem::parameter(format!(
        "figure={figure}: there is no such figure; there are: {}; and histograms.NAME or histograms.NAME.BOUND of the histograms {}",
        figures.join(", "),
        histograms.join(", ")
    )))
}

/// Start or end of a window. Any number is accepted: the first window begins before the first instant that an event can have.
fn bound(name: &str, text: Option<&str>) -> Result<i64, Problem> {
    let number = text.and_then(|text| text.parse().ok());
    number.map_or_else(|| required(name, text, "it as the record has it"), Ok)
}

/// The recorded window.
async fn recorded(
    api: &Api,
    (dimension, id): (Dimension, &str),
    (start, end): (i64, i64),
    (uri, follow): (&Uri, bool),
) -> Result<Window, Problem> {
    let key = look::key_of_subject(dimension, id);
    let question = |place| Question { key: &key, places: vec![place], uri, follow };
    let named = ask(api, question(look::place_of_window_names(dimension, id, end))).await?;
    // Windows of several sizes may have the same span; their figures are then the same.
    let mut names = named.keys().filter_map(|key| look::window_name(key));
    let name = names.find(|name| name.of.window_start == start);
    let name = name.ok_or_else(|| no_window(dimension, id))?;
    let found = ask(api, question(look::place_of_window(&name.key))).await?;
    let record = look::window(&name.key, &found).map_err(|error| unreadable(&error))?;
    let record = record.and_then(|record| serde_json::from_slice(&record).ok());
    Ok(Window { key: name.key, record: record.ok_or_else(|| no_window(dimension, id))? })
}

fn no_window(dimension: Dimension, id: &str) -> Problem {
    let detail = format!("no window of {} {id:?} with this start and end is remembered", dimension.as_str());
    Problem::new(StatusCode::NOT_FOUND, "no-windows", "There are no figures", detail)
}

/// The listed conversations that may contribute to the window, by partition.
fn candidates(api: &Shared, window: &Window, looked: &mut Looked) -> Vec<(i32, String)> {
    let Some(partitions) = api.sources.queries.partitions() else { return Vec::new() };
    let mut wanted: Vec<(i32, String)> = Vec::new();
    {
        let view = locked(&api.view);
        for row in view.after(None).filter(|row| may_contribute(row, &window.record)) {
            if wanted.len() == CONVERSATIONS_MAX {
                looked.left_out += 1;
                continue;
            }
            let partition = engine::partition_of(look::key_of(&row.conversation_id), partitions);
            wanted.push((partition, row.conversation_id.clone()));
        }
        looked.are_all_listed = view.is_complete(Some(partitions));
    }
    wanted
}

/// Whether a listed conversation may contribute to the window. Missing details in the list do not exclude it.
fn may_contribute(row: &Row, window: &MetricsWindow<'_>) -> bool {
    let beside = if window.dimension == Dimension::Agent { BESIDE_MS } else { 0 };
    let overlaps =
        row.started_at - beside < window.window_end && row.last_event_at + beside >= window.window_start;
    let is_of_it = match window.dimension {
        Dimension::Queue => {
            row.queue_visits.len() >= LISTED_MAX
                || row.queue_visits.iter().any(|visit| visit.queue.as_deref() == Some(&*window.id))
        }
        Dimension::Channel => row.channels.iter().any(|channel| *channel == window.id),
        Dimension::Agent | Dimension::Bot | Dimension::QueueAgent => true,
    };
    overlaps && is_of_it
}

/// Adds the contributions of these conversations.
async fn look_at(api: &Api, wanted: Vec<(i32, String)>, looked: &mut Looked, sums: &mut Sums) {
    let mut batches = Batches::new(api, wanted, AT_ONCE, look::places_of);
    while let Some(Batch { ids, found }) = batches.next().await {
        let count = ids.len();
        let contributions = match found {
            Some(found) => contributions_of(api, ids, found).await,
            None => None,
        };
        match contributions {
            Some(all) => take(all, looked, sums),
            None => looked.not_answered += count,
        }
    }
}

/// Adds the contributions of an agent's states, which are in the partition of the agent's id.
async fn look_at_states(api: &Api, agent: &str, looked: &mut Looked, sums: &mut Sums) {
    looked.lacks_states = true;
    let Some(partitions) = api.sources.queries.partitions() else { return };
    let partition = engine::partition_of(agent.as_bytes(), partitions);
    let Ok(found) = api.sources.queries.ask(partition, places_of_agent(agent), BYTES_MAX).await else {
        return;
    };
    let found: Found = found.into_iter().collect();
    match contributions_of_agent(agent, &found, &api.options.folds) {
        Ok(contributions) => {
            looked.lacks_states = false;
            sums.take(Subject::Agent(agent), &contributions);
        }
        Err(error) => tracing::error!(%error, "the states of an agent cannot be explained"),
    }
}

fn take(all: Vec<Of>, looked: &mut Looked, sums: &mut Sums) {
    for (id, contributions) in all {
        looked.conversations += 1;
        sums.take(Subject::Conversation(&id), &contributions);
    }
}

/// A conversation and its contributions.
type Of = (String, Vec<Contribution>);

/// The contributions of these conversations; `None` if their state cannot be read.
async fn contributions_of(api: &Api, ids: Vec<String>, found: Found) -> Option<Vec<Of>> {
    let api = Api::clone(api);
    // Scanning takes long: it runs on a thread that may block.
    let scanned = tokio::task::spawn_blocking(move || {
        let of = |id: String| {
            let all = contributions(&id, &look::found_of(&id, &found), &api.options.folds)?;
            Ok((id, all))
        };
        ids.into_iter().map(of).collect::<Result<Vec<Of>, engine::ProcessError>>()
    });
    let logged = |error| tracing::error!(%error, "conversations cannot be explained");
    scanned.await.ok()?.map_err(logged).ok()
}
