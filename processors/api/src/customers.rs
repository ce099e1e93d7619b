// SPDX-License-Identifier: Apache-2.0

//! One customer: the last conversations.

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use folds::look;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::Api;
use crate::answers::{Answer, Json};
use crate::asking::{Question, ask, turn, unreadable};
use crate::params::{Named, Params};
use crate::problem::Problem;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CustomerParams {
    follow: Option<bool>,
}

/// `/api/customers/{id}`
pub(crate) async fn one(
    State(api): State<Api>,
    Named(id): Named<String>,
    uri: Uri,
    Params(params): Params<CustomerParams>,
) -> Answer {
    let question = Question {
        key: look::key_of_customer(&id),
        places: vec![look::place_of_customer(&id)],
        uri: &uri,
        follow: params.follow.unwrap_or(true),
    };
    let _turn = turn(&api).await;
    let found = ask(&api, question).await?;
    let record = look::customer(&id, &found).map_err(|error| unreadable(&error))?;
    // What a fold wrote is JSON.
    let record: Option<Box<RawValue>> = record.and_then(|record| serde_json::from_slice(&record).ok());
    record.map(|record| Json::of(&record)).ok_or_else(|| {
        let detail = format!(
            "no customer {id:?} is remembered; of one who has left the state the record is still in the topic (`cx-timelines tail \
             cx.customers`)"
        );
        Problem::new(StatusCode::NOT_FOUND, "no-such-customer", "There is no such customer", detail)
    })
}
