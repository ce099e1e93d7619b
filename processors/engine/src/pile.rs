// SPDX-License-Identifier: Apache-2.0

//! Many short texts that are kept until the commit.
//!
//! They lie in chunks of growing size. Allocating each would cost as much as writing it, and one vector for all would be copied
//! each time it grows.

use std::ops::Range;

/// Capacity of the first chunk; each has twice that of the one before it, up to the last.
const CHUNK_MIN: usize = 4 << 10;
const CHUNK_MAX: usize = 64 << 10;
/// A chunk with less room takes no more texts. A longer text makes its chunk grow.
const ROOM: usize = 1 << 10;

/// The texts.
#[derive(Debug, Default, Clone)]
pub(crate) struct Pile {
    chunks: Vec<Vec<u8>>,
    bytes: usize,
}

/// Where a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Piece {
    chunk: usize,
    from: usize,
    to: usize,
}

impl Pile {
    /// Adds what `write` appends.
    pub(crate) fn add(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Piece {
        let has_room = self.chunks.last().is_some_and(|chunk| chunk.capacity() - chunk.len() >= ROOM);
        if !has_room {
            let capacity = CHUNK_MIN << self.chunks.len().min(16);
            self.chunks.push(Vec::with_capacity(capacity.min(CHUNK_MAX)));
        }
        let chunk = self.chunks.len() - 1;
        let (mut from, mut to) = (0, 0);
        if let Some(last) = self.chunks.last_mut() {
            from = last.len();
            write(last);
            to = last.len();
        }
        self.bytes += to - from;
        Piece { chunk, from, to }
    }

    /// A text that was added.
    pub(crate) fn get(&self, piece: Piece) -> &[u8] {
        self.part(piece, 0..piece.to - piece.from)
    }

    /// A part of a text that was added.
    pub(crate) fn part(&self, piece: Piece, part: Range<usize>) -> &[u8] {
        let range = piece.from + part.start..piece.from + part.end;
        self.chunks.get(piece.chunk).and_then(|chunk| chunk.get(range)).unwrap_or_default()
    }

    /// Size of the texts in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_all_lengths_are_found_again() {
        let mut pile = Pile::default();
        let text = |number: usize| vec![u8::try_from(number % 251).unwrap(); number * 7 % 3_000];
        let pieces: Vec<Piece> =
            (0..2_000).map(|number| pile.add(|out| out.extend_from_slice(&text(number)))).collect();
        for (number, piece) in pieces.iter().enumerate() {
            assert_eq!(pile.get(*piece), text(number));
        }
        assert_eq!(pile.bytes(), (0..2_000).map(|number| text(number).len()).sum::<usize>());
        let piece = pile.add(|out| out.extend_from_slice(b"abc"));
        assert_eq!(pile.part(piece, 1..2), b"b");
    }
}
