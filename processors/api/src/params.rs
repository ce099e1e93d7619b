// SPDX-License-Identifier: Apache-2.0

//! Request parameters. Unknown ones are errors, as everywhere.

use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// Path parameters.
pub(crate) struct Named<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Named<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<T>::from_request_parts(parts, state).await;
        path.map(|Path(named)| Self(named)).map_err(|refused| {
            let detail =
                format!("{}: write an id as the percent-encoded bytes of its UTF-8", refused.body_text());
            Problem::parameter(detail)
        })
    }
}

/// Query parameters.
pub(crate) struct Params<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        if !is_text(parts.uri.query().unwrap_or_default().as_bytes()) {
            let detail = "a parameter is no UTF-8: write it as the percent-encoded bytes of its UTF-8";
            return Err(Problem::parameter(detail));
        }
        let query = Query::<T>::try_from_uri(&parts.uri);
        query.map(|Query(params)| Self(params)).map_err(|refused| {
            Problem::parameter(format!("{}; /api/openapi.json lists the parameters", refused.body_text()))
        })
    }
}

/// Whether it is UTF-8 after percent-decoding. The decoder would replace invalid bytes, and the query would search for
/// something else.
fn is_text(encoded: &[u8]) -> bool {
    let digit = |byte: u8| (byte as char).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut decoded = Vec::with_capacity(encoded.len());
    let mut rest = encoded;
    while let Some((first, behind)) = rest.split_first() {
        let byte = match behind {
            [high, low, ..] if *first == b'%' => {
                digit(*high).zip(digit(*low)).map(|(high, low)| high * 16 + low)
            }
            _ => None,
        };
        decoded.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { behind.get(2..).unwrap_or_default() } else { behind };
    }
    std::str::from_utf8(&decoded).is_ok()
}

/// For a route without parameters.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoParams {}

/// A number from 1 to a limit.
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
