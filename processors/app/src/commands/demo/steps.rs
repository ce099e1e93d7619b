// SPDX-License-Identifier: Apache-2.0

//! Steps that take seconds: on a terminal one line that changes, with the time so far; else a line for each step.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// The interval at which the time on the line changes.
const TICK: Duration = Duration::from_millis(100);

/// The line of the steps.
pub(super) struct Steps {
    line: Option<ProgressBar>,
    begun: Instant,
}

impl Steps {
    /// Shows nothing yet.
    pub(super) fn begin() -> Self {
        let line = std::io::stderr().is_terminal().then(|| {
            let line = ProgressBar::new_spinner();
            line.enable_steady_tick(TICK);
            match ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
                Ok(style) => line.with_style(style),
                Err(_) => line,
            }
        });
        Self { line, begun: Instant::now() }
    }

    /// A step begins.
    pub(super) fn say(&self, step: &str) {
        match &self.line {
            Some(line) => line.set_message(step.to_owned()),
            None => anstream::eprintln!("{step}"),
        }
    }

    /// Removes the line; returns the time that the steps took.
    pub(super) fn clear(&self) -> Duration {
        if let Some(line) = &self.line {
            line.finish_and_clear();
        }
        self.begun.elapsed()
    }
}

impl Drop for Steps {
    /// An error is not written into the line.
    fn drop(&mut self) {
        self.clear();
    }
}
