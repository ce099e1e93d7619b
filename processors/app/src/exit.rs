// SPDX-License-Identifier: Apache-2.0

//! Exit codes: 0 success, 1 failure, 2 wrong usage (contract section 11).

use std::fmt;
use std::process::ExitCode;

/// Why the program ends without success.
#[derive(Debug)]
pub enum Failure {
    /// The command or its configuration is wrong: exit code 2.
    Usage(anyhow::Error),
    /// It did not work: exit code 1.
    Failed(anyhow::Error),
    /// The command ran and its answer is negative; the output explains it: exit code 1.
    No,
}

impl Failure {
    /// Adds a later failure to this one.
    pub fn and(self, other: &Self) -> Self {
        let (Self::Usage(later) | Self::Failed(later)) = other else { return self };
        let later = Causes(later).to_string();
        match self {
            Self::Usage(error) => Self::Usage(anyhow::anyhow!("{}; and then: {later}", Causes(&error))),
            Self::Failed(error) => Self::Failed(anyhow::anyhow!("{}; and then: {later}", Causes(&error))),
            Self::No => Self::No,
        }
    }

    /// A usage error.
    pub fn usage(error: impl Into<anyhow::Error>) -> Self {
        Self::Usage(error.into())
    }
}

/// An error during the work is no usage error.
impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// An error with its causes, in one line.
struct Causes<'e>(&'e anyhow::Error);

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = String::new();
        for cause in self.0.chain() {
            let cause = without_number(cause.to_string());
            // Many library errors repeat their cause in their own text.
            if said.contains(&cause) {
                continue;
            }
            f.write_str(if said.is_empty() { "" } else { ": " })?;
            f.write_str(&cause)?;
            said.push_str(&cause);
        }
        Ok(())
    }
}

/// An error of the system without its number, which says nothing to people: `No such file or directory (os error 2)`.
fn without_number(cause: String) -> String {
    let Some((before, after)) = cause.split_once(" (os error ") else { return cause };
    let Some((_, after)) = after.split_once(')') else { return cause };
    format!("{before}{after}")
}

/// Prints an error as the command line's own errors are printed.
fn print(error: &anyhow::Error) {
    let style = *clap::builder::Styles::styled().get_error();
    anstream::eprintln!("{style}error:{style:#} {}", Causes(error));
}

/// Prints the error, and returns the exit code.
pub fn code(result: Result<(), Failure>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::No) => ExitCode::from(1),
        Err(Failure::Failed(error)) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(Failure::Failed(error)) => {
            print(&error);
            ExitCode::from(1)
        }
        Err(Failure::Usage(error)) => {
            print(&error);
            ExitCode::from(2)
        }
    }
}

/// A closed pipe, as in `cx-timelines tail | head`, is no failure.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_said_in_words_without_numbers() {
        let error = anyhow::Error::from(std::io::Error::from_raw_os_error(2)).context("cannot open x");
        assert_eq!(Causes(&error).to_string(), "cannot open x: No such file or directory");
        assert_eq!(without_number("a (os error 13) b".to_owned()), "a b");
        assert_eq!(without_number("a (os error".to_owned()), "a (os error");
    }

    #[test]
    fn of_two_failures_both_are_told() {
        let first = Failure::usage(anyhow::anyhow!("the first"));
        let Failure::Usage(both) = first.and(&Failure::from(anyhow::anyhow!("the second"))) else {
            panic!("the first one's kind counts")
        };
        assert_eq!(both.to_string(), "the first; and then: the second");
    }
}
