//! Exit codes, in one place: 0 done, 1 failed, 2 wrong use (contract section 11).

use std::fmt;
use std::process::ExitCode;

/// Why the program ends without having done what it was asked.
#[derive(Debug)]
pub enum Failure {
    /// The command or its configuration is wrong: exit code 2.
    Usage(anyhow::Error),
    /// It did not work: exit code 1.
    Failed(anyhow::Error),
    /// It worked, and the answer is no; everything is said already: exit code 1.
    No,
}

impl Failure {
    /// Wrong use.
    pub fn usage(error: impl Into<anyhow::Error>) -> Self {
        Self::Usage(error.into())
    }
}

/// What fails in the middle of the work is no wrong use.
impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// One message, with its causes, on standard error.
struct Causes<'e>(&'e anyhow::Error);

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = String::new();
        for cause in self.0.chain() {
            let cause = cause.to_string();
            // Many errors of libraries repeat their cause in their own text.
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

/// Says what went wrong, and gives the exit code.
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

/// `cx-timelines tail | head` is no failure.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
    })
}
