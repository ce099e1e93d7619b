//! Values that are looked at as text: times, whose digits a double would round, and what is carried through as it came.

use super::lenient::{Fields, Object, Skip, Text};
use crate::{Json, time};
use serde::Deserialize;
use serde::de::{Deserializer, Error};
use serde_json::value::RawValue;
use std::marker::PhantomData;

/// A time in any of section 1's forms.
#[derive(Default, Debug, Clone, Copy, PartialEq)]
pub(super) enum Time {
    /// Neither a number nor a string that is not empty.
    #[default]
    Absent,
    /// A number or a string that is no time, or out of range.
    Unreadable,
    /// Epoch milliseconds, in range.
    At(i64),
}

impl Time {
    pub(super) fn at(self) -> Option<i64> {
        match self {
            Time::At(at) => Some(at),
            Time::Absent | Time::Unreadable => None,
        }
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The number's own text: a fraction is to be cut, where a double may already have rounded it up.
        let raw = <&RawValue>::deserialize(deserializer)?.get();
        let read = match raw.bytes().next() {
            Some(b'"') => within::<Text<'de>, D::Error>(raw)?.as_str().map(time::parse_time_text),
            Some(b'-' | b'0'..=b'9') => {
                within::<Skip, D::Error>(raw)?;
                Some(time::parse_time_number(raw))
            }
            _ => {
                within::<Skip, D::Error>(raw)?;
                None
            }
        };
        Ok(match read {
            None => Time::Absent,
            Some(None) => Time::Unreadable,
            Some(Some(at)) => Time::At(at),
        })
    }
}

/// An object's or a number's own text, by `T`'s choice; absent for any other value.
pub(super) struct Raw<'de, T>(Option<&'de str>, PhantomData<T>);

/// Says which values a [`Raw`] keeps, by their first byte.
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

impl<'de, T> Raw<'de, T> {
    /// The value's text, compact.
    pub(super) fn json(&self) -> Option<Json<'de>> {
        self.0.map(Json::compacted)
    }
}

impl<'de, T: Shape> Deserialize<'de> for Raw<'de, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?.get();
        within::<Skip, D::Error>(raw)?;
        Ok(Raw(Some(raw).filter(|raw| raw.bytes().next().is_some_and(T::fits)), PhantomData))
    }
}

/// An object both as text and by its wanted fields.
pub(super) struct RawAnd<'de, T> {
    raw: Option<&'de str>,
    fields: Option<T>,
}

impl<T> Default for RawAnd<'_, T> {
    fn default() -> Self {
        RawAnd { raw: None, fields: None }
    }
}

impl<'de, T> RawAnd<'de, T> {
    /// The object's text, compact.
    pub(super) fn json(&self) -> Option<Json<'de>> {
        self.raw.map(Json::compacted)
    }

    /// The object's wanted fields.
    pub(super) fn fields(&self) -> Option<&T> {
        self.fields.as_ref()
    }
}

impl<'de, T: Fields<'de>> Deserialize<'de> for RawAnd<'de, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?.get();
        // This reads in full what the raw value has only delimited, whatever it is.
        let fields = within::<Object<T>, D::Error>(raw)?.0;
        Ok(RawAnd { raw: fields.is_some().then_some(raw), fields })
    }
}

/// Reads the text of a value that has been delimited.
fn within<'de, T: Deserialize<'de>, E: Error>(raw: &'de str) -> Result<T, E> {
    serde_json::from_str(raw).map_err(|error| {
        // The parser appends the place where the value ends; a place of the form "at line 1 column 2" would be
        // mistaken for one in the whole input.
        let sentence = error.to_string();
        let what = sentence.rsplit_once(" at line ").map_or(sentence.as_str(), |(what, _)| what);
        let (line, column) = (error.line(), error.column());
        E::custom(format_args!("{what}, in line {line}, column {column} of the value that ends"))
    })
}
