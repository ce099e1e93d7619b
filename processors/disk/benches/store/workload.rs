// SPDX-License-Identifier: Apache-2.0

//! What each store is given to do.

use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Command, id};

use engine::{StateStore, WriteBatch};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use testkit::thread_micros;

use crate::measure::{Busy, file_bytes, peak_memory_mib, report};

const RECORDS_EACH: u64 = 20;
const IN_FLIGHT: u64 = 100;

fn prefix(conversation: u64) -> Vec<u8> {
    let spread = conversation.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    format!("t{spread:016x}-{:06}/", conversation % 1_000_000).into_bytes()
}

pub(crate) fn key(conversation: u64, record: u64) -> Vec<u8> {
    let mut key = prefix(conversation);
    key.extend(format!("{record:010}").bytes());
    key
}

fn value(random: &mut ChaCha8Rng) -> Vec<u8> {
    let length = random.random_range(50..=600);
    let mut value = Vec::with_capacity(length + 8);
    while value.len() < length {
        if random.random() { value.extend(b"\"agent\":") } else { value.extend(random.random::<[u8; 8]>()) }
    }
    value.truncate(length);
    value
}

/// Applies batches, each with the next offset.
struct Applying {
    store: Box<dyn StateStore>,
    offset: i64,
    records: usize,
    busy: Busy,
}

impl Applying {
    fn apply(&mut self, batch: &WriteBatch) {
        self.offset += 1;
        self.busy.call(|| self.store.apply(batch, Some(self.offset)).unwrap());
        self.records += batch.len();
    }

    fn report(&mut self, what: &str) {
        let records = self.records as f64;
        report(what, format!("{:.1}", self.busy.all() / records));
        report(&format!("{what}-caller"), format!("{:.1}", self.busy.caller() / records));
        (self.records, self.busy) = (0, Busy::start());
    }
}

/// Does all of it, and kills this process.
pub(crate) fn fill_and_die(store: Box<dyn StateStore>, directory: &Path, state: u64) -> ! {
    let random = &mut ChaCha8Rng::seed_from_u64(1);
    let mut applying = Applying { store, offset: 0, records: 0, busy: Busy::start() };
    let done = fill(&mut applying, random, state);
    applying.report("fill");
    for (size, rounds) in [(20, 5_000), (500, 400)] {
        for _ in 0..rounds {
            let mut batch = WriteBatch::default();
            while batch.len() < size {
                let conversation = newest_or_any(random, done);
                batch.put(&key(conversation, random.random_range(0..RECORDS_EACH)), &value(random));
            }
            applying.apply(&batch);
        }
        applying.report(&format!("overwrite-{size}"));
    }
    read(&*applying.store, random, done);
    report("memory", peak_memory_mib());
    report("files", file_bytes(directory) >> 20);
    report("applied", applying.offset);
    Command::new("kill").args(["-9", &id().to_string()]).status().unwrap();
    panic!("the process was not killed")
}

/// Conversations one after the other, a hundred at a time. Returns the number of complete ones.
fn fill(applying: &mut Applying, random: &mut ChaCha8Rng, state: u64) -> u64 {
    let mut bytes = 0;
    let mut next = IN_FLIGHT;
    let mut in_flight: Vec<(u64, u64)> = (0..IN_FLIGHT).map(|conversation| (conversation, 0)).collect();
    while bytes < state {
        let mut batch = WriteBatch::default();
        for _ in 0..500 {
            let slot = &mut in_flight[random.random_range(0..IN_FLIGHT as usize)];
            batch.put(&key(slot.0, slot.1), &value(random));
            slot.1 += 1;
            if slot.1 == RECORDS_EACH {
                *slot = (next, 0);
                next += 1;
            }
        }
        bytes += batch.bytes() as u64;
        applying.apply(&batch);
    }
    next - IN_FLIGHT
}

fn newest_or_any(random: &mut ChaCha8Rng, done: u64) -> u64 {
    if random.random_ratio(9, 10) {
        random.random_range(done - done / 20..done)
    } else {
        random.random_range(0..done)
    }
}

fn read(store: &dyn StateStore, random: &mut ChaCha8Rng, done: u64) {
    let some = |random: &mut ChaCha8Rng, from: u64, to: u64, count: usize| -> Vec<Vec<u8>> {
        (0..count).map(|_| key(random.random_range(from..to), random.random_range(0..RECORDS_EACH))).collect()
    };
    let hot = some(random, done - 100, done, 2000);
    hot.iter().for_each(|key| with(store, key));
    timed("read-hot", &hot, 50, |key| with(store, key));
    timed("read-cold", &some(random, 0, done, 10_000), 1, |key| with(store, key));
    timed("read-absent", &some(random, 2 * done, 3 * done, 10_000), 1, |key| with(store, key));
    let prefixes = |random: &mut ChaCha8Rng, from: u64| -> Vec<Vec<u8>> {
        (0..5_000).map(|_| prefix(random.random_range(from..done))).collect()
    };
    timed("scan-hot", &prefixes(random, done - 100), 1, |prefix| scan(store, prefix));
    timed("scan-cold", &prefixes(random, 0), 1, |prefix| scan(store, prefix));
}

fn timed(what: &str, keys: &[Vec<u8>], rounds: usize, mut call: impl FnMut(&[u8])) {
    let began = thread_micros();
    for _ in 0..rounds {
        keys.iter().for_each(|key| call(key));
    }
    report(what, format!("{:.1}", (thread_micros() - began) / (rounds * keys.len()) as f64));
}

fn with(store: &dyn StateStore, key: &[u8]) {
    store
        .with(key, &mut |value| {
            std::hint::black_box(value);
        })
        .unwrap();
}

fn scan(store: &dyn StateStore, prefix: &[u8]) {
    let mut visit = |key: &[u8], value: &[u8]| {
        std::hint::black_box((key, value));
        ControlFlow::Continue(())
    };
    store.scan(prefix, &mut visit).unwrap();
}
