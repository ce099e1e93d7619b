// SPDX-License-Identifier: Apache-2.0

//! Calls of the registry's API, with retries.

use std::sync::atomic::{AtomicUsize, Ordering};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::Value;
use ureq::http::{Method, Request, StatusCode};
use ureq::tls::{PemItem, RootCerts, TlsConfig, TlsProvider, parse_pem};

use super::{Auth, RegistryError, Settings};

const CONTENT_TYPE: &str = "application/vnd.schemaregistry.v1+json";
/// Larger than any schema.
const ANSWER_BYTES_MAX: u64 = 16 << 20;

/// A response: a status below 500, and its JSON.
pub(super) struct RegistryAnswer {
    pub(super) status: StatusCode,
    pub(super) json: Value,
}

/// The connection to one registry.
pub(super) struct Http {
    agent: ureq::Agent,
    settings: Settings,
    /// The index of the address in use: the one that answered last.
    current: AtomicUsize,
    authorization: Option<String>,
}

impl Http {
    pub(super) fn new(settings: Settings) -> Result<Self, RegistryError> {
        let roots = match &settings.ca_pem {
            None => RootCerts::PlatformVerifier,
            Some(pem) => RootCerts::new_with_certs(&certificates(pem)?),
        };
        let tls = TlsConfig::builder().provider(TlsProvider::NativeTls).root_certs(roots).build();
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(settings.timeout))
            .http_status_as_error(false)
            .user_agent("cx-timelines")
            .tls_config(tls)
            .build()
            .new_agent();
        let authorization = match &settings.auth {
            Auth::None => None,
            Auth::Basic { user, password } => {
                Some(format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}"))))
            }
            Auth::Bearer(token) => Some(format!("Bearer {token}")),
        };
        Ok(Http { agent, settings, current: AtomicUsize::new(0), authorization })
    }

    pub(super) fn url(&self) -> &str {
        let current = self.current.load(Ordering::Relaxed).checked_rem(self.settings.urls.len());
        let url = self.settings.urls.get(current.unwrap_or_default());
        url.map_or("", |url| url.trim_end_matches('/'))
    }

    pub(super) fn get(&self, path: &str) -> Result<RegistryAnswer, RegistryError> {
        self.persist(&Method::GET, path, "")
    }

    pub(super) fn post(&self, path: &str, body: &Value) -> Result<RegistryAnswer, RegistryError> {
        self.persist(&Method::POST, path, &body.to_string())
    }

    pub(super) fn put(&self, path: &str, body: &Value) -> Result<RegistryAnswer, RegistryError> {
        self.persist(&Method::PUT, path, &body.to_string())
    }

    /// All calls may be repeated: registering a registered schema returns its id. The addresses are tried in turn.
    fn persist(&self, method: &Method, path: &str, body: &str) -> Result<RegistryAnswer, RegistryError> {
        let mut pause = self.settings.first_pause;
        let mut attempt = 1;
        loop {
            let outcome = self.once(method, path, body);
            if outcome.as_ref().is_err_and(RegistryError::is_temporary) {
                self.current.fetch_add(1, Ordering::Relaxed);
            }
            match outcome {
                Err(error) if error.is_temporary() && attempt < self.settings.attempts => {
                    std::thread::sleep(pause);
                    pause = (pause * 2).min(self.settings.longest_pause);
                    attempt += 1;
                }
                outcome => return outcome,
            }
        }
    }

    fn once(&self, method: &Method, path: &str, body: &str) -> Result<RegistryAnswer, RegistryError> {
        let url = format!("{}{path}", self.url());
        let mut request = Request::builder().method(method).uri(&url).header("accept", CONTENT_TYPE);
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization);
        }
        let unusable = |problem: ureq::http::Error| RegistryError::Settings(format!("{url}: {problem}"));
        let answered = if body.is_empty() {
            self.agent.run(request.body(()).map_err(unusable)?)
        } else {
            self.agent.run(request.header("content-type", CONTENT_TYPE).body(body).map_err(unusable)?)
        };
        let mut response = answered.map_err(|error| self.failed(&error))?;
        let status = response.status();
        if is_passing(status) {
            return Err(self.unavailable(format!("status {status}")));
        }
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            return Err(RegistryError::Denied { url: self.url().to_owned(), status: status.as_u16() });
        }
        let text = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_string();
        let text = text.map_err(|error| self.failed(&error))?;
        let json = serde_json::from_str(&text)
            .map_err(|error| self.strange(format!("{path} with status {status} gives no JSON: {error}")))?;
        if status == StatusCode::NOT_FOUND && !is_of_a_registry(&json) {
            return Err(self.strange(format!(
                "there is nothing at {path}; does the address end in the path of the API, as /apis/ccompat/v7 with Apicurio?"
            )));
        }
        Ok(RegistryAnswer { status, json })
    }

    fn unavailable(&self, problem: String) -> RegistryError {
        RegistryError::Unavailable { url: self.url().to_owned(), problem }
    }

    pub(super) fn strange(&self, problem: String) -> RegistryError {
        RegistryError::Strange { url: self.url().to_owned(), problem }
    }

    /// An error without a response. Most are transient network errors.
    fn failed(&self, error: &ureq::Error) -> RegistryError {
        match error {
            ureq::Error::BadUri(_)
            | ureq::Error::Http(_)
            | ureq::Error::Pem(_)
            | ureq::Error::RequireHttpsOnly(_) => RegistryError::Settings(format!("{}: {error}", self.url())),
            ureq::Error::BodyExceedsLimit(_) => self.strange(error.to_string()),
            _ => self.unavailable(error.to_string()),
        }
    }
}

/// Whether the server or a proxy reports overload or rate limiting.
fn is_passing(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS)
}

/// Whether a registry reports an unknown item, rather than another server an unknown page.
fn is_of_a_registry(not_found: &Value) -> bool {
    not_found.get("error_code").and_then(Value::as_u64).is_some_and(|code| (40_400..40_500).contains(&code))
}

fn certificates(pem: &str) -> Result<Vec<ureq::tls::Certificate<'static>>, RegistryError> {
    let unusable =
        |problem: &dyn std::fmt::Display| RegistryError::Settings(format!("the CA file: {problem}"));
    let items = parse_pem(pem.as_bytes()).collect::<Result<Vec<_>, _>>().map_err(|error| unusable(&error))?;
    let found: Vec<_> = items
        .into_iter()
        .filter_map(|item| match item {
            PemItem::Certificate(certificate) => Some(certificate),
            _ => None,
        })
        .collect();
    if found.is_empty() { Err(unusable(&"it has no certificate in PEM form")) } else { Ok(found) }
}

/// A subject as a path segment.
pub(super) fn escaped(subject: &str) -> String {
    let mut escaped = String::with_capacity(subject.len());
    for byte in subject.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_one_part_of_a_path() {
        assert_eq!(escaped("cx.activities-value"), "cx.activities-value");
        assert_eq!(escaped("a/b %é"), "a%2Fb%20%25%C3%A9");
    }
}
