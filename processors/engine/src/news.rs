//! What processors say to those that follow them, within one commit.

use crate::marks::Marks;

/// Something that a processor says to those that follow it, within one commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) key: Box<[u8]>,
    pub(crate) text: Box<[u8]>,
}

/// A processor that another one follows: where its state lies, and what it said.
#[derive(Clone, Copy)]
pub(crate) struct Leader<'t> {
    pub(crate) name: &'static str,
    pub(crate) namespace: u8,
    pub(crate) said: &'t [Said],
}

/// One thing that a followed processor said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Note<'n> {
    /// Who said it.
    pub from: &'static str,
    /// About which key.
    pub key: &'n [u8],
    /// What; its form is the speaker's.
    pub text: &'n [u8],
}

/// What has happened since the last commit, for one processor.
pub struct News<'n> {
    pub(crate) marked: &'n Marks,
    pub(crate) leaders: &'n [Leader<'n>],
}

impl<'n> News<'n> {
    /// The keys that it marked, in the order of their bytes, each once.
    pub fn marked(&self) -> impl Iterator<Item = &'n [u8]> {
        self.marked.iter()
    }

    /// What the processors that it follows said, in their order and in the order in which they said it.
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
