// SPDX-License-Identifier: Apache-2.0

//! A compact form of values for the state and for notes: a byte for its version or type, then all texts of the value, one behind
//! the other, then its numbers, with the texts' lengths among them.
//!
//! Why not postcard, where each text stands among the numbers: there each text has to be checked apart to be UTF-8, which was 7 % of
//! the instructions for an event. Here one check for all of them uses the processor's vectors.

mod reader;
mod writer;

use std::fmt;

use serde::{Deserialize, Serialize};

use reader::Reader;
use writer::Writer;

/// Few values are longer; a longer one reallocates once or twice.
const BYTES_USUAL: usize = 1024;
/// The same for the numbers of a value.
const NUMBERS_USUAL: usize = 128;

/// Why bytes are no value of the wanted type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Problem(&'static str);

impl serde::ser::Error for Problem {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self("the value has no compact form")
    }
}

impl serde::de::Error for Problem {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self("a part of it has a value that it cannot have")
    }
}

/// Writes a value after its first byte.
///
/// # Errors
/// The value's own `Serialize` fails, which that of plain data never does.
pub(crate) fn write(first: u8, value: &impl Serialize) -> Result<Vec<u8>, Problem> {
    let mut out = Vec::with_capacity(BYTES_USUAL);
    out.push(first);
    write_behind(value, &mut out)?;
    Ok(out)
}

/// Appends a value to what is there; [`read`] is given the bytes that are appended.
///
/// # Errors
/// As [`write()`].
pub(crate) fn write_behind(value: &impl Serialize, out: &mut Vec<u8>) -> Result<(), Problem> {
    let mut numbers = Vec::with_capacity(NUMBERS_USUAL);
    value.serialize(&mut Writer { texts: out, numbers: &mut numbers })?;
    let length = numbers.len();
    out.extend_from_slice(&numbers);
    push_length(length, out);
    Ok(())
}

/// Reads a value of what is behind its first byte. The value must use all of it.
///
/// # Errors
/// The bytes are no such value.
pub(crate) fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Problem> {
    let (bytes, length) = pop_length(bytes)?;
    let texts = bytes.len().checked_sub(length).ok_or(Problem("it is too short"))?;
    let (texts, numbers) = bytes.split_at(texts);
    let texts = simdutf8::basic::from_utf8(texts).map_err(|_| Problem("its texts are not UTF-8"))?;
    let mut reader = Reader { texts, numbers };
    let value = T::deserialize(&mut reader)?;
    if reader.texts.is_empty() && reader.numbers.is_empty() {
        Ok(value)
    } else {
        Err(Problem("it has bytes too many"))
    }
}

/// Bits of a number in each byte of a length.
const LENGTH_BITS: u32 = 7;
/// Set in each byte of a length that has another one before it.
const MORE: u8 = 1 << LENGTH_BITS;

/// Appends a length so that it can be read from its end: the last byte has its lowest bits.
fn push_length(length: usize, out: &mut Vec<u8>) {
    let low = u8::try_from(length & 0x7f).unwrap_or_default();
    match length >> LENGTH_BITS {
        0 => out.push(low),
        high => {
            push_length(high, out);
            out.push(low | MORE);
        }
    }
}

/// The bytes before a length at their end, and the length.
fn pop_length(bytes: &[u8]) -> Result<(&[u8], usize), Problem> {
    let (mut rest, mut length, mut shift) = (bytes, 0_usize, 0);
    while let [before @ .., byte] = rest {
        rest = before;
        length |= usize::from(byte & !MORE).checked_shl(shift).ok_or(Problem("its length is too large"))?;
        if byte & MORE == 0 {
            return Ok((rest, length));
        }
        shift += LENGTH_BITS;
    }
    Err(Problem("it is too short"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    enum Kind<'a> {
        Unit,
        Text(&'a str),
        Pair(u8, i64),
        Fields {
            #[serde(borrow)]
            texts: Vec<Option<&'a str>>,
            is_it: bool,
        },
    }

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Whole<'a> {
        #[serde(borrow)]
        kinds: Vec<Kind<'a>>,
        numbers: (u16, u32, u64, i8, i16, i32),
        map: BTreeMap<String, i64>,
        owned: Box<str>,
        none: Option<()>,
        letter: char,
        #[serde(skip)]
        skipped: u8,
    }

    fn kinds() -> impl Strategy<Value = Vec<(u8, Option<String>, i64)>> {
        prop::collection::vec((0..4_u8, prop::option::of(".{0,40}"), any::<i64>()), 0..20)
    }

    fn kind((which, text, number): &(u8, Option<String>, i64)) -> Kind<'_> {
        match which {
            0 => Kind::Unit,
            1 => Kind::Text(text.as_deref().unwrap_or("é")),
            2 => Kind::Pair(*which, *number),
            _ => Kind::Fields { texts: vec![text.as_deref(), None], is_it: *number > 0 },
        }
    }

    proptest! {
        #[test]
        fn what_was_written_reads_back(
            parts in kinds(),
            numbers in any::<(u16, u32, u64, i8, i16, i32)>(),
            map in prop::collection::btree_map(".{0,5}", any::<i64>(), 0..5),
            letter in any::<char>(),
        ) {
            let kinds = parts.iter().map(kind).collect();
            let whole = Whole { kinds, numbers, map, owned: "own".into(), none: None, letter, skipped: 0 };
            let bytes = write(7, &whole).unwrap();
            prop_assert_eq!(bytes[0], 7);
            prop_assert_eq!(read::<Whole<'_>>(&bytes[1..]), Ok(whole));
        }

        /// Whatever the bytes are, reading them ends with a value or a problem.
        #[test]
        fn damaged_bytes_are_no_value_or_another_one(
            parts in kinds(), cut in 0..200_usize, place in 0..200_usize, flip in 1..=255_u8,
        ) {
            let kinds: Vec<Kind<'_>> = parts.iter().map(kind).collect();
            let mut bytes = write(7, &kinds).unwrap();
            if let Some(byte) = bytes.get_mut(place) {
                *byte ^= flip;
            }
            let _ = read::<Vec<Kind<'_>>>(&bytes[1..]);
            bytes.truncate(cut);
            let _ = read::<Vec<Kind<'_>>>(&bytes);
        }

        #[test]
        fn a_length_is_read_from_its_end(length in prop_oneof![0..300_usize, any::<usize>()]) {
            let mut bytes = b"x".to_vec();
            push_length(length, &mut bytes);
            prop_assert_eq!(pop_length(&bytes), Ok((b"x".as_slice(), length)));
        }
    }

    #[test]
    fn bytes_too_many_too_few_and_other_than_text_are_refused_with_what_is_wrong() {
        let bytes = write(7, &("text", 3_u8)).unwrap();
        let refused = |bytes: &[u8]| read::<(&str, u8)>(bytes).unwrap_err().to_string();
        assert_eq!(read::<&str>(&bytes[1..]), Err(Problem("it has bytes too many")));
        assert_eq!(refused(&[]), "it is too short");
        assert_eq!(refused(&bytes[2..bytes.len() - 1]), "it is too short");
        let mut damaged = bytes.clone();
        damaged[1] = 0xff;
        assert_eq!(refused(&damaged[1..]), "its texts are not UTF-8");
    }
}
