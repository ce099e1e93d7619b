// SPDX-License-Identifier: Apache-2.0

//! Where JSON is written to.
//!
//! Room for a text and what surrounds it is made at once, as zeros that are then replaced: appending each piece to a vector would
//! check its capacity and call for a copy each time.

use crate::reader::{BLOCK, plain, special_bytes, special_places};

/// Zeros that are made beyond what is needed now.
const AHEAD: usize = 512;
const HALF: usize = BLOCK / 2;
const QUARTER: usize = BLOCK / 4;

/// What is written, and room behind it.
pub(super) struct Buffer<'o> {
    bytes: &'o mut Vec<u8>,
    /// Number of bytes that are written; the rest are zeros.
    used: usize,
}

impl<'o> Buffer<'o> {
    /// Writes behind what is there.
    pub(super) fn behind(bytes: &'o mut Vec<u8>) -> Self {
        let used = bytes.len();
        Self { bytes, used }
    }

    /// Removes the room that was not used.
    pub(super) fn finish(self) {
        self.bytes.truncate(self.used);
    }

    #[inline(always)]
    fn room(&mut self, wanted: usize) -> &mut [u8] {
        if self.bytes.len() - self.used < wanted {
            self.make_room(wanted);
        }
        self.bytes.get_mut(self.used..).unwrap_or_default()
    }

    #[cold]
    #[inline(never)]
    fn make_room(&mut self, wanted: usize) {
        let (least, capacity) = (self.used + wanted, self.bytes.capacity());
        // No more than the vector has room for, if that is enough.
        let length = if least <= capacity { capacity.min(least + AHEAD) } else { least + AHEAD };
        self.bytes.resize(length, 0);
    }

    /// Inlined, so that constant text is stored directly.
    #[inline(always)]
    pub(super) fn push(&mut self, text: &[u8]) {
        if let Some(place) = self.room(text.len()).get_mut(..text.len()) {
            place.copy_from_slice(text);
            self.used += text.len();
        }
    }

    #[inline(always)]
    pub(super) fn byte(&mut self, byte: u8) {
        self.push(&[byte]);
    }

    /// A byte, then a field's name, which has no special byte, and its colon. Inlined, so that the compiler knows its length.
    #[inline(always)]
    pub(super) fn field(&mut self, before: u8, name: &'static str) {
        let length = name.len() + 4;
        if let Some(place) = self.room(length).get_mut(..length)
            && let [first, open, inside @ .., close, colon] = place
        {
            (*first, *open, *close, *colon) = (before, b'"', b'"', b':');
            inside.copy_from_slice(name.as_bytes());
            self.used += length;
        }
    }

    /// A string, with escapes where it needs them.
    pub(super) fn string(&mut self, text: &str) {
        let length = text.len() + 2;
        if let Some(place) = self.room(length).get_mut(..length)
            && let [open, inside @ .., close] = place
        {
            (*open, *close) = (b'"', b'"');
            if copy_plain(text.as_bytes(), inside) {
                self.used += length;
            } else {
                self.escaped(text);
            }
        }
    }

    #[cold]
    fn escaped(&mut self, text: &str) {
        self.byte(b'"');
        let bytes = text.as_bytes();
        let mut from = 0;
        loop {
            let at = plain(bytes, from);
            self.push(bytes.get(from..at).unwrap_or_default());
            let Some(special) = bytes.get(at) else { break };
            self.escape(*special);
            from = at + 1;
        }
        self.byte(b'"');
    }

    fn escape(&mut self, byte: u8) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let letter = match byte {
            b'"' | b'\\' => byte,
            8 => b'b',
            b'\t' => b't',
            b'\n' => b'n',
            12 => b'f',
            b'\r' => b'r',
            byte => {
                let digit = |value: u8| DIGITS.get(usize::from(value)).copied().unwrap_or_default();
                self.push(b"\\u00");
                return self.push(&[digit(byte >> 4), digit(byte & 15)]);
            }
        };
        self.push(&[b'\\', letter]);
    }

    /// Where the next byte goes, for [`quote_number`](Self::quote_number).
    pub(super) fn place(&self) -> usize {
        self.used
    }

    /// Puts what was written from a place on into quotes, unless it is a string.
    pub(super) fn quote_number(&mut self, from: usize) {
        if self.bytes.get(from) != Some(&b'"') {
            self.bytes.insert(from, b'"');
            self.used += 1;
            self.byte(b'"');
        }
    }
}

/// Copies a text of as many bytes in blocks, the rest together with the end of the last whole block; `false` if a byte of it has
/// to be escaped.
#[inline(always)]
fn copy_plain(from: &[u8], to: &mut [u8]) -> bool {
    let (blocks, rest) = from.as_chunks::<BLOCK>();
    let mut special = 0;
    for (block, place) in blocks.iter().zip(to.as_chunks_mut::<BLOCK>().0) {
        *place = *block;
        special |= special_places(*block);
    }
    if rest.is_empty() {
        return special == 0;
    }
    if let (Some(last), Some(place)) = (from.last_chunk(), to.last_chunk_mut()) {
        *place = *last;
        return (special | special_places(*last)) == 0;
    }
    copy_less(from, to)
}

/// The same for less than a block.
#[inline(always)]
fn copy_less(from: &[u8], to: &mut [u8]) -> bool {
    if let (Some(first), Some(last)) = (from.first_chunk::<HALF>(), from.last_chunk::<HALF>()) {
        if let Some(place) = to.first_chunk_mut() {
            *place = *first;
        }
        if let Some(place) = to.last_chunk_mut() {
            *place = *last;
        }
        return (special_bytes(u64::from_le_bytes(*first)) | special_bytes(u64::from_le_bytes(*last))) == 0;
    }
    if let (Some(first), Some(last)) = (from.first_chunk::<QUARTER>(), from.last_chunk::<QUARTER>()) {
        if let Some(place) = to.first_chunk_mut() {
            *place = *first;
        }
        if let Some(place) = to.last_chunk_mut() {
            *place = *last;
        }
        let both = u64::from(u32::from_le_bytes(*first)) << u32::BITS | u64::from(u32::from_le_bytes(*last));
        return special_bytes(both) == 0;
    }
    for (byte, place) in from.iter().zip(to) {
        *place = *byte;
    }
    from.iter().all(|byte| matches!(byte, b' '..=b'!' | b'#'..=b'[' | b']'..))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn strings_of_every_length_are_written_as_serde_json_writes_them(
            text in prop_oneof!["[a-z]{0,50}", "[\"\\\\\u{0}-\u{ff}]{0,50}", "[a-z]{0,20}[\n\"\\\\é][a-z]{0,20}"],
            before in 0..600_usize,
        ) {
            let mut out = vec![b'x'; before];
            let mut buffer = Buffer::behind(&mut out);
            buffer.string(&text);
            buffer.byte(b'.');
            buffer.finish();
            let expected = format!("{}{}.", "x".repeat(before), serde_json::to_string(&text).unwrap());
            prop_assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}
