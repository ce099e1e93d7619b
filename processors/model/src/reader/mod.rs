//! A reader of JSON text that has its whole text at hand: what is wanted is read in place, everything else is checked and
//! left behind. Strings without escapes and numbers are given as they stand in the text.
//!
//! Why not `serde_json`: its values come up by value through every level, and a document of many wanted fields is moved again
//! and again; what is to be kept as text is read twice there. For an event of 0.8 KB that was a third of all that the pipeline
//! did. Strictness is the same (RFC 8259; of a repeated name the caller sees all), and two things more are refused wherever they
//! stand, be they skipped: numbers that no double can hold, and lone surrogates (contract section 1).

mod strings;

use std::fmt;

pub(crate) use strings::{Str, plain};

/// How deep arrays and objects may be nested: the contract asks for 100 levels, the stack bears more.
const DEPTH_MAX: u8 = 127;
/// No number of so few characters is beyond a double, unless it has an exponent.
const SAFE_DIGITS: usize = 300;

/// Why a text is no JSON, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NoJson {
    what: &'static str,
    at: usize,
}

impl NoJson {
    /// The problem with its place in the text that was read: line and column count from 1, columns in characters.
    pub(crate) fn within(&self, text: &str) -> impl fmt::Display {
        let before = text.get(..self.at).unwrap_or(text);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let what = self.what;
        format!("{what} at line {line} column {column}")
    }
}

/// A number's text. It is a double's, but has its own digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Number<'a> {
    /// As it stands.
    pub(crate) text: &'a str,
    /// Whether it has neither fraction nor exponent.
    pub(crate) is_integer: bool,
}

/// A value's own text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Verbatim<'a> {
    /// As it stands.
    pub(crate) text: &'a str,
    /// Whether it has no whitespace outside of strings.
    pub(crate) is_compact: bool,
}

/// Stands before a value, or behind it.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: u8,
    /// How many bytes of whitespace have been passed.
    blanks: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, at: 0, depth: 0, blanks: 0 }
    }

    /// The first byte of what comes next; whitespace is passed.
    pub(crate) fn peek(&mut self) -> Result<u8, NoJson> {
        loop {
            match self.byte() {
                Some(b' ' | b'\n' | b'\t' | b'\r') => {
                    self.blanks += 1;
                    self.at += 1;
                }
                Some(byte) => return Ok(byte),
                None => return Err(self.bad("the text ends too early")),
            }
        }
    }

    /// Nothing but whitespace may be left.
    pub(crate) fn end(&mut self) -> Result<(), NoJson> {
        match self.peek() {
            Ok(_) => Err(self.bad("something comes after the value")),
            Err(_) => Ok(()),
        }
    }

    /// A number, where its first character is next.
    pub(crate) fn number(&mut self) -> Result<Number<'a>, NoJson> {
        let from = self.at;
        self.pass(b'-');
        match self.byte() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits()?,
            _ => return Err(self.bad("a digit is missing")),
        }
        let whole = self.at;
        if self.pass(b'.') {
            self.digits()?;
        }
        let mut is_safe = self.at - from < SAFE_DIGITS;
        if self.pass(b'e') || self.pass(b'E') {
            let _ = self.pass(b'+') || self.pass(b'-');
            self.digits()?;
            is_safe = false;
        }
        let text = self.text.get(from..self.at).unwrap_or_default();
        if !is_safe && !text.parse().is_ok_and(f64::is_finite) {
            return Err(NoJson { what: "number out of range", at: from });
        }
        Ok(Number { text, is_integer: self.at == whole })
    }

    /// An object, where its brace is next. `field` gets each name, and has to read the value.
    pub(crate) fn object(
        &mut self,
        mut field: impl FnMut(&mut Self, Str<'a>) -> Result<(), NoJson>,
    ) -> Result<(), NoJson> {
        self.enter()?;
        if self.peek()? == b'}' {
            return self.leave();
        }
        loop {
            if self.peek()? != b'"' {
                return Err(self.bad("a field's name is missing"));
            }
            let name = self.string()?;
            if self.peek()? != b':' {
                return Err(self.bad("a colon is missing"));
            }
            self.at += 1;
            field(self, name)?;
            match self.peek()? {
                b',' => self.at += 1,
                b'}' => return self.leave(),
                _ => return Err(self.bad("a comma or a closing brace is missing")),
            }
        }
    }

    /// An array, where its bracket is next. `item` has to read each value.
    pub(crate) fn array(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<(), NoJson>,
    ) -> Result<(), NoJson> {
        self.enter()?;
        if self.peek()? == b']' {
            return self.leave();
        }
        loop {
            item(self)?;
            match self.peek()? {
                b',' => self.at += 1,
                b']' => return self.leave(),
                _ => return Err(self.bad("a comma or a closing bracket is missing")),
            }
        }
    }

    /// Reads any value, and leaves it behind.
    pub(crate) fn skip(&mut self) -> Result<(), NoJson> {
        match self.peek()? {
            b'"' => self.string().map(drop),
            b'{' => self.object(|json, _| json.skip()),
            b'[' => self.array(Self::skip),
            b'-' | b'0'..=b'9' => self.number().map(drop),
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'n' => self.word("null"),
            _ => Err(self.bad("no value begins like this")),
        }
    }

    /// Lets `read` read the next value, and gives its text too.
    pub(crate) fn verbatim<R>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<R, NoJson>,
    ) -> Result<(R, Verbatim<'a>), NoJson> {
        self.peek()?;
        let (from, blanks) = (self.at, self.blanks);
        let result = read(self)?;
        let text = self.text.get(from..self.at).unwrap_or_default();
        Ok((result, Verbatim { text, is_compact: self.blanks == blanks }))
    }

    fn word(&mut self, word: &'static str) -> Result<(), NoJson> {
        if !self.rest().starts_with(word) {
            return Err(self.bad("neither true, false nor null"));
        }
        self.at += word.len();
        Ok(())
    }

    fn digits(&mut self) -> Result<(), NoJson> {
        let from = self.at;
        while matches!(self.byte(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == from { Err(self.bad("a digit is missing")) } else { Ok(()) }
    }

    fn enter(&mut self) -> Result<(), NoJson> {
        if self.depth == DEPTH_MAX {
            return Err(self.bad("nested too deeply"));
        }
        self.depth += 1;
        self.at += 1;
        Ok(())
    }

    fn leave(&mut self) -> Result<(), NoJson> {
        self.depth = self.depth.saturating_sub(1);
        self.at += 1;
        Ok(())
    }

    fn pass(&mut self, byte: u8) -> bool {
        let is_next = self.byte() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn bad(&self, what: &'static str) -> NoJson {
        NoJson { what, at: self.at }
    }
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

    /// Reads a text into a value by the reader alone.
    fn value(json: &mut Reader<'_>) -> Result<Value, NoJson> {
        Ok(match json.peek()? {
            b'"' => Value::String(json.string()?.to_text().into_owned()),
            b'{' => {
                let mut fields = serde_json::Map::new();
                json.object(|json, name| {
                    fields.insert(name.to_text().into_owned(), value(json)?);
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
    }

    #[test]
    fn what_is_refused_is_refused_with_its_place() {
        let said = |text: &str| {
            let mut reader = Reader::new(text);
            let problem = reader.skip().and_then(|()| reader.end()).unwrap_err();
            problem.within(text).to_string()
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
