// SPDX-License-Identifier: Apache-2.0

//! Folders of examples and kits, for a build that leaves nothing in the repository.

use std::path::Path;

/// Copies a folder, without folders of these names within it, which tools make.
pub fn copy(from: &Path, to: &Path, left_out: &[&str]) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        match path.is_dir() {
            true if left_out.iter().any(|name| entry.file_name() == *name) => {}
            true => copy(&path, &to, left_out),
            false => drop(std::fs::copy(&path, &to).unwrap()),
        }
    }
}
