// SPDX-License-Identifier: Apache-2.0

//! Windows of each configured size.

use std::fmt;

use xxhash_rust::xxh64::Xxh64;

use super::calendar::{Calendar, Unit};

/// A window size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WindowSize {
    /// This number of milliseconds, aligned to the epoch.
    Fixed(i64),
    /// Local days or weeks.
    Calendar(Calendar),
}

impl WindowSize {
    /// Name in keys: the milliseconds, `1d@ZONE` or `7d@ZONE`.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            WindowSize::Fixed(size_ms) => size_ms.to_string(),
            WindowSize::Calendar(calendar) => calendar.name().to_owned(),
        }
    }

    /// Length of its longest window, in milliseconds.
    #[must_use]
    pub fn longest_ms(&self) -> i64 {
        match self {
            WindowSize::Fixed(size_ms) => *size_ms,
            WindowSize::Calendar(calendar) => calendar.longest_ms(),
        }
    }
}

/// All window sizes. Instants of the same grain are in the same windows of every size.
#[derive(Debug, Clone)]
pub(super) struct Grid {
    sizes: Vec<Size>,
    grain_ms: i64,
}

#[derive(Debug, Clone)]
struct Size {
    size: WindowSize,
    name: String,
    shortest_ms: i64,
}

/// A window of any subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Span {
    /// Index of the size.
    pub(super) size: usize,
    pub(super) start: i64,
    /// Its end, exclusive.
    pub(super) end: i64,
}

impl Grid {
    /// Windows of these sizes. Duplicates and sizes that are not positive are ignored.
    pub(super) fn new(sizes: &[WindowSize]) -> Self {
        let mut of: Vec<Size> = sizes.iter().filter_map(Size::of).collect();
        of.sort_by(|one, other| (one.shortest_ms, &one.name).cmp(&(other.shortest_ms, &other.name)));
        of.dedup_by(|one, other| one.name == other.name);
        let grain_ms = of.iter().map(Size::grain_ms).reduce(common).unwrap_or(1).max(1);
        Self { sizes: of, grain_ms }
    }

    /// Number of sizes.
    pub(super) fn count(&self) -> u64 {
        self.sizes.len() as u64
    }

    /// Name of a size in keys.
    pub(super) fn name(&self, size: usize) -> &str {
        self.sizes.get(size).map_or("", |size| &size.name)
    }

    /// First instant of the grain of an instant.
    pub(super) fn grain_of(&self, at: i64) -> i64 {
        at - at.rem_euclid(self.grain_ms)
    }

    /// The windows that contain an instant: one of each size.
    pub(super) fn windows_at(&self, at: i64) -> impl Iterator<Item = Span> {
        self.sizes.iter().enumerate().filter_map(move |(place, size)| size.window_at(place, at))
    }

    /// The windows of all sizes that a span overlaps, each with the overlap: start, end (exclusive).
    pub(super) fn overlaps(&self, from: i64, to: i64) -> impl Iterator<Item = (Span, i64, i64)> {
        self.sizes.iter().enumerate().flat_map(move |(place, size)| {
            let mut at = from;
            std::iter::from_fn(move || {
                let window = size.window_at(place, at).filter(|_| at < to)?;
                let part = (window, at, window.end.min(to));
                at = part.2;
                Some(part)
            })
        })
    }

    /// Maximum number of windows that a span overlaps.
    pub(super) fn count_of(&self, from: i64, to: i64) -> u64 {
        let length = to.saturating_sub(from).max(0);
        let of_size = |size: &Size| (length / size.shortest_ms).unsigned_abs() + 2;
        self.sizes.iter().map(of_size).fold(0, u64::saturating_add)
    }
}

/// The settings that the amounts in windows depend on. It includes a hash of the zones' boundaries: with other boundaries,
/// subtracted contributions would differ from the added ones.
impl fmt::Display for Grid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, size) in self.sizes.iter().enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            match &size.size {
                WindowSize::Fixed(size_ms) => write!(f, "{comma}{size_ms} ms")?,
                WindowSize::Calendar(calendar) => {
                    let mut hash = Xxh64::new(0);
                    calendar.starts().iter().for_each(|start| hash.update(&start.to_le_bytes()));
                    write!(f, "{comma}{}", calendar.name())?;
                    if let Unit::Week(first) = calendar.unit() {
                        write!(f, " from {first}")?;
                    }
                    write!(f, " (boundaries {:016x})", hash.digest())?;
                }
            }
        }
        Ok(())
    }
}

impl Size {
    fn of(size: &WindowSize) -> Option<Self> {
        let shortest_ms = match size {
            WindowSize::Fixed(size_ms) => *size_ms,
            WindowSize::Calendar(calendar) => calendar.shortest_ms(),
        };
        (shortest_ms > 0).then(|| Self { size: size.clone(), name: size.name(), shortest_ms })
    }

    /// Every window boundary is a multiple of this.
    fn grain_ms(&self) -> i64 {
        match &self.size {
            WindowSize::Fixed(size_ms) => *size_ms,
            WindowSize::Calendar(calendar) => calendar.starts().iter().copied().fold(0, common).abs(),
        }
    }

    fn window_at(&self, place: usize, at: i64) -> Option<Span> {
        let (start, end) = match &self.size {
            WindowSize::Fixed(size_ms) => {
                let start = at - at.rem_euclid(*size_ms);
                (start, start.saturating_add(*size_ms))
            }
            WindowSize::Calendar(calendar) => calendar.window_at(at)?,
        };
        Some(Span { size: place, start, end })
    }
}

/// Greatest common divisor.
fn common(one: i64, other: i64) -> i64 {
    if other == 0 { one } else { common(other, one % other) }
}

/// Maximum number of windows that the longest span changes: the cost of one stay.
pub(crate) fn longest_span_windows(longest_span_ms: i64, sizes: &[WindowSize]) -> u64 {
    Grid::new(sizes).count_of(0, longest_span_ms)
}

#[cfg(test)]
pub(super) fn fixed(sizes_ms: &[i64]) -> Grid {
    Grid::new(&sizes_ms.iter().copied().map(WindowSize::Fixed).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(zone: &str) -> WindowSize {
        WindowSize::Calendar(Calendar::new(Unit::Day, zone).unwrap())
    }

    #[test]
    fn what_falls_into_one_grain_falls_into_the_same_windows() {
        let grid = fixed(&[900_000, 600_000, 900_000, 0]);
        assert_eq!((grid.count(), grid.grain_ms), (2, 300_000));
        for at in (0..3_600_000).step_by(1_000) {
            assert!(grid.windows_at(at).eq(grid.windows_at(grid.grain_of(at))), "{at}");
        }
    }

    #[test]
    fn boundaries_of_zones_are_boundaries_of_grains() {
        let grid = Grid::new(&[WindowSize::Fixed(900_000), days("Asia/Kathmandu"), days("America/St_Johns")]);
        assert_eq!((grid.count(), grid.grain_ms), (3, 900_000));
        assert_eq!(
            [grid.name(0), grid.name(1), grid.name(2)],
            ["900000", "1d@America/St_Johns", "1d@Asia/Kathmandu"]
        );
    }

    #[test]
    fn a_span_over_a_change_of_clocks_is_shared_by_the_days_as_they_are() {
        let grid = Grid::new(&[days("Europe/Berlin")]);
        let at = |text| model::parse_time_text(text).unwrap();
        let (from, to) = (at("2025-03-29T22:00:00Z"), at("2025-03-31T00:00:00Z"));
        let hours = grid.overlaps(from, to).map(|(_, from, to)| (to - from) / 3_600_000);
        assert_eq!(hours.collect::<Vec<_>>(), [1, 23, 2]);
        assert!(grid.count_of(from, to) >= 3);
    }

    #[test]
    fn the_settings_name_the_sizes_and_tell_zones_apart_by_their_boundaries() {
        let week = |first| WindowSize::Calendar(Calendar::new(Unit::Week(first), "UTC").unwrap());
        let monday = Grid::new(&[WindowSize::Fixed(1_000), week(chrono::Weekday::Mon)]).to_string();
        assert!(monday.starts_with("1000 ms, 7d@UTC from Mon (boundaries "), "{monday}");
        assert_ne!(monday, Grid::new(&[WindowSize::Fixed(1_000), week(chrono::Weekday::Sun)]).to_string());
    }
}
