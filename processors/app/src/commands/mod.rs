// SPDX-License-Identifier: Apache-2.0

//! Commands, one module each.

pub mod acls;
pub mod as_of;
mod confirm;
pub mod dead_letters;
pub mod demo;
pub mod erase;
pub mod explain;
pub mod export;
pub mod fold;
pub mod load;
pub mod manual;
pub mod reset;
pub mod run;
pub mod schemas;
pub mod show;
mod spool;
pub mod tail;
pub mod topics;
