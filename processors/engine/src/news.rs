// SPDX-License-Identifier: Apache-2.0

//! Notifications of processors to downstream processors, within one commit.

use crate::marks::Marks;

/// A notification of a processor to its downstream processors, within one commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) key: Box<[u8]>,
    pub(crate) text: Box<[u8]>,
}

/// An upstream processor: its namespace and its notifications.
#[derive(Clone, Copy)]
pub(crate) struct Leader<'t> {
    pub(crate) name: &'static str,
    pub(crate) namespace: u8,
    pub(crate) said: &'t [Said],
}

/// A notification of an upstream processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Note<'n> {
    /// The sender.
    pub from: &'static str,
    /// The key.
    pub key: &'n [u8],
    /// The content, in the sender's format.
    pub text: &'n [u8],
}

/// Changes since the last commit, for one processor.
pub struct News<'n> {
    pub(crate) marked: &'n Marks,
    pub(crate) leaders: &'n [Leader<'n>],
}

impl<'n> News<'n> {
    /// The keys it marked dirty, sorted and without duplicates.
    pub fn marked(&self) -> impl Iterator<Item = &'n [u8]> {
        self.marked.iter()
    }

    /// The notes of its upstream processors, in their order and in the order of sending.
    pub fn heard(&self) -> impl Iterator<Item = Note<'n>> {
        self.leaders.iter().flat_map(|leader| {
            let note = |said: &'n Said| Note { from: leader.name, key: &said.key, text: &said.text };
            leader.said.iter().map(note)
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.marked.is_empty() && self.leaders.iter().all(|leader| leader.said.is_empty())
    }
}
