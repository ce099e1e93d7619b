// SPDX-License-Identifier: Apache-2.0

//! Reserved connections. When all others are taken, probes and scrapes still get one, so that operators see an overloaded
//! program. A reserved connection answers one request and closes.

use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::serve::IncomingStream;

use super::timed::Bounded;

/// The paths that a reserved connection answers.
const ANSWERED: [&str; 3] = ["/health/live", "/health/ready", "/metrics"];
const BUSY: &str =
    "All connections are taken. Only /health and /metrics are answered now; try again in a moment.\n";

/// Whether a connection is reserved.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reserved(bool);

impl axum::extract::connect_info::Connected<IncomingStream<'_, Bounded>> for Reserved {
    fn connect_info(stream: IncomingStream<'_, Bounded>) -> Self {
        Self(stream.io().is_reserved())
    }
}

/// Passes a request on if its connection may ask for it.
pub(super) async fn guard(
    ConnectInfo(Reserved(is_reserved)): ConnectInfo<Reserved>,
    request: Request,
    next: Next,
) -> Response {
    if !is_reserved {
        return next.run(request).await;
    }
    let mut response = if ANSWERED.contains(&request.uri().path()) {
        next.run(request).await
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "1")], BUSY).into_response()
    };
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}
