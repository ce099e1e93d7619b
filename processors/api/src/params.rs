//! Parameters of requests: what is not known is an error, like everywhere.

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// The parameters of a request.
pub(crate) struct Params<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let query = Query::<T>::try_from_uri(&parts.uri);
        query.map(|Query(params)| Self(params)).map_err(|refused| {
            Problem::parameter(format!("{}; /api/openapi.json lists the parameters", refused.body_text()))
        })
    }
}

/// Of a route that has none.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoParams {}

/// A number of things, from 1 to a limit.
pub(crate) fn limited(
    name: &str,
    wanted: Option<usize>,
    default: usize,
    most: usize,
) -> Result<usize, Problem> {
    let wanted = wanted.unwrap_or(default);
    if (1..=most).contains(&wanted) {
        Ok(wanted)
    } else {
        Err(Problem::parameter(format!("{name}={wanted}: write a number from 1 to {most}")))
    }
}
