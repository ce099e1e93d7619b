//! Reading JSON by the contract's rule (section 1): unknown fields are ignored, and what is null, missing, empty or of
//! another type than expected is absent, never an error. What is ignored is still read in full: a lone surrogate or
//! a number that no double can hold makes the record malformed wherever it stands.

use std::borrow::Cow;
use std::marker::PhantomData;

use crate::reader::{NoJson, Number, Reader, Str};

/// Something that every JSON value can be read into, in place: what is not of its type makes it absent, which is the default.
pub(super) trait Value<'a>: Default {
    /// Reads the next value, which replaces what was there.
    fn read(&mut self, json: &mut Reader<'a>) -> Result<(), NoJson>;
}

/// Reads a text that is one value.
pub(super) fn whole<'a, T: Value<'a>>(text: &'a str) -> Result<T, NoJson> {
    let mut json = Reader::new(text);
    let mut value = T::default();
    value.read(&mut json)?;
    json.end()?;
    Ok(value)
}

/// Whether there is any value: neither null nor an empty string.
#[derive(Default)]
pub(super) struct Presence(pub(super) bool);

impl<'a> Value<'a> for Presence {
    fn read(&mut self, json: &mut Reader<'a>) -> Result<(), NoJson> {
        let ((), value) = json.verbatim(Reader::skip)?;
        self.0 = !matches!(value.text, "null" | r#""""#);
        Ok(())
    }
}

/// Text: a string that is not empty, or an integer below 2^53 as its decimal digits.
#[derive(Default)]
pub(super) struct Text<'a>(pub(super) Option<Cow<'a, str>>);

impl<'a> Text<'a> {
    pub(super) fn get(&self) -> Option<Cow<'a, str>> {
        self.0.clone()
    }

    pub(super) fn as_str(&self) -> Option<&str> {
        self.0.as_deref()
    }

    pub(super) fn is(&self, word: &str) -> bool {
        self.as_str() == Some(word)
    }
}

impl<'a> Value<'a> for Text<'a> {
    fn read(&mut self, json: &mut Reader<'a>) -> Result<(), NoJson> {
        self.0 = match json.peek()? {
            b'"' => not_empty(json.string()?),
            b'-' | b'0'..=b'9' => digits(json.number()?).map(Cow::Borrowed),
            _ => {
                json.skip()?;
                None
            }
        };
        Ok(())
    }
}

fn not_empty(string: Str<'_>) -> Option<Cow<'_, str>> {
    Some(string.to_text()).filter(|text| !text.is_empty())
}

/// The decimal digits of an integer below 2^53.
fn digits(number: Number<'_>) -> Option<&str> {
    match number.text {
        "-0" => Some("0"),
        text => integer(number).filter(|value| value.unsigned_abs() < 1 << 53).map(|_| text),
    }
}

fn integer(number: Number<'_>) -> Option<i64> {
    if number.is_integer { number.text.parse().ok() } else { None }
}

/// A whole number above 0, or such a one as text.
#[derive(Default)]
pub(super) struct Positive<'a>(pub(super) Option<i64>, PhantomData<&'a ()>);

impl<'a> Value<'a> for Positive<'a> {
    fn read(&mut self, json: &mut Reader<'a>) -> Result<(), NoJson> {
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

/// The fields of an object that are wanted.
pub(super) trait Fields<'a>: Default {
    /// Reads the value of the field of this name, which replaces one that was read before; `false`, and nothing read, where it
    /// is not wanted.
    fn read_field(&mut self, name: &str, json: &mut Reader<'a>) -> Result<bool, NoJson>;
}

impl<'a, T: Fields<'a>> Fields<'a> for Box<T> {
    fn read_field(&mut self, name: &str, json: &mut Reader<'a>) -> Result<bool, NoJson> {
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
    fn read(&mut self, json: &mut Reader<'a>) -> Result<(), NoJson> {
        if json.peek()? != b'{' {
            self.0 = None;
            return json.skip();
        }
        let object = self.0.insert(T::default());
        json.object(|json, name| {
            let is_wanted = match name {
                Str::Plain(name) => object.read_field(name, json)?,
                Str::Escaped(_) => object.read_field(&name.to_text(), json)?,
            };
            if is_wanted { Ok(()) } else { json.skip() }
        })
    }
}

/// An object that lies elsewhere; absent for any other value.
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

    pub(super) fn take(&mut self) -> Option<Box<T>> {
        self.0.0.take()
    }
}

impl<'a, T: Fields<'a>> Value<'a> for Boxed<T> {
    fn read(&mut self, json: &mut Reader<'a>) -> Result<(), NoJson> {
        self.0.read(json)
    }
}

/// Declares the wanted fields of an object by their names in JSON.
macro_rules! wanted {
    ($($(#[$meta:meta])* $name:ident { $($word:literal => $field:ident: $type:ty,)* })*) => { $(
        $(#[$meta])*
        #[derive(Default)]
        pub(super) struct $name<'de> { $(pub(super) $field: $type,)* }

        impl<'de> Fields<'de> for $name<'de> {
            fn read_field(&mut self, name: &str, json: &mut Reader<'de>) -> Result<bool, NoJson> {
                match name {
                    $($word => self.$field.read(json)?,)*
                    _ => return Ok(false),
                }
                Ok(true)
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
    fn read(&mut self, json: &mut Reader<'a>) -> Result<(), NoJson> {
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

/// The first element of an array; absent for any other value, and of an array without elements.
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
    fn read(&mut self, json: &mut Reader<'a>) -> Result<(), NoJson> {
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
    /// What has a name.
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
    fn read(&mut self, json: &mut Reader<'a>) -> Result<(), NoJson> {
        if json.peek()? != b'{' {
            return self.0.read(json);
        }
        let mut object = Object::<NameFields<'a>>::default();
        object.read(json)?;
        self.0 = object.0.unwrap_or_default().name;
        Ok(())
    }
}
