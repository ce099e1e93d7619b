// SPDX-License-Identifier: Apache-2.0

//! Serialization of this module's state: a version, then the compact form.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::compact;

/// Serializes a value after the version of its format.
pub(super) fn write<T: Serialize>(value: &T, version: u8) -> Result<Vec<u8>, String> {
    compact::write(version, value).map_err(|problem| problem.to_string())
}

/// Parses what [`write()`] wrote with the same version; the value must use all bytes.
pub(super) fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8], version: u8, what: &str) -> Result<T, String> {
    let Some((found, rest)) = bytes.split_first() else {
        return Err(format!("{what} has no bytes"));
    };
    if *found != version {
        return Err(format!("{what} has version {found} of its form, not {version}"));
    }
    compact::read(rest).map_err(|problem| format!("{what} cannot be read: {problem}"))
}

/// A text that many entries share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shared(pub(super) Arc<str>);

impl From<&str> for Shared {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl Serialize for Shared {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Shared {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&str>::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_reads_back() {
        let value = (Shared::from("q"), 3_u8);
        let bytes = write(&value, 1).unwrap();
        assert_eq!(read(&bytes, 1, "it"), Ok(value));
    }

    #[test]
    fn another_version_too_few_and_too_many_bytes_are_refused_with_what_is_wrong() {
        let mut bytes = write(&("text", 3_u8), 1).unwrap();
        let refused = |bytes: &[u8], version| read::<(&str, u8)>(bytes, version, "it").unwrap_err();
        assert_eq!(refused(&bytes, 2), "it has version 1 of its form, not 2");
        assert_eq!(refused(&[], 1), "it has no bytes");
        assert!(refused(&bytes[..3], 1).starts_with("it cannot be read"));
        let last = bytes.last_mut().unwrap();
        *last -= 1;
        assert!(refused(&bytes, 1).starts_with("it cannot be read"));
    }
}
