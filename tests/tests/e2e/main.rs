// SPDX-License-Identifier: Apache-2.0

//! The end-to-end tests, in one program: one link, and tests of different files run beside each other. The chaos test is a
//! program of its own, because it measures how soon an instance recovers and needs the machine for itself.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this program is tests, its helpers too"
)]

mod alerts;
mod api;
mod around;
mod arrows;
mod avro;
mod circumstances;
mod compose;
mod dead_letters;
mod doctor;
mod erasure;
mod exactly_once;
mod examples;
mod first_hours;
mod fold_cases;
mod gone;
mod hostile;
mod large_input;
mod load_test;
mod looking;
mod monitoring;
mod own_topics;
mod page;
mod placement;
mod registry;
mod reset;
mod security;
mod states;
mod telemetry;
mod topic_settings;
mod tutorial;
mod wrong_use;
