// SPDX-License-Identifier: Apache-2.0

//! Exports spans to a collector, if configured: OTLP over HTTP with protobuf, using the schema registry's HTTP client, so that
//! there is one TLS implementation and one certificate store. OpenTelemetry's standard variables configure the rest
//! (`OTEL_SERVICE_NAME`, `OTEL_TRACES_SAMPLER`, `OTEL_BSP_…`, `OTEL_EXPORTER_OTLP_HEADERS`, …).

use std::pin::Pin;
use std::time::Duration;

use anyhow::Context;
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracerProvider, Tracer};
use ureq::tls::{RootCerts, TlsConfig, TlsProvider};

use crate::cli::Command;

const NAME: &str = "cx-timelines";
/// OpenTelemetry's path for traces.
const PATH: &str = "/v1/traces";
const TRACES_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
const TIMEOUTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"];
const TIMEOUT: Duration = Duration::from_secs(10);
const ANSWER_BYTES_MAX: u64 = 1 << 20;
/// How long shutdown waits for the collector; spans not sent by then are lost.
const FAREWELL: Duration = Duration::from_millis(500);

/// The span exporter. Dropping it sends the remaining spans.
pub struct Telemetry {
    provider: SdkTracerProvider,
}

impl Telemetry {
    /// Starts the exporter, if a collector is configured and the command is long-running.
    ///
    /// # Errors
    /// The collector's address is invalid.
    pub fn start(command: &Command) -> anyhow::Result<Option<Self>> {
        let Command::Run(args) = command else { return Ok(None) };
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let is_off = variable("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"))
            || variable("OTEL_TRACES_EXPORTER").is_some_and(|value| value == "none");
        let Some(endpoint) = endpoint(args.otlp_endpoint.as_deref(), variable(TRACES_ENDPOINT)) else {
            return Ok(None);
        };
        if is_off {
            return Ok(None);
        }
        let timeout = TIMEOUTS.iter().find_map(|name| variable(name)?.parse().ok());
        let client = Client::new(timeout.map_or(TIMEOUT, Duration::from_millis));
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(client)
            .with_endpoint(endpoint.as_str())
            .build()
            .with_context(|| format!("no spans can be sent to {endpoint}"))?;
        let is_named = variable("OTEL_SERVICE_NAME").is_some()
            || variable("OTEL_RESOURCE_ATTRIBUTES").is_some_and(|all| all.contains("service.name="));
        let resource =
            Resource::builder().with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
        let resource = if is_named { resource } else { resource.with_service_name(NAME) };
        let provider = SdkTracerProvider::builder()
            .with_resource(resource.build())
            .with_batch_exporter(exporter)
            .build();
        Ok(Some(Self { provider }))
    }

    /// Creates spans.
    pub fn tracer(&self) -> Tracer {
        self.provider.tracer(NAME)
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Err(error) = self.provider.shutdown_with_timeout(FAREWELL) {
            tracing::debug!(%error, "the last spans were not sent");
        }
    }
}

/// The traces endpoint: the variable for traces is a complete URL, the flag and the variable for all signals lack the path.
fn endpoint(base: Option<&str>, of_traces: Option<String>) -> Option<String> {
    of_traces.or_else(|| Some(format!("{}{PATH}", base?.trim_end_matches('/'))))
}

/// The HTTP client. It blocks only the exporter's thread.
#[derive(Debug)]
struct Client(ureq::Agent);

impl Client {
    fn new(timeout: Duration) -> Self {
        let tls = TlsConfig::builder()
            .provider(TlsProvider::NativeTls)
            .root_certs(RootCerts::PlatformVerifier)
            .build();
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(timeout))
            .http_status_as_error(false)
            .user_agent(NAME)
            .tls_config(tls)
            .build()
            .new_agent();
        Self(agent)
    }

    fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (head, body) = request.into_parts();
        let mut answer = self.0.run(Request::from_parts(head, body.as_ref()))?;
        let body = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec()?;
        Ok(Response::builder().status(answer.status()).body(Bytes::from(body))?)
    }
}

type ResponseFuture<'a> = Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'a>>;

impl HttpClient for Client {
    fn send_bytes<'s, 'a>(&'s self, request: Request<Bytes>) -> ResponseFuture<'a>
    where
        's: 'a,
        Self: 'a,
    {
        Box::pin(std::future::ready(self.send(request)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_go_to_their_own_address_or_to_their_path_at_the_collector_s() {
        assert_eq!(endpoint(None, None), None);
        assert_eq!(endpoint(Some("http://c:4318/"), None).as_deref(), Some("http://c:4318/v1/traces"));
        let own = Some("http://d/traces".to_owned());
        assert_eq!(endpoint(Some("http://c:4318"), own.clone()), own);
        assert_eq!(endpoint(None, own.clone()), own);
    }
}
