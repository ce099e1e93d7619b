// SPDX-License-Identifier: Apache-2.0

//! Windows of local days and weeks: from the first instant of a local date to that of another, so their length varies where
//! clocks change (contract section 6).

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use chrono::{Datelike, LocalResult, NaiveDate, NaiveTime, TimeZone, Weekday};
use chrono_tz::Tz;

/// First date of the table of window starts. No event time is outside the table, in any zone.
const FIRST: (i32, u32, u32) = (1999, 12, 1);
const BEHIND: (i32, u32, u32) = (2100, 3, 1);
/// Maximum offset from UTC.
const OFFSET_MS_MAX: i64 = 16 * 60 * 60 * 1000;

/// Length of a calendar window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A day.
    Day,
    /// Seven days, beginning with this day of the week.
    Week(Weekday),
}

/// The windows of a time zone.
#[derive(Clone, PartialEq, Eq)]
pub struct Calendar {
    name: String,
    unit: Unit,
    /// First instant of each window, sorted; the last one is only an end.
    starts: Arc<[i64]>,
}

/// There is no time zone with this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no time zone of the IANA database; write for example Asia/Karachi, Europe/Berlin or UTC, as it is spelled there"
)]
pub struct UnknownZone(pub String);

impl Calendar {
    /// Days or weeks of a zone, by its name in the IANA database (version [`chrono_tz::IANA_TZDB_VERSION`]).
    ///
    /// # Errors
    /// There is no such zone: spell it as the database does.
    pub fn new(unit: Unit, zone: &str) -> Result<Self, UnknownZone> {
        let tz = Tz::from_str(zone).map_err(|_| UnknownZone(zone.to_owned()))?;
        let date = |(year, month, day)| NaiveDate::from_ymd_opt(year, month, day).unwrap_or_default();
        let dates = date(FIRST).iter_days().take_while(|day| *day < date(BEHIND));
        let begins = |day: &NaiveDate| match unit {
            Unit::Day => true,
            Unit::Week(first) => day.weekday() == first,
        };
        let mut starts: Vec<i64> = dates.filter(begins).map(|day| first_instant(tz, day)).collect();
        // A skipped date has no instant.
        starts.dedup();
        let length = match unit {
            Unit::Day => "1d",
            Unit::Week(_) => "7d",
        };
        Ok(Self { name: format!("{length}@{zone}"), unit, starts: starts.into() })
    }

    /// Name of the size in keys: `1d@ZONE` or `7d@ZONE`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Days, or weeks and their first day.
    #[must_use]
    pub fn unit(&self) -> Unit {
        self.unit
    }

    /// Start and end of the window that contains an instant; `None` where no event can be.
    pub(super) fn window_at(&self, at: i64) -> Option<(i64, i64)> {
        let behind = self.starts.partition_point(|start| *start <= at);
        Some((*self.starts.get(behind.checked_sub(1)?)?, *self.starts.get(behind)?))
    }

    /// First instants of all windows.
    pub(super) fn starts(&self) -> &[i64] {
        &self.starts
    }

    fn lengths(&self) -> impl Iterator<Item = i64> {
        self.starts.iter().zip(self.starts.iter().skip(1)).map(|(start, end)| end - start)
    }

    /// Length of the shortest window, in milliseconds.
    #[must_use]
    pub fn shortest_ms(&self) -> i64 {
        self.lengths().min().unwrap_or(1).max(1)
    }

    /// Length of the longest window, in milliseconds.
    #[must_use]
    pub fn longest_ms(&self) -> i64 {
        self.lengths().max().unwrap_or_default()
    }
}

impl fmt::Debug for Calendar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Calendar").field("name", &self.name).field("unit", &self.unit).finish_non_exhaustive()
    }
}

/// The first instant of this local date, or of a later one if it was skipped.
fn first_instant(tz: Tz, day: NaiveDate) -> i64 {
    let midnight = day.and_time(NaiveTime::MIN);
    match tz.from_local_datetime(&midnight) {
        LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => at.timestamp_millis(),
        // Clocks went forward over midnight: the instant of the change.
        LocalResult::None => {
            let midnight_ms = midnight.and_utc().timestamp_millis();
            let is_reached =
                |at: i64| tz.timestamp_millis_opt(at).single().is_some_and(|at| at.date_naive() >= day);
            let (mut before, mut after) = (midnight_ms - OFFSET_MS_MAX, midnight_ms + OFFSET_MS_MAX);
            while after - before > 1 {
                let middle = before + (after - before) / 2;
                if is_reached(middle) { after = middle } else { before = middle }
            }
            after
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::parse_time_text;

    const HOUR_MS: i64 = 3_600_000;

    fn at(text: &str) -> i64 {
        parse_time_text(text).unwrap()
    }

    fn days(zone: &str) -> Calendar {
        Calendar::new(Unit::Day, zone).unwrap()
    }

    fn hours_at(calendar: &Calendar, text: &str) -> (i64, i64) {
        let (start, end) = calendar.window_at(at(text)).unwrap();
        (start, (end - start) / HOUR_MS)
    }

    #[test]
    fn a_day_has_23_hours_where_clocks_go_forward_and_25_where_they_go_back() {
        let berlin = days("Europe/Berlin");
        assert_eq!(hours_at(&berlin, "2025-03-29T12:00:00Z"), (at("2025-03-28T23:00:00Z"), 24));
        assert_eq!(hours_at(&berlin, "2025-03-30T12:00:00Z"), (at("2025-03-29T23:00:00Z"), 23));
        assert_eq!(hours_at(&berlin, "2025-03-31T12:00:00Z"), (at("2025-03-30T22:00:00Z"), 24));
        assert_eq!(hours_at(&berlin, "2025-10-26T12:00:00Z"), (at("2025-10-25T22:00:00Z"), 25));
        assert_eq!((berlin.shortest_ms(), berlin.longest_ms()), (23 * HOUR_MS, 25 * HOUR_MS));
    }

    #[test]
    fn a_day_without_a_midnight_begins_when_clocks_go_forward_over_it() {
        let sao_paulo = days("America/Sao_Paulo");
        assert_eq!(hours_at(&sao_paulo, "2018-11-04T12:00:00Z"), (at("2018-11-04T03:00:00Z"), 23));
    }

    #[test]
    fn a_day_whose_midnight_comes_twice_begins_with_the_first_one() {
        // At 00:01 clocks went back to 23:01 of the day before.
        let newfoundland = days("America/St_Johns");
        assert_eq!(hours_at(&newfoundland, "2010-11-07T12:00:00Z"), (at("2010-11-07T02:30:00Z"), 25));
    }

    #[test]
    fn a_date_that_was_skipped_has_no_window() {
        // Samoa went over the date line.
        let apia = days("Pacific/Apia");
        assert_eq!(hours_at(&apia, "2011-12-30T09:59:59Z"), (at("2011-12-29T10:00:00Z"), 24));
        assert_eq!(hours_at(&apia, "2011-12-30T10:00:00Z"), (at("2011-12-30T10:00:00Z"), 24));
    }

    #[test]
    fn a_week_begins_with_its_first_day_in_its_zone() {
        let week = |first, zone| Calendar::new(Unit::Week(first), zone).unwrap();
        let berlin = week(Weekday::Mon, "Europe/Berlin");
        assert_eq!(berlin.name(), "7d@Europe/Berlin");
        assert_eq!(hours_at(&berlin, "2025-03-30T12:00:00Z"), (at("2025-03-23T23:00:00Z"), 7 * 24 - 1));
        assert_eq!(hours_at(&berlin, "2025-10-26T12:00:00Z"), (at("2025-10-19T22:00:00Z"), 7 * 24 + 1));
        let karachi = week(Weekday::Sun, "Asia/Karachi");
        assert_eq!(hours_at(&karachi, "2025-03-30T12:00:00Z"), (at("2025-03-29T19:00:00Z"), 7 * 24));
    }

    #[test]
    fn windows_of_each_zone_follow_on_one_another_over_all_times_of_events() {
        for tz in chrono_tz::TZ_VARIANTS.iter().step_by(23) {
            let calendar = days(tz.name());
            assert!(calendar.lengths().all(|length| length > 0 && length < 49 * HOUR_MS), "{tz}");
            assert!(
                calendar.window_at(model::AT_MIN).is_some() && calendar.window_at(model::AT_MAX).is_some()
            );
        }
    }

    #[test]
    fn another_zone_is_unknown() {
        assert!(Calendar::new(Unit::Day, "Europe/Atlantis").is_err());
        assert!(Calendar::new(Unit::Day, "").is_err());
    }
}
