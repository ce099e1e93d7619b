// SPDX-License-Identifier: Apache-2.0

//! Key ranges of a span of time, in an index whose keys have a time after a prefix.

use engine::Place;

/// Bytes of a time in a key; big endian, so keys sort by time.
pub(crate) const TIME_BYTES: usize = size_of::<i64>();
/// Bits of the smallest block of keys, in milliseconds: 4.7 hours.
const GRAIN_BITS: u32 = 24;
/// Latest time, after 2100, in epoch milliseconds.
const TIME_MAX: i64 = 4 << 40;
/// 4 of the largest blocks, and of each of the two smaller sizes those before the first and after the last larger one.
#[cfg(test)]
pub(crate) const PLACES_MAX: usize = 4 + 4 * 255;

/// Key ranges of all keys with this prefix and a time in `from..to`, in epoch milliseconds; they include a few others. At most
/// some thousand ranges, whatever the span.
pub(crate) fn places(prefix: &[u8], from: i64, to: i64) -> Vec<Place> {
    let place = |start: i64, shift: u32| {
        let bytes = start.to_be_bytes();
        let kept = TIME_BYTES.saturating_sub(usize::try_from(shift / 8).unwrap_or(0));
        let mut key = prefix.to_vec();
        key.extend_from_slice(bytes.get(..kept).unwrap_or_default());
        Place::Under(key)
    };
    // No time is before the epoch, or after `TIME_MAX`.
    let (mut at, to) = (from.clamp(0, TIME_MAX) >> GRAIN_BITS << GRAIN_BITS, to.clamp(0, TIME_MAX));
    let mut places = Vec::new();
    while at < to {
        // The largest block of keys with a common prefix that begins here and does not extend beyond the end.
        let fits = |shift: &u32| at & ((1 << shift) - 1) == 0 && at + (1 << shift) <= to;
        let shift = [40, 32].into_iter().find(fits).unwrap_or(GRAIN_BITS);
        places.push(place(at, shift));
        at += 1 << shift;
    }
    places
}
