// SPDX-License-Identifier: Apache-2.0

//! The machine's limits: memory and open files.

use std::fs;
use std::path::Path;

use super::report::Check;
use crate::cli::RunArgs;

/// Files of the state, HTTP connections, and the process itself.
const FILES_OF_PROCESS: u64 = 256 + 64 + 64;
/// A worker's clients have a connection to each broker, and some for bootstrap.
const CLIENTS_OF_WORKER: u64 = 3;

/// Compares `--memory` with the available memory.
pub fn memory(args: &RunArgs) -> Check {
    const NAME: &str = "memory";
    let info = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let (Some(total), Some(available)) = (kilobytes(&info, "MemTotal:"), kilobytes(&info, "MemAvailable:"))
    else {
        return Check::skip(NAME, "this system does not report its memory");
    };
    memory_of(args.memory, total, available, control_group())
}

fn memory_of(wanted: u64, total: u64, available: u64, limit: Option<u64>) -> Check {
    const NAME: &str = "memory";
    // Without a limit some systems report one that is out of reach.
    let limit = limit.filter(|limit| *limit < total);
    let most = limit.unwrap_or(total);
    let found = format!(
        "--memory {} of {} ({} available{})",
        mib(wanted),
        mib(total),
        mib(available),
        limit.map(|limit| format!(", limited to {}", mib(limit))).unwrap_or_default()
    );
    if wanted > most {
        return Check::fail(NAME, found, "give --memory less than that, or the machine or container more");
    }
    if wanted > available {
        return Check::warn(
            NAME,
            found,
            "others use it: end them, or give --memory less; an instance that runs already counts",
        );
    }
    Check::ok(NAME, found)
}

fn mib(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}

fn kilobytes(text: &str, start: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(start))?;
    line.split_ascii_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}

/// The memory limit of the container or service, if any.
fn control_group() -> Option<u64> {
    let root = Path::new("/sys/fs/cgroup");
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let own = own.lines().find_map(|line| line.strip_prefix("0::/")).unwrap_or_default();
    let files = [root.join(own).join("memory.max"), root.join("memory/memory.limit_in_bytes")];
    files.iter().find_map(|file| fs::read_to_string(file).ok()?.trim().parse().ok())
}

/// Compares the limit of open files with what the workers need.
pub fn open_files(args: &RunArgs, brokers: Option<usize>) -> Check {
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    match soft_limit(&limits) {
        Some(limit) => open_files_of(limit, u64::from(args.workers), brokers.unwrap_or(3) as u64),
        None => Check::skip("open files", "this system does not report the limit"),
    }
}

fn open_files_of(limit: u64, workers: u64, brokers: u64) -> Check {
    let needed = FILES_OF_PROCESS + workers * CLIENTS_OF_WORKER * (brokers + 2);
    let found = format!("up to {limit}, about {needed} are needed");
    if limit < needed {
        let remedy =
            format!("raise the limit to {needed} or more (ulimit -n, LimitNOFILE=, --ulimit nofile=)");
        return Check::fail("open files", found, remedy);
    }
    Check::ok("open files", found)
}

fn soft_limit(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    match line.split_ascii_whitespace().next()? {
        "unlimited" => Some(u64::MAX),
        number => number.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::Status;
    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn memory_that_is_not_there_fails_and_memory_that_others_use_is_a_warning() {
        let of = |wanted, limit| memory_of(wanted * MIB, 1000 * MIB, 500 * MIB, limit).status;
        assert_eq!(of(256, None), Status::Ok);
        assert_eq!(of(600, None), Status::Warn);
        assert_eq!(of(1001, None), Status::Fail);
        assert_eq!(of(256, Some(255 * MIB)), Status::Fail);
    }

    #[test]
    fn files_are_counted_by_workers_and_brokers() {
        assert_eq!(open_files_of(1024, 1, 3).status, Status::Ok);
        assert_eq!(open_files_of(256, 1, 3).status, Status::Fail);
        assert_eq!(open_files_of(1024, 64, 3).status, Status::Fail);
    }

    #[test]
    fn what_the_kernel_tells_is_read() {
        assert_eq!(kilobytes("MemTotal:  8 kB\nMemAvailable: 4 kB\n", "MemAvailable:"), Some(4096));
        assert_eq!(soft_limit("Limit Soft Hard\nMax open files            1024   4096  files\n"), Some(1024));
        assert_eq!(soft_limit("Max open files            unlimited   unlimited  files\n"), Some(u64::MAX));
        assert_eq!(soft_limit(""), None);
    }
}
