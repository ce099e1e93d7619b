// SPDX-License-Identifier: Apache-2.0

//! The report: one line per check.

use std::io::Write;

use serde::Serialize;

/// The result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// As it should be.
    Ok,
    /// It works, but not as it should, or not for long.
    Warn,
    /// `run` will fail or misbehave.
    Fail,
    /// It could not be checked.
    Skip,
}

impl Status {
    fn word(self) -> &'static str {
        match self {
            Status::Ok => "ok  ",
            Status::Warn => "warn",
            Status::Fail => "FAIL",
            Status::Skip => "skip",
        }
    }
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Its name.
    pub check: String,
    /// Its result.
    pub status: Status,
    /// What was found.
    pub found: String,
    /// The remedy, if one is needed.
    pub remedy: Option<String>,
}

impl Check {
    /// A passed check.
    pub fn ok(check: impl Into<String>, found: impl Into<String>) -> Self {
        Self { check: check.into(), status: Status::Ok, found: found.into(), remedy: None }
    }

    /// A warning.
    pub fn warn(check: impl Into<String>, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { status: Status::Warn, remedy: Some(remedy.into()), ..Self::ok(check, found) }
    }

    /// A failure.
    pub fn fail(check: impl Into<String>, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { status: Status::Fail, remedy: Some(remedy.into()), ..Self::ok(check, found) }
    }

    /// A check that was skipped, with the reason.
    pub fn skip(check: impl Into<String>, why: impl Into<String>) -> Self {
        Self { status: Status::Skip, ..Self::ok(check, why) }
    }

    /// A failure from an error; the remedy is in its text, or this one.
    pub fn error(check: impl Into<String>, error: &anyhow::Error, remedy: &str) -> Self {
        Self::fail(check, format!("{error:#}"), remedy)
    }

    fn line(&self) -> String {
        let Self { check, status, found, remedy } = self;
        // One line per check, whatever the error's text.
        let flat =
            |text: &str| text.lines().map(str::trim).collect::<Vec<_>>().join("; ").replace(":; ", ": ");
        match remedy {
            Some(remedy) => format!("{} {check}: {} -> {}", status.word(), flat(found), flat(remedy)),
            None => format!("{} {check}: {}", status.word(), flat(found)),
        }
    }
}

/// Prints each check as soon as it is made.
pub struct Report {
    as_json: bool,
    worst: Worst,
}

#[derive(Default)]
struct Worst {
    failed: usize,
    warned: usize,
    all: usize,
}

impl Report {
    /// An empty report.
    pub fn new(as_json: bool) -> Self {
        Self { as_json, worst: Worst::default() }
    }

    /// Prints some checks.
    ///
    /// # Errors
    /// Standard output is closed.
    pub fn tell(&mut self, checks: impl IntoIterator<Item = Check>) -> anyhow::Result<()> {
        let mut out = anstream::stdout().lock();
        for check in checks {
            self.worst.all += 1;
            self.worst.failed += usize::from(check.status == Status::Fail);
            self.worst.warned += usize::from(check.status == Status::Warn);
            match self.as_json {
                true => writeln!(out, "{}", serde_json::to_string(&check)?)?,
                false => writeln!(out, "{}", check.line())?,
            }
        }
        out.flush()?;
        Ok(())
    }

    /// Prints the totals; whether nothing failed.
    ///
    /// # Errors
    /// Standard output is closed.
    pub fn end(&self) -> anyhow::Result<bool> {
        let Worst { failed, warned, all } = self.worst;
        if !self.as_json {
            writeln!(anstream::stdout(), "{all} checks: {failed} failed, {warned} with a warning")?;
        }
        Ok(failed == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_is_one_line_with_its_remedy_last() {
        assert_eq!(Check::ok("group", "empty").line(), "ok   group: empty");
        let errors = Check::fail("configuration", "t.yaml cannot be used:\n  a: b\n  c: d", "correct it");
        assert_eq!(errors.line(), "FAIL configuration: t.yaml cannot be used: a: b; c: d -> correct it");
    }

    #[test]
    fn only_what_failed_makes_the_answer_no() {
        let mut report = Report::new(true);
        report.tell([Check::ok("a", "b"), Check::warn("a", "b", "c"), Check::skip("a", "b")]).unwrap();
        assert!(report.end().unwrap());
        report.tell([Check::fail("a", "b", "c")]).unwrap();
        assert!(!report.end().unwrap());
    }
}
