// SPDX-License-Identifier: Apache-2.0

//! Tests of the whole scan: the contract's cases, its rules one by one, and properties of any conversation.

mod build;
mod cases;
mod properties;
mod rules;
mod windows;

use super::{Amount, Derived, Entry, Scan, ScanSettings, scan_all};
use windows::Windows;

/// All results of scanning a conversation.
struct Whole<'e> {
    scan: Scan,
    entries: Vec<(Entry<'e>, Derived)>,
    windows: Windows,
}

/// Scans a conversation's entries in any order.
fn whole<'e>(mut entries: Vec<Entry<'e>>) -> Whole<'e> {
    entries.sort_by_key(Entry::order);
    let mut visited = Vec::new();
    let mut windows = Windows::default();
    let mut add = |amount: Amount<'_>| windows.add(&amount);
    let mut visit = |entry: &Entry<'e>, derived: &Derived| visited.push((*entry, derived.clone()));
    let scan = scan_all(&entries, &ScanSettings::default(), &mut visit, &mut add);
    Whole { scan, entries: visited, windows }
}
