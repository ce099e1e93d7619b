// SPDX-License-Identifier: Apache-2.0

//! JSON responses.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::problem::Problem;

/// A JSON response.
pub(crate) struct Json(Vec<u8>);

impl Json {
    /// The JSON of a value.
    pub(crate) fn of(value: &impl Serialize) -> Self {
        // Writing plain data into memory cannot fail.
        Self(serde_json::to_vec(value).unwrap_or_default())
    }
}

impl IntoResponse for Json {
    fn into_response(self) -> Response {
        ([(header::CONTENT_TYPE, "application/json")], self.0).into_response()
    }
}

/// The result of a handler.
pub(crate) type Answer = Result<Json, Problem>;
