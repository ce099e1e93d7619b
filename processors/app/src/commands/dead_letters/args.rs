//! The flags of `dead-letters`.

use clap::{Args, Subcommand};
use model::Reason;

use super::Position;
use super::letter::Letter;
use crate::cli::instant;

/// `dead-letters list`, `show` and `replay`.
#[derive(Debug, Clone, Subcommand)]
pub enum DeadLettersCommand {
    /// List dead letters one per line, with counts by reason. Never prints record values.
    List(ListArgs),
    /// Show one dead letter: reason, headers, key and value.
    Show(LetterArgs),
    /// Send dead letters back to their topics, each once.
    Replay(ReplayArgs),
}

/// Which dead letters.
#[derive(Debug, Clone, Default, Args)]
pub struct Choice {
    /// Only this reason; may be given several times.
    #[arg(long = "reason", value_name = "REASON", value_parser = reason)]
    pub reasons: Vec<Reason>,
    /// Only dead letters from this time on: RFC 3339, or epoch milliseconds.
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub from: Option<i64>,
    /// Only dead letters before this time.
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub to: Option<i64>,
}

/// Flags of `dead-letters list`.
#[derive(Debug, Clone, Args)]
pub struct ListArgs {
    /// The selection.
    #[command(flatten)]
    pub choice: Choice,
    /// Only the newest; default 1000, or all with --json. All are counted.
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Print one JSON object each, and no counts.
    #[arg(long)]
    pub json: bool,
}

/// Flags of `dead-letters show`.
#[derive(Debug, Clone, Args)]
pub struct LetterArgs {
    /// Its position in the dead-letter topic, as `list` prints it.
    #[arg(value_name = "PARTITION:OFFSET")]
    pub position: Position,
    /// Print {"position","timestamp","topic","key","value","headers"}, key and value as text.
    #[arg(long)]
    pub json: bool,
}

/// Flags of `dead-letters replay`.
#[derive(Debug, Clone, Args)]
pub struct ReplayArgs {
    /// Positions, as `list` prints them; without any, all that the flags select.
    #[arg(value_name = "PARTITION:OFFSET")]
    pub positions: Vec<Position>,
    /// The selection.
    #[command(flatten)]
    pub choice: Choice,
    /// Only print what would be sent, and where.
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask for confirmation.
    #[arg(short, long)]
    pub yes: bool,
    /// Also send dead letters that were sent back before.
    #[arg(long)]
    pub again: bool,
}

impl Choice {
    /// Whether it is selected.
    pub fn takes(&self, letter: &Letter) -> bool {
        let is_of_reason =
            self.reasons.is_empty() || self.reasons.iter().any(|r| r.as_str() == letter.reason);
        let is_in_time = match letter.at_ms {
            Some(at) => self.from.is_none_or(|from| from <= at) && self.to.is_none_or(|to| at < to),
            // A letter without a time is in no range.
            None => self.from.is_none() && self.to.is_none(),
        };
        is_of_reason && is_in_time
    }
}

fn reason(text: &str) -> Result<Reason, String> {
    Reason::ALL.iter().copied().find(|reason| reason.as_str() == text).ok_or_else(|| {
        let all: Vec<&str> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
        format!("there is no such reason; there are: {}", all.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::dead_letters::letter::tests::letter;

    #[test]
    fn an_unknown_reason_is_refused_with_those_that_there_are() {
        let refused = reason("malformd").unwrap_err();
        for known in Reason::ALL {
            assert!(refused.contains(known.as_str()), "{refused}");
            assert_eq!(reason(known.as_str()), Ok(*known));
        }
    }

    #[test]
    fn without_flags_every_letter_is_chosen() {
        assert!(Choice::default().takes(&letter("malformed", Some(5))));
        assert!(Choice::default().takes(&letter("a-reason-of-the-future", None)));
    }

    #[test]
    fn any_of_the_reasons_will_do() {
        let choice = Choice { reasons: vec![Reason::Malformed, Reason::NoKey], ..Choice::default() };
        assert!(choice.takes(&letter("no-key", None)) && choice.takes(&letter("malformed", None)));
        assert!(!choice.takes(&letter("erased", None)));
    }

    #[test]
    fn from_is_inside_and_to_is_not() {
        let choice = Choice { from: Some(10), to: Some(20), ..Choice::default() };
        let taken = [9, 10, 19, 20].map(|at| choice.takes(&letter("malformed", Some(at))));
        assert_eq!(taken, [false, true, true, false]);
        assert!(!choice.takes(&letter("malformed", None)), "it says no time");
    }
}
