// SPDX-License-Identifier: Apache-2.0

//! A Bloom filter of all keys in a store's tables, in memory: most keys that are looked up are new, and not there.
//!
//! It also has the first part of each key, up to the first slash: in the state, these are the records of one kind of one
//! conversation, so a scan of those looks at the tables only if there are some. Keys that have been removed stay in it until it
//! is built again; that only costs a look at the tables.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::hashed::Seed;

/// Bits of an item: one key in a hundred that is not there looks as if it was.
const ITEM_BITS: usize = 10;
/// Bits that an item sets, all in one block.
const SET_BITS: u32 = 5;
const WORDS: usize = 8;
const BLOCK_BYTES: usize = WORDS * size_of::<u64>();
/// The size of the first layer, and how much larger each next one is. Small in tests, so that there are many.
const FIRST_BYTES: usize = if cfg!(test) { 256 } else { 64 * 1024 };
const GROWTH: usize = 4;
/// With these the last layer has 256 GiB.
const LAYERS: usize = 12;
/// Parts of the golden ratio: distributes a hash over the bits of a block.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// A cache line, so that an item is found with one access to memory.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Block([AtomicU64; WORDS]);

/// A part of the filter. It is full when it has as many items as it is for; the last one takes all that follow.
#[derive(Debug)]
struct Layer {
    blocks: Box<[Block]>,
    items: AtomicUsize,
}

/// The filter. It is shared: the writer of tables adds what the store's reads look for. It grows by layers, so that nothing has
/// to be read again for a larger one.
#[derive(Debug)]
pub(crate) struct Filter {
    layers: [OnceLock<Layer>; LAYERS],
    seed: Seed,
    most_bytes: usize,
    /// The items when the filter was built.
    built: AtomicUsize,
}

impl Layer {
    fn new(bytes: usize) -> Self {
        let blocks = (0..(bytes / BLOCK_BYTES).max(1)).map(|_| Block::default()).collect();
        Self { blocks, items: AtomicUsize::new(0) }
    }

    fn bytes(&self) -> usize {
        self.blocks.len() * BLOCK_BYTES
    }

    fn items(&self) -> usize {
        self.items.load(Ordering::Relaxed)
    }

    fn is_full(&self) -> bool {
        self.items().saturating_mul(ITEM_BITS) / 8 >= self.bytes()
    }

    fn add(&self, hash: u64) {
        let Some(block) = self.block(hash) else { return };
        for (word, bit) in bits(hash) {
            if let Some(word) = block.0.get(word) {
                word.fetch_or(bit, Ordering::Relaxed);
            }
        }
        self.items.fetch_add(1, Ordering::Relaxed);
    }

    fn may_have(&self, hash: u64) -> bool {
        let is_set = |word: &AtomicU64, bit: u64| word.load(Ordering::Relaxed) & bit != 0;
        let has = |block: &Block| {
            bits(hash).all(|(word, bit)| block.0.get(word).is_some_and(|word| is_set(word, bit)))
        };
        self.block(hash).is_none_or(has)
    }

    fn block(&self, hash: u64) -> Option<&Block> {
        // The high bits choose the block.
        let place = (u128::from(hash) * self.blocks.len() as u128) >> 64;
        self.blocks.get(usize::try_from(place).ok()?)
    }
}

impl Filter {
    /// An empty filter for this number of items and more, of at most this many bytes, but for the first layer.
    pub(crate) fn new(seed: Seed, items: usize, most_bytes: usize) -> Self {
        let bytes = items.saturating_mul(ITEM_BITS) / 8;
        let first = Layer::new(bytes.min(most_bytes).max(FIRST_BYTES));
        let mut layers = [const { OnceLock::new() }; LAYERS];
        if let Some(layer) = layers.first_mut() {
            *layer = OnceLock::from(first);
        }
        Self { layers, seed, most_bytes, built: AtomicUsize::new(0) }
    }

    fn layers(&self) -> impl Iterator<Item = &Layer> {
        self.layers.iter().map_while(OnceLock::get)
    }

    /// Adds keys in their order, and their first parts.
    pub(crate) fn adding(&self) -> Adding<'_> {
        Adding { filter: self, part: Vec::new() }
    }

    fn add(&self, hash: u64) {
        if self.may_have(hash) {
            return;
        }
        let Some(last) = self.layers().last() else { return };
        if !last.is_full() {
            return last.add(hash);
        }
        let bytes = (last.bytes() * GROWTH).min(self.most_bytes.saturating_sub(self.bytes()));
        let next = self.layers.iter().find(|layer| layer.get().is_none());
        match next {
            // A layer that is hardly larger than what is full already would help little.
            Some(next) if bytes >= last.bytes() / 2 => next.get_or_init(|| Layer::new(bytes)).add(hash),
            _ => last.add(hash),
        }
    }

    /// Whether an item with this hash may have been added.
    pub(crate) fn may_have(&self, hash: u64) -> bool {
        self.layers().any(|layer| layer.may_have(hash))
    }

    /// Whether keys with this prefix may have been added.
    pub(crate) fn may_have_under(&self, prefix: &[u8]) -> bool {
        first_part(prefix).is_none_or(|part| self.may_have(self.seed.hashed(part).hash))
    }

    pub(crate) fn bytes(&self) -> usize {
        self.layers().map(Layer::bytes).sum()
    }

    fn items(&self) -> usize {
        self.layers().map(Layer::items).sum()
    }

    /// Notes that it has everything that is in the tables.
    pub(crate) fn is_built(&self) {
        self.built.store(self.items(), Ordering::Relaxed);
    }

    /// The number of items for which it should be built again within this size; `None` while it serves well.
    pub(crate) fn outgrown(&self, most_bytes: usize) -> Option<usize> {
        let (items, bytes) = (self.items(), self.bytes());
        // At its largest size, building it again drops the keys that have been removed since.
        let is_overfull = items.saturating_mul(ITEM_BITS) / 8 > self.most_bytes.max(bytes);
        let helps = items / 2 > self.built.load(Ordering::Relaxed) || self.most_bytes < most_bytes / 2;
        let is_too_large = bytes > FIRST_BYTES && bytes / 2 > most_bytes;
        (is_too_large || is_overfull && helps).then_some(items)
    }
}

/// The words and bits of a hash in its block.
fn bits(hash: u64) -> impl Iterator<Item = (usize, u64)> {
    let mixed = hash.wrapping_mul(SPREAD);
    (0..SET_BITS).map(move |number| {
        let nine = (mixed >> (64 - 9 * (number + 1))) & 511;
        ((nine >> 6) as usize & (WORDS - 1), 1 << (nine & 63))
    })
}

/// A key's first part: up to the first slash.
fn first_part(key: &[u8]) -> Option<&[u8]> {
    let slash = key.iter().position(|byte| *byte == b'/')?;
    key.get(..=slash)
}

/// Adds keys to a filter.
pub(crate) struct Adding<'f> {
    filter: &'f Filter,
    /// The first part of the last key.
    part: Vec<u8>,
}

impl Adding<'_> {
    pub(crate) fn add(&mut self, key: &[u8]) {
        let seed = self.filter.seed;
        self.filter.add(seed.hashed(key).hash);
        if let Some(part) = first_part(key)
            && *part != *self.part
        {
            self.filter.add(seed.hashed(part).hash);
            self.part.clear();
            self.part.extend_from_slice(part);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANY: usize = 20_000;

    fn filled(most_bytes: usize) -> Filter {
        let filter = Filter::new(Seed::default(), MANY * 2, most_bytes);
        let mut adding = filter.adding();
        (0..MANY).for_each(|number| adding.add(format!("a{}/{number}", number / 4).as_bytes()));
        filter
    }

    fn wrong(filter: &Filter) -> usize {
        (0..MANY)
            .filter(|number| filter.may_have(filter.seed.hashed(format!("b{number}").as_bytes()).hash))
            .count()
    }

    #[test]
    fn what_was_added_is_there_and_of_what_was_not_little() {
        let filter = filled(usize::MAX);
        for number in 0..MANY {
            let key = format!("a{}/{number}", number / 4);
            assert!(filter.may_have(filter.seed.hashed(key.as_bytes()).hash));
            assert!(filter.may_have_under(key.as_bytes()) && filter.may_have_under(b"a"));
        }
        assert!(wrong(&filter) < MANY / 50, "{}", wrong(&filter));
        let under =
            (0..MANY).filter(|number| filter.may_have_under(format!("c{number}/x").as_bytes())).count();
        assert!(under < MANY / 50, "{under}");
        assert_eq!(filter.outgrown(usize::MAX), None);
    }

    #[test]
    fn a_small_one_is_wrong_more_often_and_is_built_again_if_that_helps() {
        let filter = filled(16 * 1024);
        assert!(wrong(&filter) < MANY / 4, "{}", wrong(&filter));
        assert!(filter.outgrown(usize::MAX).is_some());
        filter.is_built();
        assert_eq!(filter.outgrown(16 * 1024), None);
        assert!(filter.outgrown(usize::MAX).is_some());
    }

    #[test]
    fn it_grows_by_layers_within_its_limit() {
        let of = |most_bytes: usize| {
            let filter = Filter::new(Seed::default(), 0, most_bytes);
            let mut adding = filter.adding();
            (0..MANY).for_each(|number| adding.add(format!("a{}/{number}", number / 4).as_bytes()));
            (0..MANY).for_each(|number| {
                assert!(
                    filter.may_have(filter.seed.hashed(format!("a{}/{number}", number / 4).as_bytes()).hash)
                );
            });
            (wrong(&filter), filter.bytes())
        };
        let (wrong, bytes) = of(1 << 20);
        assert!(wrong < MANY / 15 && bytes > 2 * FIRST_BYTES, "{wrong} {bytes}");
        let (_, bytes) = of(8 * 1024);
        assert!(bytes <= 8 * 1024, "{bytes}");
    }
}
