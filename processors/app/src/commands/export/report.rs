// SPDX-License-Identifier: Apache-2.0

//! What the command prints of each topic.

use export::{Summary, Table, Whole};

/// What has happened to a topic, in one line.
pub fn line(whole: Option<Whole>, summary: &Summary, table: &Table) -> String {
    let Summary { records, rows, days, written, removed, .. } = summary;
    let holds = format!("{} in {}", count(*rows, "row"), count(*days as u64, "day"));
    let files = match (written, removed) {
        (0, 0) => "no file changed".to_owned(),
        (0, removed) => format!("{} removed", count(*removed as u64, "file")),
        (written, 0) => format!("{} written", count(*written as u64, "file")),
        (written, removed) => {
            format!("{} written, {removed} removed", count(*written as u64, "file"))
        }
    };
    let read = match whole {
        Some(_) => count(*records, "record"),
        None => count(*records, "new record"),
    };
    let why = why(whole).map(|why| format!("; read whole: {why}")).unwrap_or_default();
    let days_of = table.time_field().unwrap_or("the record's timestamp");
    format!("{read}; {holds} of {days_of}, {files}{why}")
}

fn why(whole: Option<Whole>) -> Option<String> {
    match whole? {
        Whole::First => None,
        Whole::Missing(day) => Some(format!("the file of {day} is missing")),
        Whole::LongAgo => Some(
            "the last export is longer ago than the topic keeps tombstones (delete.retention.ms)".to_owned(),
        ),
        Whole::Gone(partition) => {
            Some(format!("records of partition {partition} are gone that were not read"))
        }
    }
}

/// A warning about records that are not exported, if there are any.
pub fn left_out(topic: &str, summary: &Summary, table: &Table) -> Option<String> {
    let (partition, offset) = summary.first_unreadable?;
    Some(format!(
        "{topic}: {} not of schema {} and not exported, the first at partition {partition}, offset {offset}: find out what wrote \
         them, `kcat -C -t {topic} -p {partition} -o {offset} -c 1` shows it",
        match summary.unreadable {
            1 => "1 record is".to_owned(),
            number => format!("{number} records are"),
        },
        table.header(),
    ))
}

fn count(number: u64, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use export::Day;

    fn table() -> Table {
        Table::of(avro::Schema::by_name("metrics-window").unwrap()).unwrap()
    }

    #[test]
    fn a_line_says_what_was_read_and_what_is_there() {
        let summary =
            Summary { records: 1, rows: 120, days: 3, written: 2, removed: 1, ..Summary::default() };
        assert_eq!(
            line(None, &summary, &table()),
            "1 new record; 120 rows in 3 days of windowStart, 2 files written, 1 removed"
        );
        let nothing = Summary { rows: 1, days: 1, ..Summary::default() };
        assert_eq!(
            line(None, &nothing, &table()),
            "0 new records; 1 row in 1 day of windowStart, no file changed"
        );
        assert!(left_out("cx.metrics", &summary, &table()).is_none());
    }

    #[test]
    fn a_topic_that_is_read_whole_again_has_the_reason() {
        let why = |whole| line(Some(whole), &Summary::default(), &table());
        assert!(!why(Whole::First).contains("whole"));
        let day = Day::of(1_750_000_000_000).unwrap();
        assert!(why(Whole::Missing(day)).ends_with("read whole: the file of 2025-06-15 is missing"));
        assert!(why(Whole::LongAgo).contains("delete.retention.ms"));
        assert!(why(Whole::Gone(3)).contains("partition 3"));
    }

    #[test]
    fn records_that_are_left_out_are_named_with_their_place_and_nothing_of_their_content() {
        let summary = Summary { unreadable: 2, first_unreadable: Some((1, 17)), ..Summary::default() };
        let warning = left_out("cx.metrics", &summary, &table()).unwrap();
        assert!(warning.starts_with("cx.metrics: 2 records are not of schema metrics-window/2"), "{warning}");
        assert!(warning.contains("partition 1, offset 17: "), "{warning}");
    }
}
