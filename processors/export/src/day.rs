// SPDX-License-Identifier: Apache-2.0

//! Days in UTC.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Days, NaiveDate};
use serde::{Deserialize, Serialize};

const FOLDER: &str = "day=";

/// A day in UTC, from year 0 to 9999: in days since 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Day(NaiveDate);

impl Day {
    /// The day of an instant in epoch milliseconds; `None` outside of the years 0 to 9999.
    #[must_use]
    pub fn of(time_ms: i64) -> Option<Self> {
        let date = DateTime::from_timestamp_millis(time_ms)?.date_naive();
        Some(Self(date)).filter(|_| is_of_four_digits(date))
    }

    /// The name of its folder, `day=YYYY-MM-DD`: a partition of a table, as Hive names it.
    #[must_use]
    pub fn folder(self) -> String {
        format!("{FOLDER}{self}")
    }

    /// The day of a folder with this name.
    #[must_use]
    pub fn of_folder(name: &str) -> Option<Self> {
        name.strip_prefix(FOLDER)?.parse().ok()
    }

    /// The number of days since 1970-01-01.
    pub(crate) fn number(self) -> i64 {
        self.0.signed_duration_since(NaiveDate::default()).num_days()
    }

    /// The day with this number.
    pub(crate) fn of_number(number: i64) -> Option<Self> {
        let (epoch, days) = (NaiveDate::default(), Days::new(number.unsigned_abs()));
        let date = if number < 0 { epoch.checked_sub_days(days) } else { epoch.checked_add_days(days) };
        date.filter(|date| is_of_four_digits(*date)).map(Self)
    }
}

fn is_of_four_digits(date: NaiveDate) -> bool {
    use chrono::Datelike as _;
    (0..=9999).contains(&date.year())
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.format("%Y-%m-%d").fmt(f)
    }
}

impl FromStr for Day {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").map_err(|_| format!("{text:?} is no day"))?;
        let day = Self(date);
        // One spelling, so that a day has one folder.
        if day.to_string() == text { Ok(day) } else { Err(format!("{text:?} is no day")) }
    }
}

impl TryFrom<String> for Day {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Day> for String {
    fn from(day: Day) -> Self {
        day.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_day_begins_at_midnight_utc() {
        let midnight = 1_749_945_600_000;
        assert_eq!(Day::of(midnight).unwrap().folder(), "day=2025-06-15");
        assert_eq!(Day::of(midnight - 1).unwrap().folder(), "day=2025-06-14");
        assert_eq!(Day::of(-1).unwrap().to_string(), "1969-12-31");
    }

    #[test]
    fn only_days_of_four_digits_have_a_folder() {
        assert_eq!((Day::of(i64::MAX), Day::of(i64::MIN)), (None, None));
        assert_eq!(Day::of(253_402_300_800_000), None, "the year 10000");
        for name in ["day=2025-6-15", "day=2025-02-30", "day=", "2025-06-15", "day=+2025-06-15"] {
            assert_eq!(Day::of_folder(name), None, "{name}");
        }
    }

    proptest! {
        #[test]
        fn a_day_is_that_of_its_folder_and_of_its_number(time_ms in -62_000_000_000_000_i64..253_402_300_800_000) {
            let day = Day::of(time_ms).unwrap();
            prop_assert_eq!(Day::of_folder(&day.folder()), Some(day));
            prop_assert_eq!(Day::of_number(day.number()), Some(day));
            prop_assert_eq!(day.number(), time_ms.div_euclid(86_400_000));
        }
    }
}
