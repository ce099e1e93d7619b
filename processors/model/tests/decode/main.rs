// SPDX-License-Identifier: Apache-2.0

//! Decoding of records: the tables of the contract's sections 1 and 2, row by row.

// Always true here: it tells the lints that what helps a test is one too.
#![cfg(test)]

mod actions;
mod actors;
mod agents;
mod dead_letters;
mod facts;
mod fields;
mod forms;
mod identifiers;
mod robustness;
mod support;
