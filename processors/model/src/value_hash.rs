//! A number for a JSON value, whatever text spells it: the order of fields, whitespace, escapes and the spelling of numbers
//! do not matter. Of a repeated field the last counts.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use xxhash_rust::xxh64::xxh64;

/// The number for a JSON text. Text that is no JSON counts as a string.
pub(crate) fn value_hash(text: &str) -> u64 {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    ValueHash.deserialize(&mut deserializer).unwrap_or_else(|_| of_text(text))
}

/// Begins the bytes of each kind of value, so that no two kinds meet.
#[derive(Clone, Copy)]
enum Shape {
    Null = 1,
    Bool = 2,
    Number = 3,
    Text = 4,
    Array = 5,
    Object = 6,
}

fn of(shape: Shape, bytes: &[u8]) -> u64 {
    xxh64(bytes, shape as u64)
}

fn of_text(text: &str) -> u64 {
    of(Shape::Text, text.as_bytes())
}

/// All numbers as doubles: `1`, `1.0` and `1e0` are one number.
fn of_number(number: f64) -> u64 {
    let number = if number == 0.0 { 0.0 } else { number };
    of(Shape::Number, &number.to_bits().to_le_bytes())
}

fn of_parts(shape: Shape, parts: impl Iterator<Item = u64>) -> u64 {
    let bytes: Vec<u8> = parts.flat_map(u64::to_le_bytes).collect();
    of(shape, &bytes)
}

struct ValueHash;

impl<'de> DeserializeSeed<'de> for ValueHash {
    type Value = u64;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<u64, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueHash {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<u64, E> {
        Ok(of(Shape::Null, b""))
    }

    fn visit_bool<E>(self, value: bool) -> Result<u64, E> {
        Ok(of(Shape::Bool, &[u8::from(value)]))
    }

    #[expect(clippy::cast_precision_loss, reason = "numbers that no double tells apart count as the same")]
    fn visit_i64<E>(self, value: i64) -> Result<u64, E> {
        Ok(of_number(value as f64))
    }

    #[expect(clippy::cast_precision_loss, reason = "numbers that no double tells apart count as the same")]
    fn visit_u64<E>(self, value: u64) -> Result<u64, E> {
        Ok(of_number(value as f64))
    }

    fn visit_f64<E>(self, value: f64) -> Result<u64, E> {
        Ok(of_number(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<u64, E> {
        Ok(of_text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<u64, A::Error> {
        let mut parts = Vec::new();
        while let Some(part) = items.next_element_seed(ValueHash)? {
            parts.push(part);
        }
        Ok(of_parts(Shape::Array, parts.into_iter()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<u64, A::Error> {
        let mut parts: Vec<(u64, u64)> = Vec::new();
        while let Some(name) = fields.next_key_seed(ValueHash)? {
            parts.push((name, fields.next_value_seed(ValueHash)?));
        }
        // Equal names stay in the order in which they came.
        parts.sort_by_key(|(name, _)| *name);
        parts.dedup_by(|later, kept| {
            let is_repeated = later.0 == kept.0;
            if is_repeated {
                kept.1 = later.1;
            }
            is_repeated
        });
        Ok(of_parts(Shape::Object, parts.into_iter().flat_map(|(name, value)| [name, value])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn same(a: &str, b: &str) -> bool {
        value_hash(a) == value_hash(b)
    }

    #[test]
    fn the_same_value_has_the_same_number_however_it_is_spelled() {
        assert!(same(r#"{"a":1,"b":[true,null]}"#, r#"{ "b": [true, null], "a": 1.0 }"#));
        assert!(same(r#""\ud83c\uddea""#, "\"🇪\""));
        assert!(same("1e2", "100") && same("-0.0", "0") && same("0.1", "1e-1"));
        assert!(same(r#"{"a":1,"a":2}"#, r#"{"a":2}"#), "of a repeated field the last counts");
    }

    #[test]
    fn other_values_have_other_numbers() {
        let texts = [
            "null",
            "false",
            "true",
            "0",
            "1",
            r#""""#,
            r#""0""#,
            "[]",
            "{}",
            "[0]",
            "[[0]]",
            "[0,1]",
            "[1,0]",
            r#"{"a":0}"#,
            r#"{"a":1}"#,
            r#"{"b":0}"#,
            r#"{"a":{}}"#,
            r#"{"a":[]}"#,
            r#"{"a":"b","c":"d"}"#,
            r#"{"a":"d","c":"b"}"#,
        ];
        for (place, text) in texts.iter().enumerate() {
            for other in texts.iter().skip(place + 1) {
                assert!(!same(text, other), "{text} {other}");
            }
        }
    }

    proptest! {
        #[test]
        fn pretty_and_compact_and_shuffled_objects_agree(
            fields in prop::collection::vec(("\\PC{0,4}", any::<i32>()), 0..6),
        ) {
            let object: serde_json::Map<String, Value> =
                fields.iter().map(|(name, value)| (name.clone(), json!([value]))).collect();
            let backwards: Vec<String> =
                object.iter().rev().map(|(name, value)| format!("{}:{value}", json!(name))).collect();
            let backwards = format!("{{{}}}", backwards.join(" ,\n"));
            let pretty = serde_json::to_string_pretty(&object).unwrap();
            prop_assert!(same(&pretty, &backwards));
        }
    }
}
