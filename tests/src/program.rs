// SPDX-License-Identifier: Apache-2.0

//! The program, started as a user starts it.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::http;

/// An orderly stop that takes longer than this hangs.
const STOP_MAX: Duration = Duration::from_secs(60);

/// The program: the one that is named, else the one that was built beside this test (which lies a folder deeper) or command.
#[must_use]
pub fn program() -> PathBuf {
    if let Some(named) = std::env::var_os("CX_TIMELINES_BIN") {
        return PathBuf::from(named);
    }
    let this = std::env::current_exe().unwrap();
    let beside = this.ancestors().skip(1).take(2).map(|folder| folder.join("cx-timelines"));
    let built = beside.into_iter().find(|program| program.is_file());
    built.expect("no cx-timelines beside this program: build it with `cargo build -p app`, or name one in CX_TIMELINES_BIN")
}

/// A command of the program from the top of the repository, without the environment's settings.
fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.args(arguments).current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with("CX_") && name != "CX_TIMELINES_BIN" {
            command.env_remove(name);
        }
    }
    command
}

/// What a command prints that has to succeed. It reads nothing.
///
/// # Panics
/// It fails.
pub fn succeed(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{command:?}: {said}{}", String::from_utf8_lossy(&output.stderr));
    said
}

/// Runs a command to its end with this standard input.
#[must_use]
pub fn run_to_end(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = command(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || {
        // A program that ends before it has read everything is the test's business, not the pipe's.
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

/// What `fold` prints for this input.
#[must_use]
pub fn fold(input: &[u8]) -> String {
    let output = run_to_end(&["fold", "-"], input);
    assert!(output.status.success(), "fold: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Folds a file of records into another file.
pub fn fold_file(input: &Path, output: &std::fs::File) {
    let arguments = ["fold", input.to_str().unwrap()];
    let mut fold = command(&arguments);
    let ended = fold
        .stdin(Stdio::null())
        .stdout(output.try_clone().unwrap())
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert!(ended.status.success(), "fold: {}", String::from_utf8_lossy(&ended.stderr));
}

/// What an instance is started with that may be killed, and started again.
#[derive(Debug, Clone, Copy)]
pub struct Instance<'i> {
    /// The broker's address.
    pub bootstrap: &'i str,
    /// The topics.yaml.
    pub config: &'i Path,
    /// Its state directory.
    pub state: &'i Path,
    /// A killed or sleeping instance's partitions are free after this time.
    pub session_timeout: Duration,
}

impl Instance<'_> {
    /// Starts it, with more flags; what it says goes to a file.
    #[must_use]
    pub fn start(&self, flags: &[&str], log: PathBuf) -> Program {
        let session = format!("session.timeout.ms={}", self.session_timeout.as_millis());
        let standard = [
            "run",
            "--bootstrap",
            self.bootstrap,
            "--config",
            self.config.to_str().unwrap(),
            "--state-dir",
            self.state.to_str().unwrap(),
            "--http",
            "127.0.0.1:0",
            "--kafka",
            &session,
            "--kafka",
            "heartbeat.interval.ms=500",
        ];
        Program::start(&[&standard[..], flags].concat(), log)
    }
}

/// A running instance. Its end is the test's: it is killed when it is dropped.
pub struct Program {
    child: Child,
    log: PathBuf,
}

impl Program {
    /// Starts the program; what it says goes to a file.
    #[must_use]
    pub fn start(arguments: &[&str], log: PathBuf) -> Self {
        Self::start_with(arguments, &[], log)
    }

    /// The same, with these variables of the environment.
    #[must_use]
    pub fn start_with(arguments: &[&str], environment: &[(String, String)], log: PathBuf) -> Self {
        let file = std::fs::OpenOptions::new().create(true).append(true).open(&log).unwrap();
        let child = command(arguments)
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap();
        Self { child, log }
    }

    /// Everything that it has said.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// kill -9.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Whether it still runs.
    #[must_use]
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// The most memory that it has taken so far.
    #[must_use]
    pub fn peak_memory_bytes(&self) -> u64 {
        self.peak_memory().unwrap()
    }

    /// The same; none where it has ended.
    #[must_use]
    pub fn peak_memory(&self) -> Option<u64> {
        sandbox::peak_memory_bytes(self.child.id())
    }

    /// Sends a signal, by its name.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits until it ends by itself; gives the exit code.
    #[must_use]
    pub fn wait_for_end(&mut self, at_most: Duration) -> Option<i32> {
        wait_until("the program ends by itself", at_most, || self.child.try_wait().unwrap()).code()
    }

    /// SIGTERM; gives the exit code and how long the end took.
    #[must_use]
    pub fn terminate(&mut self) -> (Option<i32>, Duration) {
        let begun = Instant::now();
        self.signal("TERM");
        let status = wait_until("the program ends", STOP_MAX, || self.child.try_wait().unwrap());
        (status.code(), begun.elapsed())
    }

    /// The address that it says it serves HTTP on. It speaks of other addresses too.
    #[must_use]
    pub fn http_address(&mut self) -> SocketAddr {
        wait_until("the program says its HTTP address", Duration::from_secs(60), || {
            let log = self.log();
            assert!(self.child.try_wait().unwrap().is_none(), "the program ended: {log}");
            let (said, address) = ("health at http://", "127.0.0.1:");
            let start = log.rfind(&format!("{said}{address}"))? + said.len();
            let rest = &log[start..];
            let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == ':'))?;
            rest[..end].parse().ok()
        })
    }

    /// The sum of one of its metrics over the labels, now; 0 where there is no such series yet.
    #[must_use]
    pub fn figure(&mut self, name: &str) -> f64 {
        series(&self.get("/metrics").1, name).unwrap_or(0.0)
    }

    /// One GET: status and body.
    #[must_use]
    pub fn get(&mut self, path: &str) -> (u16, String) {
        let answer = http::get(self.http_address(), path, "");
        (answer.status, answer.body)
    }
}

/// The sum of a series over its labels in a scrape; a name with labels is one of them. `None` where there is no such series.
#[must_use]
pub fn series(scrape: &str, name: &str) -> Option<f64> {
    let is_it = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{']));
    let value = |line: &str| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap();
    scrape.lines().filter(is_it).map(value).reduce(|sum, value| sum + value)
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("---- {} ----\n{}", self.log.display(), self.log());
        }
    }
}

/// Asks again and again until there is an answer. Panics, with what was waited for, when it takes too long.
pub fn wait_until<T>(what: &str, at_most: Duration, mut question: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + at_most;
    loop {
        if let Some(answer) = question() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited {at_most:?} in vain: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
