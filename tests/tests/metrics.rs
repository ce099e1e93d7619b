//! What Prometheus and a probe see of the program while it cannot reach its cluster yet.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this file is a test, its helpers too"
)]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The program: the one that is named, else the one that was built beside this test.
fn program() -> PathBuf {
    std::env::var_os("CX_TIMELINES_BIN").map_or_else(
        || std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().join("cx-timelines"),
        PathBuf::from,
    )
}

/// Ends the program whatever the test does.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// An address that nobody listens on, for now.
fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

fn get(address: SocketAddr, path: &str) -> std::io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Ok((status, body.to_owned()))
}

/// What promtool says, or `None` without one.
fn promtool(scrape: &str) -> Option<(bool, String)> {
    let path = std::env::var_os("CX_PROMTOOL").unwrap_or_else(|| "promtool".into());
    let mut check = Command::new(path)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    check.stdin.take().unwrap().write_all(scrape.as_bytes()).unwrap();
    let said = check.wait_with_output().unwrap();
    let text = [said.stdout, said.stderr].concat();
    Some((said.status.success(), String::from_utf8_lossy(&text).into_owned()))
}

#[test]
fn without_a_broker_it_is_live_not_ready_and_its_metrics_are_clean() {
    let (http, nowhere) = (free_address(), free_address());
    let state = tempfile::tempdir().unwrap();
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut running = Running(
        Command::new(program())
            .args(["run", "--bootstrap", &nowhere.to_string(), "--http", &http.to_string(), "--state-dir"])
            .arg(state.path())
            .current_dir(top)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    );
    let begun = Instant::now();
    let (status, scrape) = loop {
        if let Ok(answer) = get(http, "/metrics") {
            break answer;
        }
        let ended = running.0.try_wait().unwrap();
        assert!(ended.is_none(), "it ended instead of trying again: {ended:?}");
        assert!(begun.elapsed() < Duration::from_secs(10), "no answer on {http}");
        std::thread::sleep(Duration::from_millis(50));
    };
    assert_eq!(status, 200);
    assert!(scrape.contains("\ncx_timelines_transactions_total{outcome=\"committed\"} 0\n"), "{scrape}");
    assert_eq!(get(http, "/health/live").unwrap().0, 200);
    let (status, why) = get(http, "/health/ready").unwrap();
    assert_eq!(status, 503, "{why}");
    assert!(why.starts_with("{\"ready\":false,"), "{why}");
    match promtool(&scrape) {
        Some((clean, said)) => assert!(clean && said.is_empty(), "{said}"),
        None => eprintln!("not checked: there is no promtool"),
    }
}
