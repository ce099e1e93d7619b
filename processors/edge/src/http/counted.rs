// SPDX-License-Identifier: Apache-2.0

//! Counts requests, and times them for traces. The label is the route's pattern, never the path: an id is not a label.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;

use crate::metrics::Metrics;
use crate::spans;

/// The label of requests that match no route.
const NO_ROUTE: &str = "none";

/// Passes a request on, and counts it when its response begins.
pub(super) async fn count(State(metrics): State<Metrics>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let method = method_of(request.method());
    let route = matched.as_ref().map_or(NO_ROUTE, MatchedPath::as_str);
    let span = spans::request(method, route);
    let response = next.run(request).instrument(span.clone()).await;
    spans::answered(&span, response.status().as_u16());
    metrics.http_request(route, method, class_of(response.status().as_u16()), begun.elapsed());
    response
}

/// Unknown methods share one label, because clients can invent methods.
fn method_of(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

fn class_of(status: u16) -> &'static str {
    match status {
        200..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        500.. => "5xx",
        _ => "1xx",
    }
}
