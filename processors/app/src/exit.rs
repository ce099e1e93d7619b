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
            let cause = cause.to_string();
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

/// Prints the error, and returns the exit code.
pub fn code(result: Result<(), Failure>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::No) => ExitCode::from(1),
        Err(Failure::Failed(error)) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(Failure::Failed(error)) => {
            anstream::eprintln!("error: {}", Causes(&error));
            ExitCode::from(1)
        }
        Err(Failure::Usage(error)) => {
            anstream::eprintln!("error: {}", Causes(&error));
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
    fn of_two_failures_both_are_told() {
        let first = Failure::usage(anyhow::anyhow!("the first"));
        let Failure::Usage(both) = first.and(&Failure::from(anyhow::anyhow!("the second"))) else {
            panic!("the first one's kind counts")
        };
        assert_eq!(both.to_string(), "the first; and then: the second");
    }
}
