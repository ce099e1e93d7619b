// SPDX-License-Identifier: Apache-2.0

//! The flags of `dead-letters`.

use std::fmt;
use std::str::FromStr;

use clap::{Args, Subcommand};
use model::Reason;

use super::instant;

/// `dead-letters list`, `show` and `replay`.
#[derive(Debug, Clone, Subcommand)]
pub enum DeadLettersCommand {
    /// List dead letters one per line, with counts by reason.
    ///
    /// It never prints record values.
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
    /// Print one JSON object, key and value as text.
    ///
    /// {"position","timestamp","topic","key","value","headers"}
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

/// A position in the dead-letter topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The partition.
    pub partition: i32,
    /// The offset.
    pub offset: i64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.partition, self.offset)
    }
}

impl FromStr for Position {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let position = text.split_once(':').and_then(|(partition, offset)| {
            let partition = partition.parse().ok().filter(|partition| *partition >= 0)?;
            let offset = offset.parse().ok().filter(|offset| *offset >= 0)?;
            Some(Position { partition, offset })
        });
        position
            .ok_or_else(|| "write PARTITION:OFFSET as `dead-letters list` prints it, like 3:17".to_owned())
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

    #[test]
    fn an_unknown_reason_is_refused_with_those_that_there_are() {
        let refused = reason("malformd").unwrap_err();
        for known in Reason::ALL {
            assert!(refused.contains(known.as_str()), "{refused}");
            assert_eq!(reason(known.as_str()), Ok(*known));
        }
    }

    #[test]
    fn a_position_is_read_as_it_is_printed() {
        let position = Position { partition: 3, offset: 17 };
        assert_eq!(position.to_string().parse(), Ok(position));
        for other in ["", "3", "3:", ":17", "-1:2", "1:-2", "a:b", "3:17:1"] {
            assert!(other.parse::<Position>().unwrap_err().contains("3:17"), "{other}");
        }
    }
}
