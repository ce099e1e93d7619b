// SPDX-License-Identifier: Apache-2.0

//! A JSON reader over a complete text: wanted values are read in place, everything else is validated and skipped. Numbers, and
//! strings without escapes, are borrowed from the text.
//!
//! Why not `serde_json`: it passes values by value through every level, so that a document with many wanted fields is moved
//! repeatedly, and values kept as text are read twice. For an event of 0.8 KB that was a third of the pipeline's total cost.
//! Strictness is the same (RFC 8259; the caller sees all of repeated names), and two more things are refused even in skipped
//! values: numbers beyond a double, and lone surrogates (contract section 1).

mod skip;
mod strings;

use std::fmt;

pub(crate) use strings::{BLOCK, Name, Str, plain, special_bytes, special_places};

/// The maximum nesting of arrays and objects: the contract requires 100 levels, and the stack allows more.
const DEPTH_MAX: u8 = 127;
/// A number with up to this many characters and no exponent fits a double.
const SAFE_DIGITS: usize = 300;

/// Why and where a text is not JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoJson {
    what: &'static str,
    at: usize,
}

impl NoJson {
    /// The problem with its position in the text: line and column count from 1, columns in characters.
    pub(crate) fn within(&self, text: &str) -> impl fmt::Display {
        let before = text.get(..self.at).unwrap_or(text);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let what = self.what;
        format!("{what} at line {line} column {column}")
    }
}

/// The text is not JSON. The reader keeps [the reason](Reader::problem), so that results fit into registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refused;

/// A number's text. A double can represent it approximately, but its digits are its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Number<'a> {
    /// The unchanged text.
    pub(crate) text: &'a str,
    /// Whether it has neither a fraction nor an exponent.
    pub(crate) is_integer: bool,
}

/// A value's own text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Verbatim<'a> {
    /// The unchanged text.
    pub(crate) text: &'a str,
    /// Whether it has no whitespace outside of strings.
    pub(crate) is_compact: bool,
}

/// Positioned before or after a value.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    text: &'a str,
    /// The unread rest of the text.
    rest: &'a [u8],
    depth: u8,
    /// The number of whitespace bytes passed.
    blanks: usize,
    /// Why something was refused.
    problem: NoJson,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, rest: text.as_bytes(), depth: 0, blanks: 0, problem: NoJson { what: "", at: 0 } }
    }

    /// Why the text is not JSON, after a refusal.
    pub(crate) fn problem(&self) -> NoJson {
        self.problem
    }

    /// The next byte after whitespace.
    #[inline]
    pub(crate) fn peek(&mut self) -> Result<u8, Refused> {
        self.rest = self.behind_blanks(self.rest)?;
        self.rest.first().copied().ok_or(Refused)
    }

    /// Requires that only whitespace is left.
    pub(crate) fn end(&mut self) -> Result<(), Refused> {
        match self.peek() {
            Ok(_) => Err(self.bad("something comes after the value")),
            Err(_) => Ok(()),
        }
    }

    /// Reads a number whose first character is next.
    pub(crate) fn number(&mut self) -> Result<Number<'a>, Refused> {
        let from = self.rest;
        self.pass(b'-');
        self.rest = match self.rest {
            [b'0', behind @ ..] => behind,
            [b'1'..=b'9', behind @ ..] => behind_digits(behind),
            _ => return Err(self.bad("a digit is missing")),
        };
        let is_integer = !matches!(self.rest, [b'.' | b'e' | b'E', ..]);
        let is_safe = if is_integer { true } else { self.fraction()? };
        let text = self.text_from(from);
        if (!is_safe || text.len() >= SAFE_DIGITS) && !text.parse().is_ok_and(f64::is_finite) {
            return Err(self.bad_before("number out of range", from));
        }
        Ok(Number { text, is_integer })
    }

    /// Reads what follows a number's integer digits. Returns whether it has no exponent.
    fn fraction(&mut self) -> Result<bool, Refused> {
        if self.pass(b'.') {
            self.digits()?;
        }
        let has_exponent = self.pass(b'e') || self.pass(b'E');
        if has_exponent {
            let _ = self.pass(b'+') || self.pass(b'-');
            self.digits()?;
        }
        Ok(!has_exponent)
    }

    /// Reads an object whose brace is next. `field` gets each name and has to read the value.
    #[inline]
    pub(crate) fn object(
        &mut self,
        mut field: impl FnMut(&mut Self, Name<'a>) -> Result<(), Refused>,
    ) -> Result<(), Refused> {
        self.enter()?;
        if self.peek()? == b'}' {
            return self.leave();
        }
        loop {
            let name = self.name()?;
            field(self, name)?;
            match self.peek()? {
                b',' => self.pass_one(),
                b'}' => return self.leave(),
                _ => return Err(self.bad("a comma or a closing brace is missing")),
            }
        }
    }

    /// Reads an array whose bracket is next. `item` has to read each value.
    pub(crate) fn array(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<(), Refused>,
    ) -> Result<(), Refused> {
        self.enter()?;
        if self.peek()? == b']' {
            return self.leave();
        }
        loop {
            item(self)?;
            match self.peek()? {
                b',' => self.pass_one(),
                b']' => return self.leave(),
                _ => return Err(self.bad("a comma or a closing bracket is missing")),
            }
        }
    }

    /// Reads the next value with `read`, and returns its text too.
    pub(crate) fn verbatim<R>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<R, Refused>,
    ) -> Result<(R, Verbatim<'a>), Refused> {
        self.peek()?;
        let (from, blanks) = (self.rest, self.blanks);
        let result = read(self)?;
        Ok((result, Verbatim { text: self.text_from(from), is_compact: self.blanks == blanks }))
    }

    /// The rest after a required byte.
    #[inline(always)]
    fn behind<'r>(&mut self, byte: u8, rest: &'r [u8], missing: &'static str) -> Result<&'r [u8], Refused> {
        match rest {
            [first, behind @ ..] if *first == byte => Ok(behind),
            _ => self.behind_after_blanks(byte, rest, missing),
        }
    }

    /// The same after optional whitespace.
    #[cold]
    fn behind_after_blanks<'r>(
        &mut self,
        byte: u8,
        rest: &'r [u8],
        missing: &'static str,
    ) -> Result<&'r [u8], Refused> {
        match self.passed_blanks(rest)? {
            [first, behind @ ..] if *first == byte => Ok(behind),
            rest => Err(self.bad_before(missing, rest)),
        }
    }

    /// The rest after whitespace, which must not be empty.
    #[inline(always)]
    fn behind_blanks<'r>(&mut self, rest: &'r [u8]) -> Result<&'r [u8], Refused> {
        match rest {
            [b'!'..=0xff, ..] => Ok(rest),
            _ => self.passed_blanks(rest),
        }
    }

    /// The rest after optional whitespace, which may be empty.
    #[cold]
    fn passed_blanks<'r>(&mut self, rest: &'r [u8]) -> Result<&'r [u8], Refused> {
        let length = rest.iter().position(|byte| !matches!(byte, b' ' | b'\n' | b'\t' | b'\r'));
        let Some(length) = length else {
            return Err(self.bad_before("the text ends too early", &[]));
        };
        self.blanks += length;
        Ok(rest.get(length..).unwrap_or_default())
    }

    fn word(&mut self, word: &'static str) -> Result<(), Refused> {
        match self.rest.strip_prefix(word.as_bytes()) {
            Some(behind) => self.rest = behind,
            None => return Err(self.bad("neither true, false nor null")),
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Refused> {
        match self.rest {
            [b'0'..=b'9', behind @ ..] => self.rest = behind_digits(behind),
            _ => return Err(self.bad("a digit is missing")),
        }
        Ok(())
    }

    fn enter(&mut self) -> Result<(), Refused> {
        if self.depth == DEPTH_MAX {
            return Err(self.bad("nested too deeply"));
        }
        self.depth += 1;
        self.pass_one();
        Ok(())
    }

    fn leave(&mut self) -> Result<(), Refused> {
        self.depth = self.depth.saturating_sub(1);
        self.pass_one();
        Ok(())
    }

    fn pass(&mut self, byte: u8) -> bool {
        match self.rest {
            [first, behind @ ..] if *first == byte => {
                self.rest = behind;
                true
            }
            _ => false,
        }
    }

    fn pass_one(&mut self) {
        self.rest = self.rest.get(1..).unwrap_or_default();
    }

    /// The text from `rest` to the current position.
    fn text_from(&self, rest: &[u8]) -> &'a str {
        self.text.get(self.place_of(rest)..self.place_of(self.rest)).unwrap_or_default()
    }

    /// The position of `rest`.
    fn place_of(&self, rest: &[u8]) -> usize {
        self.text.len() - rest.len()
    }

    fn bad(&mut self, what: &'static str) -> Refused {
        self.bad_before(what, self.rest)
    }

    #[cold]
    fn bad_before(&mut self, what: &'static str, rest: &[u8]) -> Refused {
        self.problem = NoJson { what, at: self.place_of(rest) };
        Refused
    }
}

/// The rest after digits.
fn behind_digits(mut rest: &[u8]) -> &[u8] {
    while let [b'0'..=b'9', behind @ ..] = rest {
        rest = behind;
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arbitrary::json;
    use proptest::prelude::*;
    use serde_json::Value;

    fn accepts(text: &str) -> bool {
        let mut reader = Reader::new(text);
        reader.skip().and_then(|()| reader.end()).is_ok()
    }

    /// Reads a text into a value, with the reader only.
    fn value(json: &mut Reader<'_>) -> Result<Value, Refused> {
        Ok(match json.peek()? {
            b'"' => Value::String(json.string()?.to_text().into_owned()),
            b'{' => {
                let mut fields = serde_json::Map::new();
                json.object(|json, name| {
                    let name = String::from_utf8(name.to_bytes().into_owned()).unwrap();
                    fields.insert(name, value(json)?);
                    Ok(())
                })?;
                Value::Object(fields)
            }
            b'[' => {
                let mut items = Vec::new();
                json.array(|json| {
                    items.push(value(json)?);
                    Ok(())
                })?;
                Value::Array(items)
            }
            b'-' | b'0'..=b'9' => json.number()?.text.parse().unwrap(),
            _ => {
                let ((), word) = json.verbatim(Reader::skip)?;
                word.text.parse().unwrap()
            }
        })
    }

    proptest! {
        #[test]
        fn what_serde_json_writes_is_read_the_same(wanted in json(), pretty in any::<bool>()) {
            let text = if pretty { serde_json::to_string_pretty(&wanted) } else { serde_json::to_string(&wanted) };
            let text = text.unwrap();
            let mut reader = Reader::new(&text);
            prop_assert_eq!(value(&mut reader).unwrap(), wanted);
            reader.end().unwrap();
        }

        #[test]
        fn damaged_text_is_refused_where_serde_json_refuses_it(
            json in json(),
            at in any::<prop::sample::Index>(),
            with in "[\\[\\]{}\",:\\\\ud8-9.eE+ntf\u{1}\u{e9} -]{0,3}",
            cut in 0..3_usize,
        ) {
            let chars: Vec<char> = json.to_string().chars().collect();
            let at = at.index(chars.len());
            let text: String =
                chars[..at].iter().copied().chain(with.chars()).chain(chars[at..].iter().skip(cut).copied()).collect();
            prop_assert_eq!(accepts(&text), serde_json::from_str::<Value>(&text).is_ok(), "{}", text);
        }

        #[test]
        fn what_is_skipped_is_checked_as_what_is_read(
            json in json(),
            pretty in any::<bool>(),
            at in any::<prop::sample::Index>(),
            with in "[\\[\\]{}\",:\\\\ud8-9.eE+ntf\u{1}\u{e9} \n-]{0,3}",
            cut in 0..3_usize,
        ) {
            let whole = if pretty { serde_json::to_string_pretty(&json) } else { serde_json::to_string(&json) };
            let chars: Vec<char> = whole.unwrap().chars().collect();
            let at = at.index(chars.len());
            let damaged: String =
                chars[..at].iter().copied().chain(with.chars()).chain(chars[at..].iter().skip(cut).copied()).collect();
            let ended: String = chars[..at].iter().collect();
            for text in [damaged, ended] {
                prop_assert_eq!(outcome(&text, Reader::skip), outcome(&text, |json| read(json)), "{}", text);
            }
        }
    }

    /// Skips a value by reading it as if it were wanted.
    fn read(json: &mut Reader<'_>) -> Result<(), Refused> {
        match json.peek()? {
            b'"' => json.string().map(drop),
            b'{' => json.object(|json, _| read(json)),
            b'[' => json.array(read),
            b'-' | b'0'..=b'9' => json.number().map(drop),
            _ => json.skip(),
        }
    }

    /// The result of skipping a value: the rest and the whitespace passed, or the problem.
    fn outcome<'t>(
        text: &'t str,
        leave: impl FnOnce(&mut Reader<'t>) -> Result<(), Refused>,
    ) -> Result<(usize, usize), NoJson> {
        let mut json = Reader::new(text);
        leave(&mut json).map_err(|Refused| json.problem())?;
        Ok((json.rest.len(), json.blanks))
    }

    #[test]
    fn nesting_is_left_behind_as_deep_as_it_is_read() {
        for depth in 60..135 {
            for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("[ {\"a\" : ", "}\n] ")] {
                let text = format!("{}1{}", open.repeat(depth), close.repeat(depth));
                assert_eq!(outcome(&text, Reader::skip), outcome(&text, |json| read(json)), "{text}");
                let within = format!("[{text}]");
                let skipped = outcome(&within, |json| json.array(Reader::skip));
                assert_eq!(skipped, outcome(&within, |json| read(json)), "{within}");
            }
        }
    }

    #[test]
    fn what_is_refused_is_refused_with_its_place() {
        let said = |text: &str| {
            let mut reader = Reader::new(text);
            reader.skip().and_then(|()| reader.end()).unwrap_err();
            reader.problem().within(text).to_string()
        };
        assert_eq!(said(""), "the text ends too early at line 1 column 1");
        assert_eq!(said("{\"\u{e9}\":\n [1, 2,]}"), "no value begins like this at line 2 column 8");
        assert_eq!(said("[1e999]"), "number out of range at line 1 column 2");
        assert_eq!(said("{} {}"), "something comes after the value at line 1 column 4");
        assert_eq!(said(r#"["\ud800"]"#), "a lone surrogate at line 1 column 3");
        assert_eq!(said("\"\u{1}\""), "a control character that is not escaped at line 1 column 2");
        assert_eq!(said(&"[".repeat(200)), "nested too deeply at line 1 column 128");
    }

    #[test]
    fn a_value_is_given_as_it_stands_and_told_whether_it_is_compact() {
        let mut reader = Reader::new(r#" [1.50,"a b"] "#);
        let ((), as_it_stands) = reader.verbatim(Reader::skip).unwrap();
        assert_eq!(as_it_stands, Verbatim { text: r#"[1.50,"a b"]"#, is_compact: true });
        let ((), with_blanks) = Reader::new("{\"a\": 1}").verbatim(Reader::skip).unwrap();
        assert!(!with_blanks.is_compact);
    }
}
