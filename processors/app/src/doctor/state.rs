// SPDX-License-Identifier: Apache-2.0

//! The state directory: access, its user, and the origin of its state.

use std::path::{Path, PathBuf};

use disk::care::StateCheck;

use super::report::Check;
use crate::instance::{self, Holder};
use crate::state::{self, Origin};

const NAME: &str = "state directory";
/// Below this free share the alert fires, too.
const FREE_LEAST: f64 = 0.1;
/// Merging tables needs space for the new ones.
const FREE_BYTES_LEAST: i64 = 256 << 20;

/// All checks; `origin` is `None` when the cluster is unknown.
pub fn check(state_dir: Option<&Path>, origin: Option<&Origin<'_>>) -> Vec<Check> {
    let Some(folder) = state_dir else {
        let found = "none: the state is in memory, and restored whole at each start; --state-dir names one";
        return vec![Check::ok(NAME, found)];
    };
    let there = nearest(folder);
    // An unnamed file disappears with its handle and with the process.
    if let Err(error) = tempfile::tempfile_in(&there) {
        let remedy = "give it to the user that runs this, or name another one with --state-dir";
        return vec![Check::fail(NAME, format!("{} cannot be written: {error}", there.display()), remedy)];
    }
    let mut checks = vec![used(folder), space(&there)];
    match origin {
        Some(origin) => checks.push(kept(folder, origin)),
        None => checks.push(Check::skip("state", "its origin cannot be checked without the cluster")),
    }
    checks
}

/// The directory, or the one in which it would be created.
fn nearest(folder: &Path) -> PathBuf {
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let there = absolute.ancestors().find(|folder| folder.exists());
    there.map_or(absolute.clone(), Path::to_owned)
}

fn used(folder: &Path) -> Check {
    let name = folder.display();
    if !folder.exists() {
        return Check::ok(NAME, format!("{name} does not exist yet, and can be made"));
    }
    match instance::holder(folder) {
        Ok(Holder::Free) => Check::ok(NAME, format!("{name} can be written and is free")),
        Ok(Holder::Process(process)) => {
            let who = process.map_or("a process".to_owned(), |process| format!("process {process}"));
            Check::ok(
                NAME,
                format!("{name} can be written, {who} uses it; another instance needs one of its own"),
            )
        }
        Err(error) => Check::fail(
            NAME,
            format!("{name}: its lock cannot be read: {error}"),
            "give it to the user that runs this, or name another one with --state-dir",
        ),
    }
}

fn space(folder: &Path) -> Check {
    match edge::metrics::disk_space(folder) {
        Some((size, free)) => space_of(size, free),
        None => Check::skip("disk", "its file system does not report the free space"),
    }
}

fn space_of(size: i64, free: i64) -> Check {
    #[expect(clippy::cast_precision_loss, reason = "a share need not be exact")]
    let share = free as f64 / size.max(1) as f64;
    let found = format!("{} MiB free, {:.0} %", free >> 20, share * 100.0);
    let remedy = "free some, or give the state a larger disk; see docs/capacity.md for the space it needs";
    if free < FREE_BYTES_LEAST {
        return Check::fail("disk", found, remedy);
    }
    if share < FREE_LEAST { Check::warn("disk", found, remedy) } else { Check::ok("disk", found) }
}

fn kept(folder: &Path, origin: &Origin<'_>) -> Check {
    const NAME: &str = "state";
    let kept = match state::look(folder, origin) {
        Ok(kept) => kept,
        Err(error) => {
            return Check::fail(NAME, error.to_string(), "name another directory with --state-dir");
        }
    };
    let unusable = kept.values().filter_map(|kept| match kept {
        StateCheck::Usable => None,
        StateCheck::Unusable { fact, why } => Some((fact.as_deref(), why)),
    });
    let unusable: Vec<(Option<&str>, &String)> = unusable.collect();
    if let Some((_, why)) = unusable.iter().find(|(fact, _)| state::is_of_another(*fact)) {
        return Check::fail(
            NAME,
            format!("the state in {} belongs to another group or cluster: {why}", folder.display()),
            "check --bootstrap and --group, or name another --state-dir; `run` would discard it",
        );
    }
    if let Some((_, why)) = unusable.iter().find(|(fact, _)| state::is_of_another_form(*fact)) {
        return Check::warn(
            NAME,
            format!("the state in {} has another format: {why}", folder.display()),
            "the changelog has that format too: read docs/upgrade.md before starting this program",
        );
    }
    if let Some((_, why)) = unusable.first() {
        return Check::warn(
            NAME,
            format!("{} of {} partitions cannot be used: {why}", unusable.len(), kept.len()),
            "nothing: `run` restores them from the changelog, which takes longer once",
        );
    }
    Check::ok(NAME, format!("{} partitions, all of this cluster, group and format", kept.len()))
}

#[cfg(test)]
mod tests {
    use super::super::report::Status;
    use super::*;

    #[test]
    fn a_full_disk_fails_and_a_nearly_full_one_is_a_warning() {
        assert_eq!(space_of(100 << 30, 50 << 30).status, Status::Ok);
        assert_eq!(space_of(100 << 30, 5 << 30).status, Status::Warn);
        assert_eq!(space_of(1 << 30, 100 << 20).status, Status::Fail);
    }

    #[test]
    fn a_directory_that_is_not_there_is_fine_where_it_can_be_made_and_a_file_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let checks = check(Some(&folder.path().join("a/b")), None);
        assert_eq!(checks.first().unwrap().status, Status::Ok, "{checks:?}");
        let file = tempfile::NamedTempFile::new().unwrap();
        let checks = check(Some(&file.path().join("state")), None);
        assert_eq!(checks.first().unwrap().status, Status::Fail, "{checks:?}");
    }
}
