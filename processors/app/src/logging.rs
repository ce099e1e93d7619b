//! Log lines: to standard error, so that standard output holds only results.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::cli::{Global, LogFormat};

/// Starts logging as the flags say; `RUST_LOG`, where it is set, says it instead.
pub fn start(global: &Global) {
    let level = match (global.quiet, global.verbose) {
        (true, _) => "error,librdkafka=off",
        (false, 0) => "info,librdkafka=error,rdkafka=error",
        (false, 1) => "debug,librdkafka=warn,rdkafka=info,hyper=info",
        (false, _) => "trace",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match global.log_format {
        LogFormat::Json => log.json().try_init(),
        LogFormat::Text => log
            .with_target(false)
            .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none())
            .try_init(),
    };
    if let Err(error) = started {
        anstream::eprintln!("no log: {error}");
    }
}
