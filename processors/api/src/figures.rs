// SPDX-License-Identifier: Apache-2.0

//! The windows of a queue, an agent, a channel or a bot.

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use folds::look;
use model::Dimension;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::Api;
use crate::answers::{Answer, Json};
use crate::asking::{Question, ask, turn, unreadable};
use crate::params::{Named, Params, limited};
use crate::problem::Problem;

const LIMIT: usize = 1_000;
const LIMIT_MAX: usize = 10_000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FiguresParams {
    from: Option<String>,
    to: Option<String>,
    limit: Option<usize>,
    follow: Option<bool>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Windows {
    dimension: &'static str,
    id: String,
    windows: Vec<Box<RawValue>>,
    windows_total: usize,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Span {
    window_start: i64,
    window_end: i64,
}

/// `/api/metrics/{dimension}/{id}`
pub(crate) async fn of_subject(
    State(api): State<Api>,
    Named((dimension, id)): Named<(String, String)>,
    uri: Uri,
    Params(params): Params<FiguresParams>,
) -> Answer {
    let dimension = dimension_of(&dimension)?;
    let limit = limited("limit", params.limit, LIMIT, LIMIT_MAX)?;
    let from = instant("from", params.from.as_deref())?.unwrap_or(i64::MIN);
    let to = instant("to", params.to.as_deref())?.unwrap_or(i64::MAX);
    let question = Question {
        key: &look::key_of_subject(dimension, &id),
        places: vec![look::place_of_windows(dimension, &id)],
        uri: &uri,
        follow: params.follow.unwrap_or(true),
    };
    let _turn = turn(&api).await;
    let found = ask(&api, question).await?;
    let windows = look::windows(&found).map_err(|error| unreadable(&error))?;
    if windows.is_empty() {
        let detail = format!("no window of {} {id:?} is kept", dimension.as_str());
        return Err(Problem::new(StatusCode::NOT_FOUND, "no-windows", "There are no figures", detail));
    }
    let overlaps = |window: &[u8]| {
        serde_json::from_slice::<Span>(window)
            .is_ok_and(|span| span.window_end > from && span.window_start < to)
    };
    let windows: Vec<Vec<u8>> = windows.into_iter().filter(|window| overlaps(window)).collect();
    let windows_total = windows.len();
    let skipped = windows.into_iter().skip(windows_total.saturating_sub(limit));
    let windows = skipped.filter_map(|window| serde_json::from_slice(&window).ok()).collect();
    Ok(Json::of(&Windows { dimension: dimension.as_str(), id, windows, windows_total }))
}

/// The dimension of this name.
///
/// # Errors
/// There is none.
pub(crate) fn dimension_of(name: &str) -> Result<Dimension, Problem> {
    Dimension::from_name(name).ok_or_else(|| {
        let all: Vec<&str> = Dimension::ALL.iter().map(|dimension| dimension.as_str()).collect();
        let detail = format!("{name:?} is no dimension; there are: {}", all.join(", "));
        Problem::new(StatusCode::NOT_FOUND, "no-such-dimension", "No such dimension", detail)
    })
}

/// A point in time, in epoch milliseconds.
///
/// # Errors
/// It cannot be read.
pub(crate) fn instant(name: &str, text: Option<&str>) -> Result<Option<i64>, Problem> {
    let Some(text) = text else { return Ok(None) };
    let time = model::parse_time_text(text);
    time.map(Some).ok_or_else(|| {
        Problem::parameter(format!(
            "{name}={text}: write a time from 2000 to 2100, as 2026-01-31T12:00:00Z or as epoch milliseconds"
        ))
    })
}

/// A point in time that a request must have, in epoch milliseconds.
///
/// # Errors
/// It is missing, or cannot be read. `what` says what to write.
pub(crate) fn required(name: &str, text: Option<&str>, what: &str) -> Result<i64, Problem> {
    let missing = || Problem::parameter(format!("{name} is missing: write {what}"));
    instant(name, text)?.ok_or_else(missing)
}
