//! Logs to standard error, so that standard output holds only results. Spans go to a collector, if configured.

use std::io::IsTerminal;

use edge::spans;
use opentelemetry_sdk::trace::Tracer;
use tracing::Subscriber;
use tracing_subscriber::filter::{FilterExt, LevelFilter, filter_fn};
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
    if let Err(error) = subscriber(filter, global.log_format, tracer).try_init() {
        anstream::eprintln!("no log: {error}");
    }
}

/// Each filter states its most verbose level. Without it, tracing asks the filters for each event of any level: rdkafka's trace
/// events, several for each record, then cost 7 % of the pipeline's work.
fn subscriber(
    filter: EnvFilter,
    format: LogFormat,
    tracer: Option<Tracer>,
) -> impl SubscriberInitExt + Subscriber {
    let log = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let log = match format {
        LogFormat::Json => log.json().boxed(),
        LogFormat::Text => log
            .with_target(false)
            .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none())
            .boxed(),
    };
    let is_span = |target: &str| target == spans::TARGET;
    let no_span = filter_fn(move |of| !is_span(of.target())).with_max_level_hint(LevelFilter::TRACE);
    let sent = tracer.map(|tracer| {
        let layer = tracing_opentelemetry::layer().with_tracer(tracer);
        let layer = layer.with_location(false).with_threads(false).with_tracked_inactivity(false);
        layer.with_filter(filter_fn(move |of| is_span(of.target())).with_max_level_hint(spans::LEVEL))
    });
    Registry::default().with(log.with_filter(filter.and(no_span))).with(sent)
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::TracerProvider;
    use opentelemetry_sdk::trace::SdkTracerProvider;

    use super::*;

    #[test]
    fn events_below_the_level_are_skipped_without_asking_the_filters() {
        let level = |filter: &str, tracer| {
            subscriber(EnvFilter::new(filter), LogFormat::Text, tracer).max_level_hint()
        };
        assert_eq!(level("warn,librdkafka=error", None), Some(LevelFilter::WARN));
        assert_eq!(level("trace", None), Some(LevelFilter::TRACE));
        let tracer = SdkTracerProvider::builder().build().tracer("t");
        assert_eq!(level("warn", Some(tracer)), Some(spans::LEVEL), "spans are sent below the log's level");
    }
}
