// SPDX-License-Identifier: Apache-2.0

//! Index of windows by their ends, to find those of a span of time without reading the others.

use engine::Place;
use model::Dimension;

use super::window::{END, END_BYTES, WINDOW, end_key, subject_key};
use crate::spans;
use crate::stored::prefixed;

/// Key ranges of the names of all windows that end in `from..to`, in epoch milliseconds; they include a few others. At most
/// some thousand ranges, whatever the span.
pub(super) fn places_of_ends(namespace: u8, from: i64, to: i64) -> Vec<Place> {
    spans::places(&[namespace, END], from, to)
}

/// Key range of the names of a subject's windows that end at an instant.
pub(super) fn place_of_end(namespace: u8, (dimension, id): (Dimension, &str), end: i64) -> Place {
    let subject = format!("{}/", subject_key(dimension, id));
    Place::Under(prefixed(namespace, &end_key(end, subject.as_bytes())))
}

/// Name and end of a window, by a key in one of these ranges; `None` for any other key.
pub(super) fn ending(key: &[u8]) -> Option<(&str, i64)> {
    let (end, name) = key.strip_prefix(&[END])?.split_first_chunk::<END_BYTES>()?;
    Some((std::str::from_utf8(name).ok()?, i64::from_be_bytes(*end)))
}

/// Key of the window with this name.
pub(super) fn place_of_name(namespace: u8, name: &str) -> Place {
    let mut key = vec![namespace, WINDOW];
    key.extend_from_slice(name.as_bytes());
    Place::Key(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn holds(places: &[Place], end: i64) -> bool {
        let key = prefixed(b'm', &end_key(end, b"queue/q/900000/0"));
        places.iter().filter(|place| key.starts_with(place.first())).count() == 1
    }

    proptest! {
        #[test]
        fn every_end_within_a_span_is_in_one_of_its_places_and_none_that_is_days_away(
            from in 0..4_102_444_800_000_i64,
            length in 0..40_000_000_000_i64,
            offset in 0..40_000_000_000_i64,
        ) {
            let to = from + length;
            let places = places_of_ends(b'm', from, to);
            prop_assert!(places.len() <= spans::PLACES_MAX, "{}", places.len());
            let end = from + offset % length.max(1);
            prop_assert!(length == 0 || holds(&places, end));
            prop_assert!(!holds(&places, from - 18_000_000) && !holds(&places, to + 18_000_000));
        }
    }

    #[test]
    fn all_of_time_is_a_few_places_and_a_day_is_not_many() {
        let all = places_of_ends(b'm', i64::MIN, i64::MAX);
        assert!(all.len() <= 4 && holds(&all, 0) && holds(&all, 4_102_444_800_000), "{all:?}");
        assert!(places_of_ends(b'm', 1_750_000_000_000, 1_750_086_400_000).len() <= 7);
        assert!(places_of_ends(b'm', 5, 5).len() <= 1 && places_of_ends(b'm', 9, 5).len() <= 1);
    }

    #[test]
    fn a_key_of_an_end_says_which_window_it_is_of() {
        let key = end_key(1_750_000_500_000, b"queue/a%2Fb/900000/1750000000000");
        assert_eq!(ending(&key), Some(("queue/a%2Fb/900000/1750000000000", 1_750_000_500_000)));
        assert_eq!(ending(b"wqueue/a/900000/0"), None);
        assert_eq!(ending(&[END, 0, 0]), None);
    }
}
