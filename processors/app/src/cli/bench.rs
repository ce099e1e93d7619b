// SPDX-License-Identifier: Apache-2.0

//! Flags of `bench`.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;

use super::{ADVANCED, duration, replication, size};
use crate::config::units;
use crate::memory;

/// Flags of `bench`.
#[derive(Debug, Clone, Args)]
pub struct BenchArgs {
    /// Events per second; without it, as fast as possible.
    ///
    /// The rate is kept whether or not the pipeline keeps up.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub rate: Option<u32>,
    /// Stop after this number of events.
    #[arg(long, value_name = "N", conflicts_with = "duration", value_parser = clap::value_parser!(u64).range(1..))]
    pub events: Option<u64>,
    /// Stop sending after this time [default: 30s].
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub duration: Option<Duration>,
    /// The size of events: `slim`, `real`, or a minimum in bytes, such as 2000 or 2KiB.
    ///
    /// `slim` is about 0.7 KB, `real` about 6 KB.
    #[arg(long, value_name = "SIZE", default_value = "slim")]
    pub size: EventSize,
    /// How many conversations are active at a time.
    ///
    /// Each is kept in memory until its end.
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub conversations: u32,
    /// The share of events that are delayed, such as 0.05 or 5%.
    #[arg(long, value_name = "SHARE", default_value = "0", value_parser = share)]
    pub late: f64,
    /// The share of events that are duplicated, such as 0.05 or 5%.
    #[arg(long, value_name = "SHARE", default_value = "0", value_parser = share)]
    pub duplicates: f64,
    /// The seed of the conversations; random by default.
    #[arg(long, value_name = "N", help_heading = ADVANCED, hide_short_help = true)]
    pub seed: Option<u64>,
    /// The prefix of the test's topics and group, which are created and deleted at the end.
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "bench.",
        value_parser = prefix,
        conflicts_with = "existing",
        help_heading = ADVANCED,
        hide_short_help = true
    )]
    pub prefix: String,
    /// Send to the input topic of topics.yaml, and measure the running instances.
    ///
    /// Nothing is deleted: the conversations stay in your topics.
    #[arg(long)]
    pub existing: bool,
    /// The replication factor of the test's topics; -1 is the brokers' default.
    #[arg(
        long,
        default_value_t = -1,
        value_name = "N",
        allow_negative_numbers = true,
        value_parser = replication,
        conflicts_with = "existing",
        help_heading = ADVANCED,
        hide_short_help = true
    )]
    pub replication: i32,
    /// Workers of the instance that the test starts.
    #[arg(long, default_value_t = 1, value_name = "N", conflicts_with = "existing", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub workers: u16,
    /// The memory limit of that instance.
    #[arg(long, default_value = memory::DEFAULT, value_name = "SIZE", conflicts_with = "existing", value_parser = size)]
    pub memory: u64,
    /// Give up after this time without new output.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration, help_heading = ADVANCED, hide_short_help = true)]
    pub timeout: Duration,
    /// Also write the report, in Markdown, to this file.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Print the report as one JSON object instead of Markdown.
    #[arg(long)]
    pub json: bool,
}

/// The size of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventSize {
    /// Little more than the fields that are read.
    Slim,
    /// Like real payloads.
    Real,
    /// At least this many bytes.
    Bytes(usize),
}

impl FromStr for EventSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const MOST: usize = 16 << 20;
        let bytes = match text {
            "slim" => return Ok(Self::Slim),
            "real" => return Ok(Self::Real),
            other => other.parse().or_else(|_| units::bytes(other)),
        };
        match bytes {
            Ok(bytes) if (1..=MOST).contains(&bytes) => Ok(Self::Bytes(bytes)),
            _ => Err("write slim, real, or a size up to 16MiB, as 2000 or 2KiB".to_owned()),
        }
    }
}

impl std::fmt::Display for EventSize {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Slim => f.write_str("slim"),
            Self::Real => f.write_str("real"),
            Self::Bytes(bytes) => write!(f, "at least {bytes} bytes"),
        }
    }
}

fn share(text: &str) -> Result<f64, String> {
    let share = match text.strip_suffix('%') {
        Some(percent) => percent.trim_end().parse().map(|percent: f64| percent / 100.0),
        None => text.parse(),
    };
    share
        .ok()
        .filter(|share| (0.0..=1.0).contains(share))
        .ok_or("write a share from 0 to 1, or 0% to 100%".to_owned())
}

fn prefix(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if text.is_empty() || text.len() > 40 || !text.chars().all(allowed) {
        return Err("a prefix is 1 to 40 of the characters a-z A-Z 0-9 . _ -".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_a_word_or_bytes() {
        assert_eq!("slim".parse(), Ok(EventSize::Slim));
        assert_eq!("real".parse(), Ok(EventSize::Real));
        assert_eq!("2000".parse(), Ok(EventSize::Bytes(2000)));
        assert_eq!("2KiB".parse(), Ok(EventSize::Bytes(2048)));
        for other in ["", "0", "large", "17MiB"] {
            assert!(other.parse::<EventSize>().unwrap_err().contains("2KiB"), "{other}");
        }
    }

    #[test]
    fn a_share_is_a_number_or_per_cent() {
        assert_eq!(share("0.05"), share("5%"));
        for other in ["", "2", "-1%", "101%", "NaN", "some"] {
            assert!(share(other).unwrap_err().contains("0 to 1"), "{other}");
        }
    }

    #[test]
    fn a_prefix_is_part_of_a_topics_name_and_never_nothing() {
        assert_eq!(prefix("load-").as_deref(), Ok("load-"));
        for other in ["", "a b", "ä"] {
            assert!(prefix(other).is_err(), "{other:?}");
        }
    }
}
