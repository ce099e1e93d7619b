// SPDX-License-Identifier: Apache-2.0

//! Every command of docs/tutorial.md, in order, against a real broker, and what the page shows of their outputs.

mod page;

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use cx_timelines_tests::{program, wait_until};
use page::{How, Step, steps};
use sandbox::kafka;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// The addresses on the page, which may be in use on this machine.
const BROKER: &str = "127.0.0.1:9092";
const HTTP: &str = "127.0.0.1:9464";
/// How long a step may take until it has printed what is shown.
const TIMEOUT: Duration = Duration::from_secs(180);

/// The reader's folder and terminals.
struct Reader {
    folder: tempfile::TempDir,
    broker: String,
    http: String,
    background: Vec<Background>,
}

impl Reader {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tools = folder.path().join("target/release");
        fs::create_dir_all(&tools).unwrap();
        symlink(fs::canonicalize(program()).unwrap(), tools.join("cx-timelines")).unwrap();
        for shared in ["tests", "topics.yaml"] {
            symlink(fs::canonicalize(Path::new(ROOT).join(shared)).unwrap(), folder.path().join(shared))
                .unwrap();
        }
        let address = || format!("127.0.0.1:{}", kafka::free_port().unwrap());
        Self { folder, broker: address(), http: address(), background: Vec::new() }
    }

    /// A shell with these commands. `cargo run` gives way to what it would run.
    fn shell(&self, commands: &str) -> Command {
        let commands = commands
            .replace("cargo run --release --package sandbox --example broker", env!("CARGO_BIN_EXE_broker"))
            .replace(HTTP, &self.http)
            .replace(BROKER, &self.broker);
        assert!(!commands.contains("cargo "), "the test cannot run {commands}");
        let mut shell = Command::new("bash");
        shell
            .args(["-euo", "pipefail", "-c", &commands])
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        let settings = std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned());
        for name in settings.filter(|name| name.starts_with("CX_") && name != "CX_KAFKA_LIBS") {
            shell.env_remove(name);
        }
        let tools = self.folder.path().join("target/release");
        let path = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap());
        shell.env("PATH", path).env("CX_BOOTSTRAP", &self.broker).env("CX_HTTP", &self.http);
        shell
    }

    /// What a file of output holds, with the addresses of the page.
    fn output(&self, file: &Path) -> String {
        let text = String::from_utf8(fs::read(file).unwrap()).unwrap();
        text.replace(&self.http, HTTP).replace(&self.broker, BROKER)
    }

    /// Starts a shell whose outputs both go to this file, as to a terminal.
    fn start(&self, commands: &str, file: &Path) -> Child {
        let output = File::create(file).unwrap();
        let errors = output.try_clone().unwrap();
        self.shell(commands).process_group(0).stdout(output).stderr(errors).spawn().unwrap()
    }

    /// Runs a step once: its exit code and what it prints.
    fn once(&self, step: &Step) -> (Option<i32>, String) {
        let file = self.folder.path().join("output.log");
        let mut child = Background { child: self.start(&step.commands, &file), file: file.clone() };
        let status = wait_until(&format!("the end of\n{}", step.commands), TIMEOUT, || {
            child.child.try_wait().unwrap()
        });
        (status.code(), self.output(&file))
    }

    /// Does what the page asks for.
    fn follow(&mut self, step: &Step) {
        match step.how {
            // Only what the test has already.
            How::NotRun => {
                assert!(step.commands.lines().all(|line| line.starts_with("cargo build ")), "{step:?}");
            }
            How::Once => self.expect(step, Some(0)),
            How::Fails => self.expect(step, Some(1)),
            How::Repeat => self.repeat(step),
            How::Background => self.keep(step),
        }
    }

    fn expect(&self, step: &Step, code: Option<i32>) {
        let (ended, output) = self.once(step);
        assert_eq!(ended, code, "{}{output}", step.commands);
        if let Some(shown) = &step.shown {
            assert!(
                shown.is(&output, false),
                "{}printed\n{output}\nthe page shows\n{}",
                step.commands,
                shown.text()
            );
        }
    }

    fn repeat(&self, step: &Step) {
        let shown = step.shown.as_ref().unwrap();
        let mut output = String::new();
        let what = format!("{}prints\n{}", step.commands, shown.text());
        wait_until(&what, TIMEOUT, || {
            output = self.once(step).1;
            eprintln!("{output}");
            shown.is(&output, false).then_some(())
        });
    }

    fn keep(&mut self, step: &Step) {
        let shown = step.shown.as_ref().unwrap();
        let file = self.folder.path().join(format!("terminal-{}.log", self.background.len()));
        let mut kept = Background { child: self.start(&step.commands, &file), file: file.clone() };
        let what = format!("{}prints\n{}", step.commands, shown.text());
        wait_until(&what, TIMEOUT, || {
            assert!(kept.child.try_wait().unwrap().is_none(), "{}", self.output(&file));
            shown.is(&self.output(&file), true).then_some(())
        });
        self.background.push(kept);
    }
}

/// A terminal in which something runs.
struct Background {
    child: Child,
    file: PathBuf,
}

impl Background {
    /// A signal to all that runs there, as from the keyboard.
    fn signal(&self, name: &str) {
        let group = format!("-{}", self.child.id());
        let _ = Command::new("kill").args(["-s", name, "--", &group]).stderr(Stdio::null()).status();
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.signal("KILL");
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!(
                "---- {} ----\n{}",
                self.file.display(),
                fs::read_to_string(&self.file).unwrap_or_default()
            );
        }
    }
}

#[test]
fn the_tutorial_does_what_it_says() {
    let page = fs::read_to_string(Path::new(ROOT).join("docs/tutorial.md")).unwrap();
    let steps = steps(&page);
    assert!(steps.len() >= 12, "only {} steps were found", steps.len());
    assert!(steps.iter().filter(|step| step.shown.is_some()).count() >= 10, "hardly any output is compared");
    let mut reader = Reader::new();
    for step in &steps {
        eprintln!("$ {}", step.commands);
        reader.follow(step);
    }
    // Ctrl-C in each terminal, the last one first: the pipeline before its broker.
    let mut codes = Vec::new();
    while let Some(mut last) = reader.background.pop() {
        last.signal("INT");
        codes.push(wait_until("the end after Ctrl-C", TIMEOUT, || last.child.try_wait().unwrap()).code());
    }
    assert_eq!(codes.first(), Some(&Some(0)), "the pipeline ends in order");
}
