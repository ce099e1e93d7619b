// SPDX-License-Identifier: Apache-2.0

//! Strings: scanned sixteen bytes at a time, validated, and unescaped only on request.

use std::borrow::Cow;

use wide::u8x16;

use super::{Reader, Refused};

/// The number of bytes that the processor compares at once.
pub(crate) const BLOCK: usize = 16;
const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// A validated string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Str<'a> {
    /// Without escapes.
    Plain(&'a str),
    /// With escapes, as written.
    Escaped(&'a str),
}

impl<'a> Str<'a> {
    /// The unescaped string.
    pub(crate) fn to_text(self) -> Cow<'a, str> {
        match self {
            Str::Plain(text) => Cow::Borrowed(text),
            Str::Escaped(text) => Cow::Owned(unescape(text)),
        }
    }
}

/// A validated field name. It is compared as bytes: validating it as text would cost more than everything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Name<'a> {
    /// Without escapes.
    Plain(&'a [u8]),
    /// With escapes, as written.
    Escaped(&'a str),
}

impl<'a> Name<'a> {
    /// The name's bytes.
    pub(crate) fn to_bytes(self) -> Cow<'a, [u8]> {
        match self {
            Name::Plain(bytes) => Cow::Borrowed(bytes),
            Name::Escaped(text) => Cow::Owned(unescape(text).into_bytes()),
        }
    }
}

impl<'a> Reader<'a> {
    /// Reads a string whose quote is next.
    #[inline(always)]
    pub(crate) fn string(&mut self) -> Result<Str<'a>, Refused> {
        let inside = self.rest.get(1..).unwrap_or_default();
        let end = behind_plain(inside);
        if let [b'"', behind @ ..] = end {
            self.rest = behind;
            let text = self.text.get(self.place_of(inside)..self.place_of(end)).unwrap_or_default();
            return Ok(Str::Plain(text));
        }
        self.escaped(inside, end).map(Str::Escaped)
    }

    /// Reads a field's name and colon.
    #[inline(always)]
    pub(super) fn name(&mut self) -> Result<Name<'a>, Refused> {
        let inside = self.behind(b'"', self.rest, "a field's name is missing")?;
        let end = behind_plain(inside);
        let (name, behind) = if let [b'"', behind @ ..] = end {
            (Name::Plain(inside.get(..inside.len() - end.len()).unwrap_or_default()), behind)
        } else {
            (Name::Escaped(self.escaped(inside, end)?), self.rest)
        };
        self.rest = self.behind(b':', behind, "a colon is missing")?;
        Ok(name)
    }

    /// The rest after a field's name and its colon.
    #[inline(always)]
    pub(super) fn behind_name<'r>(&mut self, rest: &'r [u8]) -> Result<&'r [u8], Refused> {
        let inside = self.behind(b'"', rest, "a field's name is missing")?;
        let behind = self.behind_string(inside)?;
        self.behind(b':', behind, "a colon is missing")
    }

    /// The rest after a string, from after its opening quote.
    #[inline(always)]
    pub(super) fn behind_string<'r>(&mut self, inside: &'r [u8]) -> Result<&'r [u8], Refused> {
        match behind_plain(inside) {
            [b'"', behind @ ..] => Ok(behind),
            end => self.behind_escapes(end),
        }
    }

    /// The content of a string as written, with an escape or an error at `end`; skips it.
    #[cold]
    fn escaped(&mut self, inside: &'a [u8], end: &'a [u8]) -> Result<&'a str, Refused> {
        self.rest = self.behind_escapes(end)?;
        let to = self.place_of(self.rest) - 1;
        Ok(self.text.get(self.place_of(inside)..to).unwrap_or_default())
    }

    /// The rest after a string, from a position inside.
    #[cold]
    fn behind_escapes<'r>(&mut self, mut inside: &'r [u8]) -> Result<&'r [u8], Refused> {
        loop {
            inside = behind_plain(inside);
            match inside {
                [b'"', behind @ ..] => return Ok(behind),
                [b'\\', ..] => {
                    let escape = self.text.get(self.place_of(inside)..).unwrap_or_default();
                    let (_, length) = unescaped(escape).map_err(|what| self.bad_before(what, inside))?;
                    inside = inside.get(length..).unwrap_or_default();
                }
                [_, ..] => return Err(self.bad_before("a control character that is not escaped", inside)),
                [] => return Err(self.bad_before("the text ends within a string", inside)),
            }
        }
    }
}

/// The position of the first quote, backslash or control character from a position on; the end if there is none.
pub(crate) fn plain(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    let (blocks, _) = rest.as_chunks::<BLOCK>();
    let mut from = at;
    for block in blocks {
        let special = special_places(*block);
        if special != 0 {
            return from + special.trailing_zeros() as usize;
        }
        from += BLOCK;
    }
    // The rest is checked together with the end of the last whole block, which has no special byte.
    match rest.last_chunk::<BLOCK>() {
        Some(last) => {
            let special = special_places(*last);
            let length = if special == 0 { BLOCK } else { special.trailing_zeros() as usize };
            bytes.len() - BLOCK + length
        }
        None => bytes.len() - behind_last_plain(rest).len(),
    }
}

/// The rest from the first quote, backslash or control character on.
#[inline(always)]
fn behind_plain(mut rest: &[u8]) -> &[u8] {
    while let Some(block) = rest.first_chunk::<BLOCK>() {
        let special = special_places(*block);
        if special != 0 {
            return rest.get(special.trailing_zeros() as usize..).unwrap_or_default();
        }
        rest = rest.get(BLOCK..).unwrap_or_default();
    }
    behind_last_plain(rest)
}

/// The same for less than a block, near the end of the text.
fn behind_last_plain(mut rest: &[u8]) -> &[u8] {
    if let Some(eight) = rest.first_chunk::<8>() {
        let special = special_bytes(u64::from_le_bytes(*eight));
        let length = if special == 0 { 8 } else { (special.trailing_zeros() / 8) as usize };
        rest = rest.get(length..).unwrap_or_default();
    }
    while let [b' '..=b'!' | b'#'..=b'[' | b']'..=0xff, behind @ ..] = rest {
        rest = behind;
    }
    rest
}

/// A bit for each byte that is a quote, a backslash or a control character; the lowest for the first byte. With its second
/// lowest bit flipped, a quote directly follows the control characters, which stay a range.
#[inline(always)]
pub(crate) fn special_places(block: [u8; BLOCK]) -> u32 {
    let bytes = u8x16::new(block);
    let changed = bytes ^ u8x16::splat(2);
    let quotes_and_controls = changed.min(u8x16::splat(b'"' ^ 2)).simd_eq(changed);
    let backslashes = bytes.simd_eq(u8x16::splat(b'\\'));
    (quotes_and_controls | backslashes).to_bitmask()
}

/// Sets the highest bit of the lowest byte that is a quote, a backslash or a control character; higher bytes are undefined.
/// Subtracting 1 from a byte borrows if it is 0, so after exclusive or with a value, equal bytes are found.
#[inline(always)]
pub(crate) fn special_bytes(eight: u64) -> u64 {
    let is_zero = |bytes: u64| bytes.wrapping_sub(LOW) & !bytes;
    let quotes = is_zero(eight ^ (LOW * 0x22));
    let backslashes = is_zero(eight ^ (LOW * 0x5c));
    let controls = eight.wrapping_sub(LOW * 0x20) & !eight;
    (quotes | backslashes | controls) & HIGH
}

/// The character of an escape, and its length. `text` begins with a backslash.
fn unescaped(text: &str) -> Result<(char, usize), &'static str> {
    let simple = match text.as_bytes().get(1) {
        Some(b'"') => '"',
        Some(b'\\') => '\\',
        Some(b'/') => '/',
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return coded(text),
        _ => return Err("no such escape"),
    };
    Ok((simple, 2))
}

/// `\uXXXX`, or a surrogate pair.
fn coded(text: &str) -> Result<(char, usize), &'static str> {
    let first = code(text.get(2..6))?;
    let (character, length) = match first {
        0xD800..=0xDBFF if text.get(6..8) == Some("\\u") => {
            let second = code(text.get(8..12))?;
            let is_low = (0xDC00..=0xDFFF).contains(&second);
            (is_low.then(|| 0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00)), 12)
        }
        first => (Some(first), 6),
    };
    // A surrogate alone is no character.
    character.and_then(char::from_u32).map(|character| (character, length)).ok_or("a lone surrogate")
}

fn code(digits: Option<&str>) -> Result<u32, &'static str> {
    let digits = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    digits
        .and_then(|digits| u32::from_str_radix(digits, 16).ok())
        .ok_or("four hexadecimal digits are missing")
}

/// Unescapes a validated string.
fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        plain.push_str(before);
        let Ok((character, length)) = unescaped(escape) else { break };
        plain.push(character);
        rest = escape.get(length..).unwrap_or_default();
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_special_byte_is_found_wherever_it_stands() {
        for special in ['"', '\\', '\u{0}', '\u{1f}', '\n'] {
            for before in 0..40 {
                for (fill, width) in [("x", 1), ("!", 1), ("\u{7f}", 1), ("\u{e9}", 2), ("\u{ff}", 2)] {
                    let text = format!("{}{special}\"tail of it", fill.repeat(before));
                    assert_eq!(plain(text.as_bytes(), 0), before * width, "{text:?}");
                }
            }
        }
        assert_eq!(plain("no special byte in here".as_bytes(), 2), 23);
    }

    #[test]
    fn escapes_stand_for_what_they_stand_for() {
        let text = r#""a\n\u00e9\ud83d\ude00\/" and more"#;
        let mut reader = Reader::new(text);
        assert_eq!(reader.string().unwrap().to_text(), "a\n\u{e9}\u{1f600}/");
        assert_eq!(reader.rest, b" and more");
        let problem = |text: &str| {
            let mut reader = Reader::new(text);
            reader.string().unwrap_err();
            (reader.problem.what, reader.problem.at)
        };
        assert_eq!(problem(r#""ab\x""#), ("no such escape", 3));
        assert_eq!(problem(r#""\u12g4""#), ("four hexadecimal digits are missing", 1));
        assert_eq!(problem(r#""\u+123""#), ("four hexadecimal digits are missing", 1));
        assert_eq!(problem(r#""\ude00""#), ("a lone surrogate", 1));
        assert_eq!(problem(r#""\ud83d\u0041""#), ("a lone surrogate", 1));
        assert_eq!(problem("\"ab"), ("the text ends within a string", 3));
    }
}
