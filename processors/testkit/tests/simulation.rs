// SPDX-License-Identifier: Apache-2.0

//! Thousands of simulated runs with all faults; and the defects that the simulation finds. More runs: `cargo run --release -p
//! testkit -- --seeds N`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this file is a test, its helpers too"
)]

use std::collections::BTreeSet;

use testkit::sim::{Counts, Defect, Fault, Options, add_counts, simulate};

/// The number of runs of the first test.
const SEEDS: u64 = 2_000;
/// The number of runs within which every defect is found; most take ten.
const SEEDS_FOR_A_DEFECT: u64 = 10_000;

fn runs(seeds: impl Iterator<Item = u64>) -> Counts {
    let mut all = Counts::new();
    for seed in seeds {
        match simulate(seed, Options::default()) {
            Ok(report) => add_counts(&mut all, &report.faults),
            Err(failure) => panic!("{failure}\n\nreplay: cargo run -p testkit -- --seed {seed} --trace"),
        }
    }
    all
}

#[test]
fn whatever_goes_wrong_the_outputs_are_those_of_a_direct_fold() {
    let (even, odd) = std::thread::scope(|scope| {
        let even = scope.spawn(|| runs((0..SEEDS).step_by(2)));
        let odd = scope.spawn(|| runs((1..SEEDS).step_by(2)));
        (even.join(), odd.join())
    });
    let (even, odd) =
        (even.expect("the even seeds keep all rules"), odd.expect("the odd seeds keep all rules"));
    let happened: BTreeSet<Fault> = even.keys().chain(odd.keys()).copied().collect();
    let missing: Vec<Fault> = Fault::COMMON.into_iter().filter(|fault| !happened.contains(fault)).collect();
    assert!(missing.is_empty(), "{missing:?} never happened, so nothing was proved of it");
}

#[test]
fn what_is_wrong_on_purpose_is_found() {
    for defect in Defect::ALL {
        let options = Options { defect: Some(defect), ..Options::default() };
        let found = (0..SEEDS_FOR_A_DEFECT).find(|seed| simulate(*seed, options).is_err());
        assert!(found.is_some(), "{} is not found", defect.as_str());
    }
}

#[test]
fn a_seed_is_one_run_and_no_other() {
    let run = |seed, trace| simulate(seed, Options { trace, defect: None }).expect("all rules are kept");
    let hashes: BTreeSet<u64> = (0..20).map(|seed| run(seed, false).hash).collect();
    assert_eq!(hashes.len(), 20, "another seed is another run");
    for seed in 0..20 {
        let (first, second) = (run(seed, true), run(seed, true));
        assert_eq!(first.lines, second.lines);
        assert_eq!(first.hash, run(seed, false).hash, "to look changes nothing");
    }
}
