//! Reading JSON by the contract's rule (section 1): unknown fields are ignored, and what is null, missing, empty or of
//! another type than expected is absent, never an error. What is ignored is still read in full: a lone surrogate or
//! a number that no double can hold makes the record malformed wherever it stands, and neither
//! [`serde::de::IgnoredAny`] nor [`serde_json::value::RawValue`] looks for these.

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// A type that can be read from every JSON value. Each method tells what to make of one type of value; those that are
/// not overridden make it absent, which is the default value.
pub(super) trait Lenient<'de>: Default {
    /// A string without escapes.
    fn borrowed(_text: &'de str) -> Self {
        Self::default()
    }

    /// A string that had escapes.
    fn unescaped(_text: &str) -> Self {
        Self::default()
    }

    /// A number without fraction and exponent, unless it is too great for this type or minus zero.
    fn integer(_number: i64) -> Self {
        Self::default()
    }

    /// Any other number.
    fn float(_number: f64) -> Self {
        Self::default()
    }

    /// `true` or `false`.
    fn boolean() -> Self {
        Self::default()
    }

    /// An array.
    fn array<A: SeqAccess<'de>>(mut items: A) -> Result<Self, A::Error> {
        while items.next_element::<Skip>()?.is_some() {}
        Ok(Self::default())
    }

    /// An object.
    fn object<A: MapAccess<'de>>(mut fields: A) -> Result<Self, A::Error> {
        while fields.next_entry::<Skip, Skip>()?.is_some() {}
        Ok(Self::default())
    }
}

struct Any<L>(PhantomData<L>);

impl<'de, L: Lenient<'de>> Visitor<'de> for Any<L> {
    type Value = L;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<L, E> {
        Ok(L::default())
    }

    fn visit_bool<E>(self, _: bool) -> Result<L, E> {
        Ok(L::boolean())
    }

    fn visit_i64<E>(self, number: i64) -> Result<L, E> {
        Ok(L::integer(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<L, E> {
        // No integer beyond `i64` is below 2^53, so which number it is does not matter.
        Ok(L::integer(i64::try_from(number).unwrap_or(i64::MAX)))
    }

    fn visit_f64<E>(self, number: f64) -> Result<L, E> {
        Ok(L::float(number))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<L, E> {
        Ok(L::borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<L, E> {
        Ok(L::unescaped(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<L, A::Error> {
        L::array(items)
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<L, A::Error> {
        L::object(fields)
    }
}

/// `Deserialize` for a lenient type: a blanket implementation is not allowed for a foreign trait.
macro_rules! deserialize_leniently {
    ($($type:ty $(where $param:ident: $bound:path)?;)*) => { $(
        impl<'de $(, $param: $bound)?> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(Any(PhantomData))
            }
        }
    )* };
}

deserialize_leniently! {
    Skip;
    Text<'de>;
    Positive<'de>;
    TextOrName<'de>;
    Presence;
    Object<T> where T: Fields<'de>;
    Array<T> where T: Deserialize<'de>;
    First<T> where T: Deserialize<'de>;
}

/// Any value, of which only the validity matters.
#[derive(Default)]
pub(super) struct Skip;

impl Lenient<'_> for Skip {}

/// Whether there is any value: neither null nor an empty string.
#[derive(Default)]
pub(super) struct Presence(pub(super) bool);

impl<'de> Lenient<'de> for Presence {
    fn borrowed(text: &'de str) -> Self {
        Presence(!text.is_empty())
    }

    fn unescaped(text: &str) -> Self {
        Presence(!text.is_empty())
    }

    fn integer(_: i64) -> Self {
        Presence(true)
    }

    fn float(_: f64) -> Self {
        Presence(true)
    }

    fn boolean() -> Self {
        Presence(true)
    }

    fn array<A: SeqAccess<'de>>(items: A) -> Result<Self, A::Error> {
        Skip::array(items)?;
        Ok(Presence(true))
    }

    fn object<A: MapAccess<'de>>(fields: A) -> Result<Self, A::Error> {
        Skip::object(fields)?;
        Ok(Presence(true))
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

impl<'de> Lenient<'de> for Text<'de> {
    fn borrowed(text: &'de str) -> Self {
        Text(if text.is_empty() { None } else { Some(Cow::Borrowed(text)) })
    }

    fn unescaped(text: &str) -> Self {
        Text(if text.is_empty() { None } else { Some(Cow::Owned(text.to_owned())) })
    }

    fn integer(number: i64) -> Self {
        Text((number.unsigned_abs() < 1 << 53).then(|| Cow::Owned(number.to_string())))
    }

    fn float(number: f64) -> Self {
        // The parser gives the integer `-0` as a float.
        Text((number == 0.0 && number.is_sign_negative()).then_some(Cow::Borrowed("0")))
    }
}

/// A whole number above 0, or such a one as text.
#[derive(Default)]
pub(super) struct Positive<'a>(pub(super) Option<i64>, PhantomData<&'a ()>);

impl<'de> Lenient<'de> for Positive<'de> {
    fn borrowed(text: &'de str) -> Self {
        Self::unescaped(text)
    }

    fn unescaped(text: &str) -> Self {
        text.parse().map_or_else(|_| Self::default(), Self::integer)
    }

    fn integer(number: i64) -> Self {
        Positive(Some(number).filter(|number| (1..1 << 53).contains(number)), PhantomData)
    }
}

/// The fields of an object that are wanted.
pub(super) trait Fields<'de>: Default {
    type Key;

    /// The wanted field of this name.
    fn key(name: &str) -> Option<Self::Key>;

    /// Reads the field's value, which replaces one that was read before.
    fn read<A: MapAccess<'de>>(&mut self, key: Self::Key, fields: &mut A) -> Result<(), A::Error>;
}

impl<'de, T: Fields<'de>> Fields<'de> for Box<T> {
    type Key = T::Key;

    fn key(name: &str) -> Option<T::Key> {
        T::key(name)
    }

    fn read<A: MapAccess<'de>>(&mut self, key: T::Key, fields: &mut A) -> Result<(), A::Error> {
        T::read(self, key, fields)
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

impl<'de, T: Fields<'de>> Lenient<'de> for Object<T> {
    fn object<A: MapAccess<'de>>(mut fields: A) -> Result<Self, A::Error> {
        let mut object = T::default();
        while let Some(key) = fields.next_key_seed(KeyOf::<T>(PhantomData))? {
            match key {
                Some(key) => object.read(key, &mut fields)?,
                None => {
                    fields.next_value::<Skip>()?;
                }
            }
        }
        Ok(Object(Some(object)))
    }
}

/// Tells a key's field without keeping its name, so that an escaped one costs no allocation either.
struct KeyOf<T>(PhantomData<T>);

impl<'de, T: Fields<'de>> DeserializeSeed<'de> for KeyOf<T> {
    type Value = Option<T::Key>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de, T: Fields<'de>> Visitor<'de> for KeyOf<T> {
    type Value = Option<T::Key>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field's name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(T::key(name))
    }
}

/// Declares the wanted fields of an object by their names in JSON.
macro_rules! wanted {
    ($($(#[$meta:meta])* $name:ident { $($word:literal => $field:ident: $type:ty,)* })*) => { $(
        $(#[$meta])*
        #[derive(Default)]
        pub(super) struct $name<'de> { $(pub(super) $field: $type,)* }

        const _: () = {
            #[allow(non_camel_case_types, reason = "named as the fields are")]
            pub(in crate::decode) enum Key { $($field,)* }

            impl<'de> Fields<'de> for $name<'de> {
                type Key = Key;

                fn key(name: &str) -> Option<Key> {
                    match name { $($word => Some(Key::$field),)* _ => None }
                }

                fn read<A: MapAccess<'de>>(&mut self, key: Key, fields: &mut A) -> Result<(), A::Error> {
                    match key { $(Key::$field => self.$field = fields.next_value()?,)* }
                    Ok(())
                }
            }
        };
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

impl<'de, T: Deserialize<'de>> Lenient<'de> for Array<T> {
    fn array<A: SeqAccess<'de>>(mut items: A) -> Result<Self, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element()? {
            array.push(item);
        }
        Ok(Array(Some(array)))
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

impl<'de, T: Deserialize<'de>> Lenient<'de> for First<T> {
    fn array<A: SeqAccess<'de>>(mut items: A) -> Result<Self, A::Error> {
        let first = items.next_element()?;
        Skip::array(items)?;
        Ok(First(first))
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

impl<'de> Lenient<'de> for TextOrName<'de> {
    fn borrowed(text: &'de str) -> Self {
        TextOrName(Text::borrowed(text))
    }

    fn unescaped(text: &str) -> Self {
        TextOrName(Text::unescaped(text))
    }

    fn integer(number: i64) -> Self {
        TextOrName(Text::integer(number))
    }

    fn float(number: f64) -> Self {
        TextOrName(Text::float(number))
    }

    fn object<A: MapAccess<'de>>(fields: A) -> Result<Self, A::Error> {
        let object = Object::<NameFields<'de>>::object(fields)?;
        Ok(TextOrName(object.0.unwrap_or_default().name))
    }
}
