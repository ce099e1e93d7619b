// SPDX-License-Identifier: Apache-2.0

//! Commands, one module each.

pub mod acls;
pub mod as_of;
pub mod bridge;
mod confirm;
pub mod dead_letters;
pub mod demo;
pub mod erase;
pub mod explain;
pub mod export;
pub mod fold;
pub mod generate;
pub mod load;
pub mod manual;
pub mod reset;
mod rights;
pub mod run;
pub mod schemas;
pub mod show;
mod spool;
mod strimzi;
pub mod tail;
pub mod topics;
