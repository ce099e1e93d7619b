// SPDX-License-Identifier: Apache-2.0

//! Logs to standard error, so that standard output holds only results. Spans go to a collector, if configured.

use std::io::IsTerminal;

use edge::spans;
use opentelemetry_sdk::trace::Tracer;
use tracing::Subscriber;
use tracing_subscriber::filter::{Directive, FilterExt, LevelFilter, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
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
    let begun = match tracer {
        None => lines(filter, global.log_format).try_init(),
        Some(tracer) => lines_and_spans(filter, global.log_format, tracer).try_init(),
    };
    if let Err(error) = begun {
        anstream::eprintln!("no log: {error}");
    }
}

/// Log lines alone. One filter for all has the log's level, below which tracing asks nothing. A filter for each layer has none as
/// soon as one of them judges by the target: then rdkafka's trace events, several for each record, cost 7 % of the pipeline's work.
fn lines(filter: EnvFilter, format: LogFormat) -> impl Subscriber {
    let no_spans = format!("{}={}", spans::TARGET, LevelFilter::OFF).parse::<Directive>();
    // The target is a constant, so the directive can be parsed.
    let filter = match no_spans {
        Ok(no_spans) => filter.add_directive(no_spans),
        Err(_) => filter,
    };
    Registry::default().with(filter).with(log(format))
}

/// Log lines, and spans for the tracer alone.
fn lines_and_spans(filter: EnvFilter, format: LogFormat, tracer: Tracer) -> impl Subscriber {
    let is_span = |target: &str| target == spans::TARGET;
    let lines = log(format).with_filter(filter.and(filter_fn(move |of| !is_span(of.target()))));
    let layer = tracing_opentelemetry::layer().with_tracer(tracer);
    let layer = layer.with_location(false).with_threads(false).with_tracked_inactivity(false);
    Registry::default().with(lines).with(layer.with_filter(filter_fn(move |of| is_span(of.target()))))
}

fn log<S>(format: LogFormat) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'s> LookupSpan<'s>,
{
    let log = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    match format {
        LogFormat::Json => log.json().boxed(),
        LogFormat::Text => log
            .with_target(false)
            .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none())
            .boxed(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_below_the_level_are_skipped_without_asking_the_filter() {
        let level = |filter: &str| lines(EnvFilter::new(filter), LogFormat::Text).max_level_hint();
        assert_eq!(level("warn,librdkafka=error"), Some(LevelFilter::WARN));
        assert_eq!(level("info,librdkafka=error,rdkafka=error"), Some(LevelFilter::INFO));
        assert_eq!(level("trace"), Some(LevelFilter::TRACE));
    }

    #[test]
    fn without_a_tracer_there_are_no_spans() {
        tracing::subscriber::with_default(lines(EnvFilter::new("trace"), LogFormat::Text), || {
            assert!(tracing::info_span!(target: spans::TARGET, "commit").is_disabled());
            assert!(!tracing::info_span!("another").is_disabled());
        });
    }
}
