//! Logs to standard error, so that standard output holds only results. Spans go to a collector, if configured.

use std::io::IsTerminal;

use edge::spans;
use opentelemetry_sdk::trace::Tracer;
use tracing_subscriber::filter::{FilterExt, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use crate::cli::{Global, LogFormat};

/// Starts logging with the flags' level; `RUST_LOG` overrides it. Spans go to the tracer only.
pub fn start(global: &Global, tracer: Option<Tracer>) {
    let level = match (global.quiet, global.verbose) {
        (true, _) => "error,librdkafka=off",
        (false, 0) => "info,librdkafka=error,rdkafka=error",
        (false, 1) => "debug,librdkafka=warn,rdkafka=info,hyper=info",
        (false, _) => "trace",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let log = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let log = match global.log_format {
        LogFormat::Json => log.json().boxed(),
        LogFormat::Text => log
            .with_target(false)
            .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none())
            .boxed(),
    };
    let is_span = |target: &str| target == spans::TARGET;
    let lines = log.with_filter(filter.and(filter_fn(move |of| !is_span(of.target()))));
    let sent = tracer.map(|tracer| {
        let layer = tracing_opentelemetry::layer().with_tracer(tracer);
        let layer = layer.with_location(false).with_threads(false).with_tracked_inactivity(false);
        layer.with_filter(filter_fn(move |of| is_span(of.target())))
    });
    if let Err(error) = Registry::default().with(lines).with(sent).try_init() {
        anstream::eprintln!("no log: {error}");
    }
}
