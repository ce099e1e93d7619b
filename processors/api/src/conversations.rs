// SPDX-License-Identifier: Apache-2.0

//! One conversation: summary, timeline, activities.

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use folds::look::{self, Emitted};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::answers::{Answer, Json};
use crate::asking::{Question, ask, turn, unreadable};
use crate::params::{Named, Params, limited};
use crate::problem::Problem;
use crate::{Api, hide};

/// The number of entries and of activities in a response (the latest ones), and the maximum to request.
const LIMIT: usize = 1_000;
const LIMIT_MAX: usize = 10_000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OneParams {
    limit: Option<usize>,
    follow: Option<bool>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Conversation<R> {
    conversation_id: String,
    text_shown: bool,
    summary: Option<R>,
    timeline_total: usize,
    timeline: Vec<R>,
    activities_total: usize,
    activities: Vec<R>,
}

/// `/api/conversations/{id}`
pub(crate) async fn one(
    State(api): State<Api>,
    Named(id): Named<String>,
    uri: Uri,
    Params(params): Params<OneParams>,
) -> Answer {
    let limit = limited("limit", params.limit, LIMIT, LIMIT_MAX)?;
    let question = Question {
        key: look::key_of(&id),
        places: look::places_of(&id),
        uri: &uri,
        follow: params.follow.unwrap_or(true),
    };
    let turn = turn(&api).await;
    let found = ask(&api, question).await?;
    let show_text = api.options.show_text;
    let activity_bytes = api.options.folds.activity_bytes;
    // The worker only copies bytes; rendering a long conversation happens on a blocking thread.
    let rendered = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        let emitted = look::conversation(&id, &found, activity_bytes).map_err(|error| unreadable(&error))?;
        emitted.map(|emitted| render(&id, emitted, show_text, limit)).ok_or_else(|| unknown(&id))
    });
    rendered.await.unwrap_or_else(|_| Err(Problem::later("failed", "It failed", "the log says why")))
}

fn render(id: &str, emitted: Emitted, show_text: bool, limit: usize) -> Json {
    if show_text {
        Json::of(&conversation(id, emitted, show_text, limit, |bytes| {
            serde_json::from_slice::<Box<RawValue>>(&bytes)
        }))
    } else {
        Json::of(&conversation(id, emitted, show_text, limit, |bytes| {
            let mut record: Value = serde_json::from_slice(&bytes)?;
            hide::texts(&mut record);
            Ok(record)
        }))
    }
}

fn conversation<R>(
    id: &str,
    emitted: Emitted,
    text_shown: bool,
    limit: usize,
    read: impl Fn(Vec<u8>) -> serde_json::Result<R>,
) -> Conversation<R> {
    // Folds write valid JSON.
    let read = |bytes| read(bytes).ok();
    let last = |mut all: Vec<Vec<u8>>| {
        let all = all.split_off(all.len().saturating_sub(limit));
        all.into_iter().filter_map(read).collect::<Vec<R>>()
    };
    Conversation {
        conversation_id: id.to_owned(),
        text_shown,
        summary: emitted.summary.and_then(read),
        timeline_total: emitted.timeline.len(),
        timeline: last(emitted.timeline),
        activities_total: emitted.activities.len(),
        activities: last(emitted.activities),
    }
}

fn unknown(id: &str) -> Problem {
    let detail = format!(
        "no conversation {id:?} is remembered; of one that was forgotten the records are still in the topics \
         (`cx-timelines show`)"
    );
    Problem::new(StatusCode::NOT_FOUND, "no-such-conversation", "There is no such conversation", detail)
}
