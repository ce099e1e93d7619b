// SPDX-License-Identifier: Apache-2.0

//! `dead-letters list`: one line per letter, never the value; and counts by reason.

use std::collections::BTreeMap;
use std::io::Write;

use anstyle::AnsiColor;
use serde::Serialize;

use super::letter::Letter;
use super::source::Letters;
use crate::cli::Global;
use crate::cli::dead_letters::ListArgs;
use crate::cli::dead_letters::Position;
use crate::config::Config;
use crate::exit::Failure;
use crate::kafka;
use crate::render::text::{color, column, dim, painted, safe, time};
use crate::topics;

/// As many as a person can look through; all are counted.
const LIMIT_FOR_PEOPLE: usize = 1000;

/// Prints the newest selected letters in order.
pub(super) fn run(global: &Global, args: &ListArgs, config: &Config) -> Result<(), Failure> {
    let client = kafka::client(global)?;
    let metadata = topics::reach(&client, global)?;
    let letters = Letters::open(&client, &metadata, config, &[])?;
    let limit = args.limit.unwrap_or(if args.json { usize::MAX } else { LIMIT_FOR_PEOPLE });
    let mut found = Listing::new(limit);
    letters.each(&mut |message| {
        let letter = Letter::of(message);
        if args.choice.takes(&letter) {
            found.take(letter);
        }
        Ok(())
    })?;
    let mut out = anstream::stdout().lock();
    for letter in found.newest.values() {
        if args.json {
            serde_json::to_writer(&mut out, &Line::of(letter))?;
            out.write_all(b"\n")?;
        } else {
            out.write_all(line(letter).as_bytes())?;
        }
    }
    if !args.json {
        out.write_all(found.summary().as_bytes())?;
    }
    Ok(())
}

/// The newest letters, and the counts of all.
struct Listing {
    limit: usize,
    newest: BTreeMap<(Option<i64>, Position), Letter>,
    counts: Counts,
}

/// The number of letters by reason.
#[derive(Debug, Default)]
pub(super) struct Counts(BTreeMap<String, u64>);

impl Counts {
    /// Counts one.
    pub(super) fn take(&mut self, reason: &str) {
        *self.0.entry(reason.to_owned()).or_default() += 1;
    }

    /// The total.
    pub(super) fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// A line per reason, the most frequent first.
    pub(super) fn lines(&self) -> String {
        let mut counts: Vec<(&String, &u64)> = self.0.iter().collect();
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        counts.iter().map(|(reason, count)| format!("  {}{count:>8}\n", column(named(reason), 22))).collect()
    }
}

impl Listing {
    fn new(limit: usize) -> Self {
        Self { limit, newest: BTreeMap::new(), counts: Counts::default() }
    }

    fn take(&mut self, letter: Letter) {
        self.counts.take(&letter.reason);
        self.newest.insert((letter.at_ms, letter.position), letter);
        if self.newest.len() > self.limit {
            self.newest.pop_first();
        }
    }

    fn summary(&self) -> String {
        let (shown, total) = (self.newest.len() as u64, self.counts.total());
        let head = match (shown, total) {
            (_, 0) => "no dead letters".to_owned(),
            (shown, total) if shown < total => {
                format!("{}, the newest {shown} shown (--limit N shows more)", letters(total))
            }
            (_, total) => letters(total),
        };
        format!("{head}\n{}", self.counts.lines())
    }
}

/// A number of dead letters, in words.
pub(super) fn letters(count: u64) -> String {
    if count == 1 { "1 dead letter".to_owned() } else { format!("{count} dead letters") }
}

fn named(reason: &str) -> &str {
    if reason.is_empty() { "(no reason)" } else { reason }
}

fn line(letter: &Letter) -> String {
    format!(
        "{} {} {} {} {}\n",
        painted(dim(), &letter.at_ms.map_or_else(|| column("?", 20), time)),
        painted(color(AnsiColor::Red).bold(), &column(named(&letter.reason), 21)),
        column(&letter.origin(), 20.max(letter.origin().chars().count().min(80))),
        column(&letter.position.to_string(), 9.max(letter.position.to_string().len())),
        safe(&letter.detail, 200)
    )
}

#[derive(Serialize)]
struct Line<'l> {
    position: String,
    at: Option<i64>,
    reason: &'l str,
    topic: Option<&'l str>,
    partition: Option<i32>,
    offset: Option<i64>,
    processor: &'l str,
    detail: &'l str,
}

impl<'l> Line<'l> {
    fn of(letter: &'l Letter) -> Self {
        Self {
            position: letter.position.to_string(),
            at: letter.at_ms,
            reason: &letter.reason,
            topic: letter.topic.as_deref(),
            partition: letter.partition,
            offset: letter.offset,
            processor: &letter.processor,
            detail: &letter.detail,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::dead_letters::letter::tests::letter;
    use crate::render::text::plain;

    fn at(offset: i64, at_ms: i64) -> Letter {
        let position = Position { partition: 3, offset };
        Letter { position, ..letter(if offset == 1 { "no-key" } else { "malformed" }, Some(at_ms)) }
    }

    #[test]
    fn a_line_says_when_why_where_from_and_where_it_lies() {
        assert_eq!(
            plain(&line(&letter("malformed", Some(0)))),
            "1970-01-01 00:00:00Z malformed             cx.events/2@5        3:17      line 1 column 2\n"
        );
    }

    #[test]
    fn a_line_cannot_steer_the_terminal() {
        let letter = Letter { detail: "\u{1b}[2J\n".to_owned(), ..letter("\u{1b}[1m", None) };
        let line = plain(&line(&letter));
        assert!(line.contains("\\u{1b}[2J") && line.contains("\\u{1b}[1m") && line.lines().count() == 1);
    }

    #[test]
    fn the_newest_are_kept_and_all_are_counted() {
        let mut found = Listing::new(2);
        for letter in [at(1, 30), at(2, 10), at(3, 20)] {
            found.take(letter);
        }
        let kept: Vec<i64> = found.newest.values().map(|letter| letter.position.offset).collect();
        assert_eq!(kept, [3, 1]);
        assert_eq!(
            found.summary(),
            "3 dead letters, the newest 2 shown (--limit N shows more)\n  malformed                    2\n  no-key                       1\n"
        );
    }

    #[test]
    fn where_there_is_none_that_is_said() {
        assert_eq!(Listing::new(2).summary(), "no dead letters\n");
    }
}
