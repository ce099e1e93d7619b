// SPDX-License-Identifier: Apache-2.0

//! Errors in the format of RFC 9457.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};

const MEDIA_TYPE: &str = "application/problem+json";

/// An error, for programs and people.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    word: &'static str,
    title: &'static str,
    detail: String,
    more: Map<String, Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    /// An error of this type. `detail` has the problem and the remedy.
    pub(crate) fn new(
        status: StatusCode,
        word: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self { status, word, title, detail: detail.into(), more: Map::new(), headers: Vec::new() }
    }

    /// An invalid parameter.
    pub(crate) fn parameter(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-parameter", "A parameter cannot be used", detail)
    }

    /// A temporary error.
    pub(crate) fn later(word: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        let retry = (header::RETRY_AFTER, HeaderValue::from_static("2"));
        Self::new(StatusCode::SERVICE_UNAVAILABLE, word, title, detail).with_header(retry)
    }

    /// Adds an extension member.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.more.insert(name.to_owned(), value.into());
        self
    }

    pub(crate) fn with_header(mut self, header: (HeaderName, HeaderValue)) -> Self {
        self.headers.push(header);
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = self.more;
        body.insert("type".to_owned(), format!("urn:cx-timelines:problem:{}", self.word).into());
        body.insert("title".to_owned(), self.title.into());
        body.insert("status".to_owned(), self.status.as_u16().into());
        body.insert("detail".to_owned(), self.detail.into());
        let body = Value::Object(body).to_string();
        let mut response = (self.status, [(header::CONTENT_TYPE, MEDIA_TYPE)], body).into_response();
        response.headers_mut().extend(self.headers);
        response
    }
}

/// An unknown path.
pub(crate) async fn not_found() -> Problem {
    let detail = "there is nothing here; /api/openapi.json describes what there is";
    Problem::new(StatusCode::NOT_FOUND, "no-such-path", "There is nothing here", detail)
}

/// Only reading is supported.
pub(crate) async fn not_allowed() -> Problem {
    let detail = "only GET and HEAD are supported";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "read-only", "The API is read-only", detail)
}
