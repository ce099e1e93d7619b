// SPDX-License-Identifier: Apache-2.0

//! The buffer that a store changes. Keys under prefixes that are scanned are kept sorted; sorting the others is left to the
//! thread that writes them.

use std::cell::{Cell, RefCell};

use engine::KeyMap;

use crate::buffer::{Before, Buffer, Pair, Placed};
use crate::hashed::Hashed;
use crate::meta::Totals;

/// The overhead of a sorted key.
const SORTED_BYTES: usize = 64;
/// The number of changes that a scan takes at first; then twice as many each time, up to the last.
const FIRST_TAKEN: usize = 2;
const MOST_TAKEN: usize = 64;

const REGION: usize = 2;

/// The places of all keys that begin with the same two bytes (a processor's namespace and a kind of record), sorted.
#[derive(Debug)]
struct Region {
    first: [u8; REGION],
    places: KeyMap<u32>,
    /// Whether the current buffer was scanned here.
    is_scanned: bool,
}

/// A buffer that grows.
#[derive(Debug, Default)]
pub(crate) struct Fresh {
    buffer: Buffer,
    regions: RefCell<Vec<Region>>,
    sorted_memory: Cell<usize>,
}

impl Fresh {
    /// As [`Buffer::get`].
    pub(crate) fn get(&self, key: Hashed<'_>) -> Option<Option<&[u8]>> {
        self.buffer.get(key)
    }

    /// As [`Buffer::set`].
    pub(crate) fn set<K: AsRef<[u8]> + Into<Box<[u8]>>>(
        &mut self,
        key: (K, u64),
        value: Option<Box<[u8]>>,
        before: impl FnOnce(Hashed<'_>) -> Before,
        totals: &mut Totals,
    ) {
        let regions = self.regions.get_mut();
        // Its region, if it has one.
        let region = regions.iter_mut().find(|region| key.0.as_ref().starts_with(&region.first));
        let Some(region) = region else {
            self.buffer.set(key, value, before, totals);
            return;
        };
        let name = key.0.as_ref().to_vec();
        match self.buffer.set(key, value, before, totals) {
            Placed::Added(place) => {
                *self.sorted_memory.get_mut() += name.len() + SORTED_BYTES;
                region.places.insert(&name, place);
            }
            // A scan does not have to pass it: timers are set and removed all the time.
            Placed::Gone => {
                region.places.remove(&name);
            }
            Placed::Changed => {}
        }
    }

    pub(crate) fn memory(&self) -> usize {
        self.buffer.memory() + self.sorted_memory.get()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// Returns the buffer, and begins another one.
    pub(crate) fn seal(&mut self) -> Buffer {
        self.sorted_memory.set(0);
        self.regions.get_mut().retain_mut(|region| {
            region.places.clear();
            std::mem::take(&mut region.is_scanned)
        });
        std::mem::take(&mut self.buffer)
    }

    /// The changes of keys with this prefix that are not before `from`, in order.
    pub(crate) fn under<'b>(&'b self, prefix: &'b [u8], from: &[u8]) -> Under<'b> {
        let mut taken = Vec::new();
        let is_kept = !self.is_empty() && self.keep_in_order(prefix);
        if !is_kept && !self.is_empty() {
            let is_in = |(key, _): &Pair<'_>| key.starts_with(prefix) && *key >= from;
            taken.extend(
                self.buffer.places().filter(|place| self.buffer.at(*place).is_some_and(|pair| is_in(&pair))),
            );
            taken.sort_unstable_by(|one, other| self.buffer.at(*other).cmp(&self.buffer.at(*one)));
        }
        let next = is_kept.then(|| from.to_vec());
        Under { fresh: self, prefix, taken, next, most: FIRST_TAKEN }
    }

    /// Keeps the keys of a prefix's region in order from now on. Returns whether they are: a prefix of one byte has no region.
    fn keep_in_order(&self, prefix: &[u8]) -> bool {
        let Some(first) = prefix.first_chunk::<REGION>() else { return false };
        // A scan within a scan does not borrow longer than this either.
        let Ok(mut regions) = self.regions.try_borrow_mut() else { return false };
        if let Some(region) = regions.iter_mut().find(|region| region.first == *first) {
            region.is_scanned = true;
            return true;
        }
        let mut places = KeyMap::default();
        for place in self.buffer.places() {
            if let Some((key, _)) = self.buffer.at(place).filter(|(key, _)| key.starts_with(first)) {
                self.sorted_memory.set(self.sorted_memory.get() + key.len() + SORTED_BYTES);
                places.insert(key, place);
            }
        }
        regions.push(Region { first: *first, places, is_scanned: true });
        true
    }

    /// Takes places of keys with this prefix, from a key on, last first, into `taken`; returns whether these were all.
    fn take(&self, prefix: &[u8], from: &[u8], most: usize, taken: &mut Vec<u32>) -> bool {
        let regions = self.regions.borrow();
        let Some(region) = regions.iter().find(|region| prefix.starts_with(&region.first)) else {
            return true;
        };
        let places = region.places.from(from).take_while(|(key, _)| key.starts_with(prefix));
        taken.extend(places.map(|(_, place)| *place).take(most));
        taken.reverse();
        taken.len() < most
    }
}

/// Changes under a prefix, in order.
pub(crate) struct Under<'b> {
    fresh: &'b Fresh,
    prefix: &'b [u8],
    /// The next places, last first.
    taken: Vec<u32>,
    /// Where to continue when these are used up; `None` at the end.
    next: Option<Vec<u8>>,
    most: usize,
}

impl<'b> Iterator for Under<'b> {
    type Item = Pair<'b>;

    fn next(&mut self) -> Option<Pair<'b>> {
        if self.taken.is_empty()
            && let Some(mut from) = self.next.take()
        {
            let is_all = self.fresh.take(self.prefix, &from, self.most, &mut self.taken);
            self.most = (self.most * 2).min(MOST_TAKEN);
            if !is_all
                && let Some((last, _)) = self.taken.first().and_then(|place| self.fresh.buffer.at(*place))
            {
                // The first key after the last one.
                from.clear();
                from.extend_from_slice(last);
                from.push(0);
                self.next = Some(from);
            }
        }
        self.taken.pop().and_then(|place| self.fresh.buffer.at(place))
    }
}
