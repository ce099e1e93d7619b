// SPDX-License-Identifier: Apache-2.0

//! A progress line, on a terminal.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::latency::Percentiles;

/// The progress line; nothing when standard error is no terminal.
pub struct ProgressLine(ProgressBar);

impl ProgressLine {
    /// Shows it.
    pub fn new() -> Self {
        if !std::io::stderr().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::new_spinner();
        Self(match ProgressStyle::with_template("{spinner} {elapsed} {msg}") {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        })
    }

    /// Shows the current figures.
    pub fn tell(&self, sent: u64, taken: Option<u64>, latency: Percentiles, begun: Duration) {
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        let rate = sent as f64 / begun.as_secs_f64().max(0.001);
        let taken = taken.map_or(String::new(), |taken| format!(", {taken} taken"));
        let Percentiles { count, p50, p99, .. } = latency;
        self.0.set_message(format!(
            "{sent} events sent ({rate:.0}/s){taken}, {count} activities, p50 {p50:.1} ms, p99 {p99:.1} ms"
        ));
        self.0.tick();
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
