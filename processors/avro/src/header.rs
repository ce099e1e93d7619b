// SPDX-License-Identifier: Apache-2.0

//! The header of a value in the wire format: a zero byte and the schema's id in the registry.

/// The first byte of every value in the wire format.
const MAGIC: u8 = 0;

/// The size of the header.
pub(crate) const HEADER_BYTES: usize = 5;

/// Writes the header.
pub(crate) fn begin(schema_id: u32, out: &mut Vec<u8>) {
    out.push(MAGIC);
    out.extend_from_slice(&schema_id.to_be_bytes());
}

/// The schema id of a value, and its data; `None` when the value is not in the wire format.
#[must_use]
pub fn split(value: &[u8]) -> Option<(u32, &[u8])> {
    let (&MAGIC, rest) = value.split_first()? else { return None };
    let (id, data) = rest.split_first_chunk()?;
    Some((u32::from_be_bytes(*id), data))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shorter_or_begins_otherwise_is_not_in_the_wire_format() {
        for value in [&b""[..], b"{}", b"\0\0\0\0", b"\x01\0\0\0\x01x"] {
            assert_eq!(split(value), None, "{value:?}");
        }
        assert_eq!(split(b"\0\0\0\0\x07"), Some((7, &b""[..])));
    }
}
