//! What was looked at, and how it is: one line for each check.

use std::io::Write;

use serde::Serialize;

/// How a thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// As it should be.
    Ok,
    /// It works, but not as it should, or not for long.
    Warn,
    /// `run` will not work, or not right.
    Fail,
    /// It could not be looked at.
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

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Which.
    pub check: String,
    /// How it is.
    pub status: Status,
    /// What was found.
    pub found: String,
    /// What to do, where something is to be done.
    pub remedy: Option<String>,
}

impl Check {
    /// As it should be.
    pub fn ok(check: impl Into<String>, found: impl Into<String>) -> Self {
        Self { check: check.into(), status: Status::Ok, found: found.into(), remedy: None }
    }

    /// It works, but something should be done.
    pub fn warn(check: impl Into<String>, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { status: Status::Warn, remedy: Some(remedy.into()), ..Self::ok(check, found) }
    }

    /// It does not work until something is done.
    pub fn fail(check: impl Into<String>, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { status: Status::Fail, remedy: Some(remedy.into()), ..Self::ok(check, found) }
    }

    /// It was not looked at, for this reason.
    pub fn skip(check: impl Into<String>, why: impl Into<String>) -> Self {
        Self { status: Status::Skip, ..Self::ok(check, why) }
    }

    /// What an error says; the remedy is in its words, or this.
    pub fn error(check: impl Into<String>, error: &anyhow::Error, remedy: &str) -> Self {
        Self::fail(check, format!("{error:#}"), remedy)
    }

    fn line(&self) -> String {
        let Self { check, status, found, remedy } = self;
        // A line for each check, whatever errors are made of.
        let flat =
            |text: &str| text.lines().map(str::trim).collect::<Vec<_>>().join("; ").replace(":; ", ": ");
        match remedy {
            Some(remedy) => format!("{} {check}: {} -> {}", status.word(), flat(found), flat(remedy)),
            None => format!("{} {check}: {}", status.word(), flat(found)),
        }
    }
}

/// Tells of each check as soon as it is made.
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
    /// Nothing was looked at yet.
    pub fn new(as_json: bool) -> Self {
        Self { as_json, worst: Worst::default() }
    }

    /// Tells of some.
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

    /// Sums up; whether nothing failed.
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
        assert_eq!(Check::ok("group", "nobody").line(), "ok   group: nobody");
        let errors = Check::fail("configuration", "t.yaml cannot be used:\n  a: b\n  c: d", "mend it");
        assert_eq!(errors.line(), "FAIL configuration: t.yaml cannot be used: a: b; c: d -> mend it");
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
