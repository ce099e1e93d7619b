// SPDX-License-Identifier: Apache-2.0

//! Lenient reading of JSON, as the contract requires (section 1): unknown fields are ignored, and a value that is null,
//! missing, empty or of an unexpected type counts as absent, never as an error. Ignored values are still parsed: a lone
//! surrogate or a number beyond a double makes the record malformed anywhere.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use crate::reader::{Name, NoJson, Number, Reader, Refused, Str};

/// A type that reads any JSON value in place. A value of another type counts as absent, which is the default.
pub(super) trait Value<'a>: Default {
    /// Reads the next value and replaces the previous one.
    fn read(&mut self, json: &mut Reader<'a>) -> Result<(), Refused>;
}

/// Reads a text that consists of one value, in place.
pub(super) fn whole<'a>(value: &mut impl Value<'a>, text: &'a str) -> Result<(), NoJson> {
    let mut json = Reader::new(text);
    value.read(&mut json).and_then(|()| json.end()).map_err(|Refused| json.problem())
}

/// Whether there is a value: neither null nor an empty string.
#[derive(Default)]
pub(super) struct Presence(pub(super) bool);

impl<'a> Value<'a> for Presence {
    fn read(&mut self, json: &mut Reader<'a>) -> Result<(), Refused> {
        let ((), value) = json.verbatim(Reader::skip)?;
        self.0 = !matches!(value.text, "null" | r#""""#);
        Ok(())
    }
}

/// Text: a non-empty string, or an integer of any length as its digits. It is unescaped on request.
#[derive(Default, Clone, Copy)]
pub(super) enum Text<'a> {
    /// Missing, or null.
    #[default]
    Absent,
    /// A value that is no text. It counts as absent, but error messages describe it.
    Other(Other),
    /// Text.
    Is(Str<'a>),
}

impl<'a> Text<'a> {
    /// Text from another source than JSON.
    pub(super) fn new(text: Option<&'a str>) -> Self {
        match text {
            None => Text::Absent,
            Some("") => Text::Other(Other::Empty),
            Some(text) => Text::Is(Str::Plain(text)),
        }
    }

    pub(super) fn get(&self) -> Option<Cow<'a, str>> {
        match self {
            Text::Is(string) => Some(string.to_text()),
            Text::Absent | Text::Other(_) => None,
        }
    }

    pub(super) fn is_present(&self) -> bool {
        matches!(self, Text::Is(_))
    }

    pub(super) fn is(&self, word: &str) -> bool {
        match self {
            Text::Is(Str::Plain(text)) => *text == word,
            Text::Is(escaped @ Str::Escaped(_)) => escaped.to_text() == word,
            Text::Absent | Text::Other(_) => false,
        }
    }

    /// Why it is missing: "is absent", or a description of the value.
    pub(super) fn lack(&self) -> String {
        match self {
            Text::Other(Other::Empty) => Other::Empty.to_string(),
            Text::Other(other) => format!("{other}, where a string or a whole number is expected"),
            Text::Absent | Text::Is(_) => ABSENT.to_owned(),
        }
    }
}

/// The message for an absent value.
pub(super) const ABSENT: &str = "is absent";

/// A value of an unexpected type, with its description.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Other {
    Empty,
    Fraction,
    Boolean,
    Array,
    Object,
}

impl Other {
    /// Classifies a value by its first byte, if it is neither a string nor a number; `None` for null.
    pub(super) fn of(first: u8) -> Option<Self> {
        match first {
            b'{' => Some(Other::Object),
            b'[' => Some(Other::Array),
            b't' | b'f' => Some(Other::Boolean),
            _ => None,
        }
    }
}

impl fmt::Display for Other {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Other::Empty => "is an empty string",
            Other::Fraction => "is a number with a fraction or an exponent",
            Other::Boolean => "is true or false",
            Other::Array => "is an array",
            Other::Object => "is an object",
        })
    }
}

impl<'a> Value<'a> for Text<'a> {
    fn read(&mut self, json: &mut Reader<'a>) -> Result<(), Refused> {
        *self = match json.peek()? {
            b'"' => match json.string()? {
                Str::Plain("") => Text::Other(Other::Empty),
                string => Text::Is(string),
            },
            b'-' | b'0'..=b'9' => digits(json.number()?),
            first => {
                json.skip()?;
                Other::of(first).map_or(Text::Absent, Text::Other)
            }
        };
        Ok(())
    }
}

/// The digits of an integer. The reader has checked that a double can represent it.
fn digits(number: Number<'_>) -> Text<'_> {
    match number.text {
        "-0" => Text::Is(Str::Plain("0")),
        text if number.is_integer => Text::Is(Str::Plain(text)),
        _ => Text::Other(Other::Fraction),
    }
}

fn integer(number: Number<'_>) -> Option<i64> {
    if number.is_integer { number.text.parse().ok() } else { None }
}

/// A positive integer, or its digits as text.
#[derive(Default)]
pub(super) struct Positive<'a>(pub(super) Option<i64>, PhantomData<&'a ()>);

impl<'a> Value<'a> for Positive<'a> {
    fn read(&mut self, json: &mut Reader<'a>) -> Result<(), Refused> {
        let value = match json.peek()? {
            b'"' => json.string()?.to_text().parse().ok(),
            b'-' | b'0'..=b'9' => integer(json.number()?),
            _ => {
                json.skip()?;
                None
            }
        };
        self.0 = value.filter(|value| (1..1 << 53).contains(value));
        Ok(())
    }
}

/// The fields to read of an object.
pub(super) trait Fields<'a>: Default {
    /// Reads the value of this field and replaces an earlier one; returns `false` without reading if the field is unknown.
    fn read_field(&mut self, name: &[u8], json: &mut Reader<'a>) -> Result<bool, Refused>;
}

impl<'a, T: Fields<'a>> Fields<'a> for Box<T> {
    fn read_field(&mut self, name: &[u8], json: &mut Reader<'a>) -> Result<bool, Refused> {
        T::read_field(self, name, json)
    }
}

/// An object; absent for any other value.
pub(super) struct Object<T>(pub(super) Option<T>);

impl<T> Default for Object<T> {
    fn default() -> Self {
        Object(None)
    }
}

impl<T> Object<T> {
    pub(super) fn get(&self) -> Option<&T> {
        self.0.as_ref()
    }
}

impl<'a, T: Fields<'a>> Value<'a> for Object<T> {
    fn read(&mut self, json: &mut Reader<'a>) -> Result<(), Refused> {
        if json.peek()? != b'{' {
            self.0 = None;
            return json.skip();
        }
        let object = self.0.insert(T::default());
        json.object(|json, name| {
            let is_wanted = match name {
                Name::Plain(name) => object.read_field(name, json)?,
                Name::Escaped(_) => object.read_field(&name.to_bytes(), json)?,
            };
            if is_wanted { Ok(()) } else { json.skip() }
        })
    }
}

/// A boxed object; absent for any other value.
pub(super) struct Boxed<T>(Object<Box<T>>);

impl<T> Default for Boxed<T> {
    fn default() -> Self {
        Boxed(Object(None))
    }
}

impl<T> Boxed<T> {
    pub(super) fn get(&self) -> Option<&T> {
        self.0.0.as_deref()
    }
}

impl<'a, T: Fields<'a>> Value<'a> for Boxed<T> {
    fn read(&mut self, json: &mut Reader<'a>) -> Result<(), Refused> {
        self.0.read(json)
    }
}

/// A key that distinguishes a name from the other names of its object in one comparison: its length and its first, last and
/// middle byte.
pub(super) const fn key(name: &[u8]) -> u64 {
    match name {
        [] => 0,
        [first, ..] => {
            let length = name.len();
            #[expect(
                clippy::indexing_slicing,
                reason = "as a constant there is no get; both places are within the name"
            )]
            let (middle, last) = (name[length / 2], name[length - 1]);
            (length as u64) << 24 | (*first as u64) << 16 | (middle as u64) << 8 | last as u64
        }
    }
}

/// Whether all keys are different.
pub(super) const fn are_distinct(keys: &[u64]) -> bool {
    match keys {
        [] => true,
        [key, others @ ..] => {
            let mut rest = others;
            while let [other, behind @ ..] = rest {
                if *key == *other {
                    return false;
                }
                rest = behind;
            }
            are_distinct(others)
        }
    }
}

/// Declares the fields of an object by their JSON names.
macro_rules! wanted {
    ($($(#[$meta:meta])* $name:ident { $($word:literal => $field:ident: $type:ty,)* })*) => { $(
        $(#[$meta])*
        #[derive(Default)]
        pub(super) struct $name<'de> { $(pub(super) $field: $type,)* }

        impl<'de> Fields<'de> for $name<'de> {
            fn read_field(&mut self, name: &[u8], json: &mut Reader<'de>) -> Result<bool, Refused> {
                const _: () = assert!(are_distinct(&[$(key($word.as_bytes()),)*]));
                let named = key(name);
                $(if named == const { key($word.as_bytes()) } {
                    if name != $word.as_bytes() {
                        return Ok(false);
                    }
                    return self.$field.read(json).map(|()| true);
                })*
                Ok(false)
            }
        }
    )* };
}
pub(super) use wanted;

/// An array; absent for any other value.
pub(super) struct Array<T>(pub(super) Option<Vec<T>>);

impl<T> Default for Array<T> {
    fn default() -> Self {
        Array(None)
    }
}

impl<'a, T: Value<'a>> Value<'a> for Array<T> {
    fn read(&mut self, json: &mut Reader<'a>) -> Result<(), Refused> {
        if json.peek()? != b'[' {
            self.0 = None;
            return json.skip();
        }
        let array = self.0.insert(Vec::new());
        json.array(|json| {
            let mut item = T::default();
            item.read(json)?;
            array.push(item);
            Ok(())
        })
    }
}

/// The first element of an array; absent for any other value and for an empty array.
pub(super) struct First<T>(Option<T>);

impl<T> Default for First<T> {
    fn default() -> Self {
        First(None)
    }
}

impl<T> First<T> {
    pub(super) fn get(&self) -> Option<&T> {
        self.0.as_ref()
    }
}

impl<'a, T: Value<'a>> Value<'a> for First<T> {
    fn read(&mut self, json: &mut Reader<'a>) -> Result<(), Refused> {
        self.0 = None;
        if json.peek()? != b'[' {
            return json.skip();
        }
        json.array(|json| match self.0 {
            None => self.0.insert(T::default()).read(json),
            Some(_) => json.skip(),
        })
    }
}

wanted! {
    /// An object with a name.
    NameFields {
        "name" => name: Text<'de>,
    }
}

/// Text, or an object's name.
#[derive(Default)]
pub(super) struct TextOrName<'a>(Text<'a>);

impl<'a> TextOrName<'a> {
    pub(super) fn get(&self) -> Option<Cow<'a, str>> {
        self.0.get()
    }
}

impl<'a> Value<'a> for TextOrName<'a> {
    fn read(&mut self, json: &mut Reader<'a>) -> Result<(), Refused> {
        if json.peek()? != b'{' {
            return self.0.read(json);
        }
        let mut object = Object::<NameFields<'a>>::default();
        object.read(json)?;
        self.0 = object.0.unwrap_or_default().name;
        Ok(())
    }
}

wanted! {
    /// The fields of a state object.
    StateFields {
        "name" => name: Text<'de>,
        "reasonCode" => reason_code: Text<'de>,
    }
}

/// A state: text, or an object's name, with the object's reason.
#[derive(Default)]
pub(super) struct State<'a>(StateFields<'a>);

impl<'a> State<'a> {
    pub(super) fn name(&self) -> &Text<'a> {
        &self.0.name
    }

    pub(super) fn reason(&self) -> &Text<'a> {
        &self.0.reason_code
    }
}

impl<'a> Value<'a> for State<'a> {
    fn read(&mut self, json: &mut Reader<'a>) -> Result<(), Refused> {
        self.0 = StateFields::default();
        if json.peek()? != b'{' {
            return self.0.name.read(json);
        }
        let mut object = Object::<StateFields<'a>>::default();
        object.read(json)?;
        self.0 = object.0.unwrap_or_default();
        Ok(())
    }
}
