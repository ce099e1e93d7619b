// SPDX-License-Identifier: Apache-2.0

//! The disk that holds the state.

use std::path::Path;

/// Figures of one measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Space {
    pub(super) size_bytes: i64,
    /// Bytes available to this process.
    pub(super) free_bytes: i64,
}

/// The space of the file system that holds this folder; `None` when it is unknown, for example because the folder is gone.
pub(super) fn space(folder: &Path) -> Option<Space> {
    let file_system = rustix::fs::statvfs(folder).ok()?;
    let bytes = |blocks: u64| i64::try_from(blocks.checked_mul(file_system.f_frsize)?).ok();
    Some(Space { size_bytes: bytes(file_system.f_blocks)?, free_bytes: bytes(file_system.f_bavail)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_a_disk_that_is_not_more_than_free() {
        let space = space(&std::env::temp_dir()).unwrap();
        assert!(space.size_bytes > 0 && (0..=space.size_bytes).contains(&space.free_bytes), "{space:?}");
    }

    #[test]
    fn a_folder_that_is_gone_gives_no_figures() {
        assert_eq!(space(Path::new("/nowhere/at/all")), None);
    }
}
