// SPDX-License-Identifier: Apache-2.0

//! Prometheus' own linter.

use std::io::Write;
use std::process::{Command, Stdio};

/// Fails if promtool finds anything to say about a scrape. Without promtool it says so, and checks nothing;
/// `tests/run` makes sure that it is there.
pub fn check_scrape(scrape: &str) {
    let named = std::env::var_os("CX_PROMTOOL");
    let check = Command::new(named.clone().unwrap_or_else(|| "promtool".into()))
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut check = match check {
        Ok(check) => check,
        Err(error) if named.is_some() => panic!("promtool cannot be started: {error}"),
        Err(_) => {
            eprintln!("NOT CHECKED: there is no promtool");
            return;
        }
    };
    check.stdin.take().unwrap().write_all(scrape.as_bytes()).unwrap();
    let said = check.wait_with_output().unwrap();
    let text = [said.stdout, said.stderr].concat();
    assert!(said.status.success() && text.is_empty(), "promtool: {}", String::from_utf8_lossy(&text));
}
