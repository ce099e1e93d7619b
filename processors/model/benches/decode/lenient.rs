// SPDX-License-Identifier: Apache-2.0

//! Values as the contract has them, for any serde deserializer: another type, null and the empty string count as absent.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A visitor that takes some values; all others count as absent, but are read.
macro_rules! absent {
    (bool) => {
        fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }
        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }
        fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("any value")
        }
    };
    (integer) => {
        fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }
        fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }
    };
    (str) => {
        fn visit_str<E: Error>(self, _: &str) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }
    };
    (map) => {
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            Ok(Self::Value::default())
        }
    };
    (seq) => {
        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
            while seq.next_element::<IgnoredAny>()?.is_some() {}
            Ok(Self::Value::default())
        }
    };
}

/// A visitor for values of type `T`, with a lifetime.
struct For<T>(PhantomData<T>);

/// Text: a non-empty string, or an integer's digits.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Text<'a>(pub(crate) Option<Cow<'a, str>>);

impl<'a> Text<'a> {
    fn new(text: Cow<'a, str>) -> Self {
        Text(Some(text).filter(|text| !text.is_empty()))
    }
}

impl<'de: 'a, 'a> Visitor<'de> for For<Text<'a>> {
    type Value = Text<'a>;
    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Text<'a>, E> {
        Ok(Text::new(Cow::Borrowed(text)))
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<Text<'a>, E> {
        Ok(Text::new(Cow::Owned(text.to_owned())))
    }
    fn visit_u64<E: Error>(self, number: u64) -> Result<Text<'a>, E> {
        Ok(Text(Some(Cow::Owned(number.to_string()))))
    }
    fn visit_i64<E: Error>(self, number: i64) -> Result<Text<'a>, E> {
        Ok(Text(Some(Cow::Owned(number.to_string()))))
    }
    absent!(bool);
    absent!(map);
    absent!(seq);
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(For(PhantomData::<Text<'a>>))
    }
}

/// A number as an integer or as text: a time, or a service level.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Number<'a>(pub(crate) Option<i64>, PhantomData<&'a ()>);

impl<'de: 'a, 'a> Visitor<'de> for For<Number<'a>> {
    type Value = Number<'a>;
    fn visit_str<E: Error>(self, text: &str) -> Result<Number<'a>, E> {
        Ok(Number(model::parse_time_text(text), PhantomData))
    }
    fn visit_u64<E: Error>(self, number: u64) -> Result<Number<'a>, E> {
        Ok(Number(number.try_into().ok(), PhantomData))
    }
    fn visit_i64<E: Error>(self, number: i64) -> Result<Number<'a>, E> {
        Ok(Number(Some(number), PhantomData))
    }
    absent!(bool);
    absent!(map);
    absent!(seq);
}

impl<'de: 'a, 'a> Deserialize<'de> for Number<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(For(PhantomData::<Number<'a>>))
    }
}

/// An object. Boxed where `T` is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Object<T>(pub(crate) Option<T>);

impl<T> Default for Object<T> {
    fn default() -> Self {
        Object(None)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for For<Object<T>> {
    type Value = Object<T>;
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(|object| Object(Some(object)))
    }
    absent!(bool);
    absent!(integer);
    absent!(str);
    absent!(seq);
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(For(PhantomData::<Object<T>>))
    }
}

/// Text, or an object with a name: a state, or an event's data.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TextOr<'a, T> {
    pub(crate) text: Text<'a>,
    pub(crate) object: Option<T>,
}

impl<T> Default for TextOr<'_, T> {
    fn default() -> Self {
        TextOr { text: Text(None), object: None }
    }
}

impl<'de: 'a, 'a, T: Deserialize<'de>> Visitor<'de> for For<TextOr<'a, T>> {
    type Value = TextOr<'a, T>;
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        let object = T::deserialize(MapAccessDeserializer::new(map))?;
        Ok(TextOr { object: Some(object), ..TextOr::default() })
    }
    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(TextOr { text: Text::new(Cow::Borrowed(text)), object: None })
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(TextOr { text: Text::new(Cow::Owned(text.to_owned())), object: None })
    }
    absent!(bool);
    absent!(integer);
    absent!(seq);
}

impl<'de: 'a, 'a, T: Deserialize<'de>> Deserialize<'de> for TextOr<'a, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(For(PhantomData::<TextOr<'a, T>>))
    }
}

/// An array's elements, up to a number of them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Array<T, const MOST: usize>(pub(crate) Vec<T>);

impl<T, const MOST: usize> Default for Array<T, MOST> {
    fn default() -> Self {
        Array(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>, const MOST: usize> Visitor<'de> for For<Array<T, MOST>> {
    type Value = Array<T, MOST>;
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while items.len() < MOST
            && let Some(item) = seq.next_element()?
        {
            items.push(item);
        }
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Array(items))
    }
    absent!(bool);
    absent!(integer);
    absent!(str);
    absent!(map);
}

impl<'de, T: Deserialize<'de>, const MOST: usize> Deserialize<'de> for Array<T, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(For(PhantomData::<Array<T, MOST>>))
    }
}
