// SPDX-License-Identifier: Apache-2.0

//! Splits a long scan into several records of the state, so that none becomes large. Long scans are rare: they hold all of a
//! conversation's sessions, stays, visits and wrap-ups.

use engine::{Emitter, ProcessError};

use super::keys;
use super::state::{Progress, corrupt};

/// Maximum size of a record with a scan, or with a part of one.
pub(crate) const PART_BYTES: usize = 512 << 10;
/// First byte of the first part of a split scan, instead of the format version.
const PARTED: u8 = 0xff;
const COUNT_BYTES: usize = size_of::<u32>();
const HEAD_BYTES: usize = 1 + COUNT_BYTES;

/// Whether a scan has more parts than this record.
pub(super) fn is_parted(value: &[u8]) -> bool {
    value.first() == Some(&PARTED)
}

/// Number of parts besides the first.
pub(super) fn count(value: &[u8]) -> u32 {
    let count = value.get(1..HEAD_BYTES).filter(|_| is_parted(value));
    count.and_then(|count| count.first_chunk()).map_or(0, |count| u32::from_be_bytes(*count))
}

/// Reads the scan at a key.
pub(super) fn read(key: &[u8], emitter: &mut Emitter<'_>) -> Result<Option<Progress>, ProcessError> {
    let first = emitter.read(key, |value| First::of(key, value))??;
    first.whole(key, |part| emitter.read(part, |value| value.map(<[u8]>::to_vec)))
}

/// Reads the scan at a key, for a downstream processor.
pub(super) fn read_of(key: &[u8], emitter: &mut Emitter<'_>) -> Result<Option<Progress>, ProcessError> {
    let first = emitter.read_of(super::NAME, key, |value| First::of(key, value))??;
    first.whole(key, |part| emitter.read_of(super::NAME, part, |value| value.map(<[u8]>::to_vec)))
}

/// Reads the scan in a value of the state; `get` reads other keys.
pub(super) fn read_value(
    key: &[u8],
    value: &[u8],
    get: impl FnMut(&[u8]) -> Result<Option<Vec<u8>>, ProcessError>,
) -> Result<Option<Progress>, ProcessError> {
    First::of(key, Some(value))?.whole(key, get)
}

/// Writes a scan, and deletes surplus parts of the previous one, which had `parts_before` parts besides the first.
pub(super) fn write(
    key: &[u8],
    progress: &Progress,
    parts_before: u32,
    emitter: &mut Emitter<'_>,
) -> Result<(), ProcessError> {
    let bytes = progress.write(key)?;
    let mut beside = 0;
    if bytes.len() <= PART_BYTES {
        emitter.put(key, &bytes);
    } else {
        let mut parts = bytes.chunks(PART_BYTES - HEAD_BYTES);
        let first = parts.next().unwrap_or_default();
        for part in parts {
            emitter.put(&keys::part(key, beside), part);
            beside += 1;
        }
        emitter.put(key, &[&[PARTED], beside.to_be_bytes().as_slice(), first].concat());
    }
    for part in beside..parts_before {
        emitter.delete(&keys::part(key, part));
    }
    Ok(())
}

/// Deletes a scan with this number of parts besides the first.
pub(super) fn delete(key: &[u8], parts: u32, emitter: &mut Emitter<'_>) {
    emitter.delete(key);
    (0..parts).for_each(|part| emitter.delete(&keys::part(key, part)));
}

/// The value at a scan's own key. It lives for one call, so its size does not matter.
#[expect(clippy::large_enum_variant, reason = "boxing would allocate for every conversation of a commit")]
enum First {
    Whole(Option<Progress>),
    Part { bytes: Vec<u8>, beside: u32 },
}

impl First {
    fn of(key: &[u8], value: Option<&[u8]>) -> Result<Self, ProcessError> {
        match value {
            Some(value) if is_parted(value) => {
                let bytes = value.get(HEAD_BYTES..).unwrap_or_default().to_vec();
                Ok(Self::Part { bytes, beside: count(value) })
            }
            value => Progress::read(key, value).map(Self::Whole),
        }
    }

    fn whole(
        self,
        key: &[u8],
        mut get: impl FnMut(&[u8]) -> Result<Option<Vec<u8>>, ProcessError>,
    ) -> Result<Option<Progress>, ProcessError> {
        let (mut bytes, beside) = match self {
            Self::Whole(progress) => return Ok(progress),
            Self::Part { bytes, beside } => (bytes, beside),
        };
        for part in 0..beside {
            let missing = || corrupt(key, format!("part {part} of the scan is missing"));
            bytes.extend_from_slice(&get(&keys::part(key, part))?.ok_or_else(missing)?);
        }
        let mut progress = Progress::read(key, Some(&bytes))?;
        if let Some(progress) = &mut progress {
            progress.set_parts(beside);
        }
        Ok(progress)
    }
}
