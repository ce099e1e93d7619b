// SPDX-License-Identifier: Apache-2.0

//! What both writers implement alike.

/// The serializers of small integers by those of large ones.
macro_rules! widen {
    ($($method:ident($narrow:ty) by $wide:ident,)*) => { $(
        fn $method(self, value: $narrow) -> Result<(), Unwritable> {
            self.$wide(value.into())
        }
    )* };
}

/// All sequences, of a type with the methods `item` and `finish`.
macro_rules! sequences {
    ($type:ident: $($trait:ident::$method:ident,)*) => { $(
        impl $trait for $type<'_, '_> {
            type Ok = ();
            type Error = Unwritable;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unwritable> {
                self.item(value)
            }

            fn end(self) -> Result<(), Unwritable> {
                self.finish()
            }
        }
    )* };
    ($type:ident) => {
        sequences! {
            $type:
            SerializeSeq::serialize_element,
            SerializeTuple::serialize_element,
            SerializeTupleStruct::serialize_field,
            SerializeTupleVariant::serialize_field,
        }
    };
}

/// A map, of a type with the methods `key`, `value` and `finish`.
macro_rules! map {
    ($type:ident) => {
        impl SerializeMap for $type<'_, '_> {
            type Ok = ();
            type Error = Unwritable;

            fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Unwritable> {
                self.key(key)
            }

            fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unwritable> {
                self.value(value)
            }

            fn end(self) -> Result<(), Unwritable> {
                self.finish()
            }
        }
    };
}

/// All types with named fields, of a type with the methods `field` and `finish`.
macro_rules! records {
    ($type:ident: $($trait:ident,)*) => { $(
        impl $trait for $type<'_, '_> {
            type Ok = ();
            type Error = Unwritable;

            #[inline(always)]
            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), Unwritable> {
                self.field(name, value)
            }

            fn end(self) -> Result<(), Unwritable> {
                self.finish()
            }
        }
    )* };
    ($type:ident) => {
        records! { $type: SerializeStruct, SerializeStructVariant, }
    };
}

pub(super) use {map, records, sequences, widen};
