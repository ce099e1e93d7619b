//! Encoding of single values.

use std::borrow::Cow;

use model::{
    AlertKind, AlertState, Category, ConversationState, Dimension, Finality, Json, Kind, Outcome,
    ReactionKind, RoomMode, SessionEnd, Stage, VisitOutcome, Waits,
};

/// A value with a fixed Avro encoding, as the schemas define it.
pub(crate) trait Datum {
    /// Appends the bytes.
    fn write(&self, out: &mut Vec<u8>);
}

/// A `long`: zigzag, seven bits per byte, the lowest first.
pub(super) fn long(value: i64, out: &mut Vec<u8>) {
    let mut rest = ((value << 1) ^ (value >> 63)).cast_unsigned();
    loop {
        let [low, ..] = rest.to_le_bytes();
        rest >>= 7;
        if rest == 0 {
            out.push(low & 0x7f);
            return;
        }
        out.push(low | 0x80);
    }
}

/// A length, or the number of items in a block.
pub(super) fn length(length: usize, out: &mut Vec<u8>) {
    // Nothing in memory is longer than an i64.
    long(i64::try_from(length).unwrap_or(i64::MAX), out);
}

/// The end of an array or map.
pub(super) const END: u8 = 0;

/// The first branch of a union `["null", …]`.
const ABSENT: u8 = 0;
/// The second branch.
const PRESENT: u8 = 2;

impl Datum for i64 {
    fn write(&self, out: &mut Vec<u8>) {
        long(*self, out);
    }
}

/// Avro has no unsigned numbers; ours are counts of events.
impl Datum for u64 {
    fn write(&self, out: &mut Vec<u8>) {
        long(i64::try_from(*self).unwrap_or(i64::MAX), out);
    }
}

impl Datum for f64 {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_le_bytes());
    }
}

impl Datum for str {
    fn write(&self, out: &mut Vec<u8>) {
        length(self.len(), out);
        out.extend_from_slice(self.as_bytes());
    }
}

impl<T: Datum + ?Sized> Datum for &T {
    fn write(&self, out: &mut Vec<u8>) {
        (**self).write(out);
    }
}

impl Datum for Box<str> {
    fn write(&self, out: &mut Vec<u8>) {
        (**self).write(out);
    }
}

impl Datum for Cow<'_, str> {
    fn write(&self, out: &mut Vec<u8>) {
        (**self).write(out);
    }
}

/// Free-form JSON is encoded as a string.
impl Datum for Json<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        self.as_str().write(out);
    }
}

impl<T: Datum> Datum for Option<T> {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            None => out.push(ABSENT),
            Some(value) => {
                out.push(PRESENT);
                value.write(out);
            }
        }
    }
}

impl<T: Datum> Datum for [T] {
    fn write(&self, out: &mut Vec<u8>) {
        if !self.is_empty() {
            length(self.len(), out);
            self.iter().for_each(|item| item.write(out));
        }
        out.push(END);
    }
}

impl<T: Datum> Datum for Vec<T> {
    fn write(&self, out: &mut Vec<u8>) {
        self.as_slice().write(out);
    }
}

/// Constants are strings: a new one must not break older readers.
macro_rules! words {
    ($($name:ident)*) => { $(
        impl Datum for $name {
            fn write(&self, out: &mut Vec<u8>) {
                self.as_str().write(out);
            }
        }
    )* };
}

words! {
    AlertKind AlertState Category ConversationState Dimension Finality Kind Outcome ReactionKind RoomMode SessionEnd Stage VisitOutcome
    Waits
}

#[cfg(test)]
mod tests {
    use super::*;
    use apache_avro::{Schema, types::Value};
    use proptest::prelude::*;

    fn written(value: &(impl Datum + ?Sized)) -> Vec<u8> {
        let mut out = Vec::new();
        value.write(&mut out);
        out
    }

    fn refereed(schema: &Schema, value: Value) -> Vec<u8> {
        let writer = apache_avro::writer::datum::GenericDatumWriter::builder(schema).build().unwrap();
        writer.write_value_to_vec(value).unwrap()
    }

    #[test]
    fn numbers_have_the_specifications_bytes() {
        for (value, bytes) in [(0_i64, &[0][..]), (-1, &[1]), (1, &[2]), (-64, &[0x7f]), (64, &[0x80, 1])] {
            assert_eq!(written(&value), bytes, "{value}");
        }
        assert_eq!(written(&u64::MAX), written(&i64::MAX));
    }

    #[test]
    fn an_empty_list_is_its_end() {
        assert_eq!(written(&Vec::<i64>::new()), [END]);
    }

    proptest! {
        #[test]
        fn numbers_are_written_as_the_referee_writes_them(value: i64, fraction: f64) {
            prop_assert_eq!(written(&value), refereed(&Schema::Long, value.into()));
            prop_assert_eq!(written(&fraction), refereed(&Schema::Double, fraction.into()));
        }

        #[test]
        fn lists_of_text_are_written_as_the_referee_writes_them(list in prop::collection::vec("\\PC{0,80}", 0..70)) {
            let values = Value::Array(list.iter().map(|text| Value::String(text.clone())).collect());
            let list: Vec<Box<str>> = list.into_iter().map(String::into_boxed_str).collect();
            prop_assert_eq!(written(&list), refereed(&Schema::array(Schema::String).build(), values));
        }
    }
}
