// SPDX-License-Identifier: Apache-2.0

//! Access control, and headers of every response.

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::Api;
use crate::problem::Problem;

/// The maximum length of path and query.
const URI_MAX: usize = 4_096;
/// Only the page's own files: nothing inline, nothing from other origins, no framing.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Checks whether an API request may be answered.
///
/// # Errors
/// The request is too long, comes from a page of another origin, or has no valid token.
pub(crate) async fn admit(State(api): State<Api>, request: Request, next: Next) -> Result<Response, Problem> {
    let length = request.uri().path_and_query().map_or(0, |whole| whole.as_str().len());
    if length > URI_MAX {
        let detail =
            format!("the path with its parameters has {length} bytes; {URI_MAX} are read at the most");
        return Err(Problem::new(StatusCode::URI_TOO_LONG, "too-long", "The request is too long", detail));
    }
    match &api.options.token {
        Some(token) => {
            let header = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
            if !header.and_then(bearer).is_some_and(|sent| token.is(sent)) {
                return Err(unknown());
            }
        }
        // Without a token, a browser would let any page read these responses under a host name that the page's owner points
        // here. An IP address cannot be redirected like that.
        None => {
            let host = request.headers().get(header::HOST).and_then(|value| value.to_str().ok());
            if !host.is_none_or(|host| is_own(host, &api.options.hosts)) {
                return Err(strange(host.unwrap_or_default()));
            }
        }
    }
    Ok(next.run(request).await)
}

fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

fn is_own(host: &str, known: &[String]) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let name = authority.host().trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<std::net::IpAddr>().is_ok()
        || known.iter().any(|known| known.eq_ignore_ascii_case(name))
}

fn unknown() -> Problem {
    let detail = "send the token of --http-token-file or CX_HTTP_TOKEN in a header: Authorization: Bearer …";
    let wanted = (header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    Problem::new(StatusCode::UNAUTHORIZED, "no-token", "A token is needed", detail).with_header(wanted)
}

fn strange(host: &str) -> Problem {
    let detail = format!(
        "without a token this instance answers only to its address, localhost or its --advertise name, not to {host:?}"
    );
    Problem::new(StatusCode::MISDIRECTED_REQUEST, "strange-host", "Not the name of this instance", detail)
}

/// Adds security headers to every response.
pub(crate) async fn harden(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_own_names_are_known_and_all_others_are_not() {
        let known = ["cx.example".to_owned()];
        for own in ["127.0.0.1:9464", "127.0.0.1", "localhost:1", "[::1]:9464", "CX.example:443"] {
            assert!(is_own(own, &known), "{own}");
        }
        for strange in
            ["evil.example", "127.0.0.1.evil.example", "cx.example.evil", "", "localhost@evil.example:1x"]
        {
            assert!(!is_own(strange, &known), "{strange}");
        }
    }
}
