// SPDX-License-Identifier: Apache-2.0

//! Scan of a whole conversation from its first entry.

use std::collections::HashMap;

use super::{Amounts, Derived, Entry, Scan, ScanSettings, Standing, What};

/// Scans all entries of a conversation, sorted in the total order. Relations without their target wait and are left out.
/// `visit` receives each of the other entries with its derived fields; `amounts` receives all contributions except the standing
/// ones ([`Scan::standing_amounts`]).
pub(crate) fn scan_all<'e>(
    entries: &[Entry<'e>],
    settings: &ScanSettings,
    visit: &mut dyn FnMut(&Entry<'e>, &Derived),
    amounts: &mut Amounts<'_>,
) -> Scan {
    let firsts = Firsts::of(entries);
    let mut scan = Scan::default();
    for entry in entries {
        if let Some(standing) = firsts.standing(entry) {
            let derived = scan.apply(entry, standing, settings, amounts);
            visit(entry, &derived);
        }
    }
    scan
}

/// The first primary of each activity: event and kind code.
struct Firsts<'e>(HashMap<&'e str, (&'e str, u8)>);

impl<'e> Firsts<'e> {
    fn of(entries: &[Entry<'e>]) -> Self {
        let mut firsts = HashMap::new();
        for entry in entries {
            if let What::Primary { activity_id, kind } = entry.what {
                firsts.entry(activity_id).or_insert((entry.id, kind));
            }
        }
        Self(firsts)
    }

    /// Standing of an entry; `None` for a relation that waits for its target.
    fn standing(&self, entry: &Entry<'_>) -> Option<Standing> {
        match entry.what {
            What::Fact(_) => Some(Standing::Counts),
            What::Relation { target, .. } => self.0.contains_key(target).then_some(Standing::Counts),
            What::Primary { activity_id, kind } => Some(match self.0.get(activity_id) {
                Some((first, first_kind)) if *first != entry.id => Standing::after(*first_kind, kind),
                _ => Standing::Counts,
            }),
        }
    }
}
