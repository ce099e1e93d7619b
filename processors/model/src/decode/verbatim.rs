// SPDX-License-Identifier: Apache-2.0

//! Values read as text: times, whose digits a double would round, and values that are passed through unchanged.

use std::marker::PhantomData;

use super::lenient::{Fields, Object, Other, Value};
use crate::reader::{Reader, Refused, Verbatim};
use crate::{Json, time};

/// A time in any of section 1's forms.
#[derive(Default, Debug, Clone, Copy, PartialEq)]
pub(super) enum Time {
    /// Missing, or null.
    #[default]
    Absent,
    /// An empty string, or a value that is neither a number nor a string. It counts as absent, too.
    Other(Other),
    /// A number or a string that is no time, or out of range.
    Unreadable,
    /// Epoch milliseconds, in range.
    At(i64),
}

impl Time {
    pub(super) fn at(self) -> Option<i64> {
        match self {
            Time::At(at) => Some(at),
            Time::Absent | Time::Other(_) | Time::Unreadable => None,
        }
    }
}

impl<'a> Value<'a> for Time {
    fn read(&mut self, json: &mut Reader<'a>) -> Result<(), Refused> {
        let at = match json.peek()? {
            b'"' => {
                let text = json.string()?.to_text();
                if text.is_empty() {
                    *self = Time::Other(Other::Empty);
                    return Ok(());
                }
                time::parse_time_text(&text)
            }
            // The number's own text: a fraction is truncated, but a double may already have rounded it up.
            b'-' | b'0'..=b'9' => time::parse_time_number(json.number()?.text),
            first => {
                *self = Other::of(first).map_or(Time::Absent, Time::Other);
                return json.skip();
            }
        };
        *self = at.map_or(Time::Unreadable, Time::At);
        Ok(())
    }
}

/// When a message was sent: a time in any form of section 1, or epoch seconds; absent for any other value.
#[derive(Default, Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SentTime(pub(super) Option<i64>);

impl<'a> Value<'a> for SentTime {
    fn read(&mut self, json: &mut Reader<'a>) -> Result<(), Refused> {
        self.0 = match json.peek()? {
            b'"' => time::parse_sent_text(&json.string()?.to_text()),
            b'-' | b'0'..=b'9' => time::parse_sent_number(json.number()?.text),
            _ => {
                json.skip()?;
                None
            }
        };
        Ok(())
    }
}

/// The text of an object or a number, as selected by `T`; absent for any other value.
pub(super) struct Raw<'a, T>(Option<Verbatim<'a>>, PhantomData<T>);

/// Selects the values that a [`Raw`] keeps, by their first byte.
pub(super) trait Shape {
    fn fits(first: u8) -> bool;
}

/// Objects.
pub(super) struct AnObject;

impl Shape for AnObject {
    fn fits(first: u8) -> bool {
        first == b'{'
    }
}

/// Every value except null and the empty string.
pub(super) struct Anything;

impl Shape for Anything {
    fn fits(_first: u8) -> bool {
        true
    }
}

/// Numbers.
pub(super) struct ANumber;

impl Shape for ANumber {
    fn fits(first: u8) -> bool {
        matches!(first, b'-' | b'0'..=b'9')
    }
}

impl<T> Default for Raw<'_, T> {
    fn default() -> Self {
        Raw(None, PhantomData)
    }
}

impl<'a, T> Raw<'a, T> {
    /// The value's text, compact.
    pub(super) fn json(&self) -> Option<Json<'a>> {
        self.0.map(Json::of_verbatim)
    }
}

impl<'a, T: Shape> Value<'a> for Raw<'a, T> {
    fn read(&mut self, json: &mut Reader<'a>) -> Result<(), Refused> {
        let fits = T::fits(json.peek()?);
        let ((), value) = json.verbatim(Reader::skip)?;
        self.0 = (fits && !matches!(value.text, "null" | r#""""#)).then_some(value);
        Ok(())
    }
}

/// An object as text, with some of its fields.
pub(super) struct RawAnd<'a, T> {
    raw: Option<Verbatim<'a>>,
    fields: Object<T>,
}

impl<T> Default for RawAnd<'_, T> {
    fn default() -> Self {
        RawAnd { raw: None, fields: Object(None) }
    }
}

impl<'a, T> RawAnd<'a, T> {
    /// The object's text, compact.
    pub(super) fn json(&self) -> Option<Json<'a>> {
        self.fields.get().and(self.raw).map(Json::of_verbatim)
    }

    /// The fields.
    pub(super) fn fields(&self) -> Option<&T> {
        self.fields.get()
    }
}

impl<'a, T: Fields<'a>> Value<'a> for RawAnd<'a, T> {
    fn read(&mut self, json: &mut Reader<'a>) -> Result<(), Refused> {
        let ((), value) = json.verbatim(|json| self.fields.read(json))?;
        self.raw = Some(value);
        Ok(())
    }
}
