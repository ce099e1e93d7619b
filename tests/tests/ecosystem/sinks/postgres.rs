// SPDX-License-Identifier: Apache-2.0

//! A temporary PostgreSQL on loopback, run by a user without privileges, as it demands.

use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use cx_timelines_tests::wait_until;
use sandbox::Guarded;
use sandbox::kafka::free_port;
use serde_json::Value;

use crate::pipeline::TIMEOUT;

const MISSING: &str = "CX_POSTGRES_BIN names no folder with PostgreSQL's programs; tests/run finds it, or: \
    sudo apt-get install postgresql, then CX_POSTGRES_BIN=/usr/lib/postgresql/15/bin";
const USER: &str = "connect";
const DATABASE: &str = "cx";
pub(super) const PASSWORD: &str = "one-of-a-test";
/// The user and the group of no privileges that own the server's files where a test is run as root.
const UNPRIVILEGED: u32 = 65534;

pub(super) struct Postgres {
    process: Guarded,
    programs: PathBuf,
    port: u16,
    // After the process: fields are dropped in this order.
    folder: tempfile::TempDir,
}

impl Postgres {
    /// Starts a server with an empty database.
    pub(super) fn start() -> Self {
        let programs = PathBuf::from(std::env::var_os("CX_POSTGRES_BIN").expect(MISSING));
        let folder = tempfile::tempdir().unwrap();
        let password = folder.path().join("password");
        std::fs::write(&password, PASSWORD).unwrap();
        if is_root() {
            for path in [folder.path(), &password] {
                chown(path, Some(UNPRIVILEGED), Some(UNPRIVILEGED)).unwrap();
            }
        }
        let settings =
            ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--username"];
        let mut initdb = unprivileged(&programs.join("initdb"));
        initdb.args(settings).arg(USER).arg("--pwfile").arg(&password).arg("-D").arg(data(folder.path()));
        succeeded(&initdb.output().expect(MISSING));
        let port = free_port().unwrap();
        let process = spawn(&programs, folder.path(), port);
        let postgres = Self { process, programs, port, folder };
        postgres.await_start();
        postgres.sql_in("postgres", &format!("CREATE DATABASE {DATABASE}"));
        postgres
    }

    /// The host and port, and the database, as in a URL of JDBC.
    pub(super) fn location(&self) -> String {
        format!("127.0.0.1:{}/{DATABASE}", self.port)
    }

    /// kill -9, and the server again with its data.
    pub(super) fn kill_and_restart(&mut self) {
        self.process.kill().unwrap();
        // Processes of the killed server hold its memory until they notice.
        wait_until("the server starts again", TIMEOUT, || {
            self.process = spawn(&self.programs, self.folder.path(), self.port);
            wait_until("the server answers, or has ended", TIMEOUT, || {
                (self.answers() || self.process.ended().unwrap().is_some()).then_some(())
            });
            self.answers().then_some(())
        });
    }

    /// What statements print: a line for each row.
    pub(super) fn sql(&self, statements: &str) -> String {
        self.sql_in(DATABASE, statements)
    }

    /// The rows of a query with one column of JSON.
    pub(super) fn json(&self, query: &str) -> Vec<Value> {
        self.sql(query).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Runs a file of statements.
    pub(super) fn run_file(&self, file: &Path) {
        succeeded(&self.psql(DATABASE).arg("-f").arg(file).output().unwrap());
    }

    fn sql_in(&self, database: &str, statements: &str) -> String {
        let output = self.psql(database).args(["-c", statements]).output().unwrap();
        succeeded(&output);
        String::from_utf8(output.stdout).unwrap()
    }

    fn psql(&self, database: &str) -> Command {
        let mut psql = Command::new(self.programs.join("psql"));
        let quiet = ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-U", USER];
        psql.args(quiet).args(["-p", &self.port.to_string(), "-d", database]).env("PGPASSWORD", PASSWORD);
        psql
    }

    fn answers(&self) -> bool {
        self.psql("postgres").args(["-c", "SELECT 1"]).output().unwrap().status.success()
    }

    fn await_start(&self) {
        wait_until("PostgreSQL answers", TIMEOUT, || self.answers().then_some(()));
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = std::fs::read_to_string(log(self.folder.path())).unwrap_or_default();
            eprintln!("---- PostgreSQL ----\n{log}");
        }
    }
}

fn data(folder: &Path) -> PathBuf {
    folder.join("data")
}

fn log(folder: &Path) -> PathBuf {
    folder.join("postgres.log")
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}

/// A command as a user without privileges.
fn unprivileged(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(AS_UNPRIVILEGED).arg(program);
    command
}

const AS_UNPRIVILEGED: [&str; 3] = ["--reuid=65534", "--regid=65534", "--clear-groups"];

fn spawn(programs: &Path, folder: &Path, port: u16) -> Guarded {
    let server = programs.join("postgres").display().to_string();
    let settings = ["-D".to_owned(), data(folder).display().to_string(), "-p".to_owned(), port.to_string()];
    let listen = ["-h", "127.0.0.1", "-c", "fsync=off", "-k", folder.to_str().unwrap()].map(str::to_owned);
    let arguments = [&settings[..], &listen].concat();
    let started = if is_root() {
        let all = [&AS_UNPRIVILEGED.map(str::to_owned)[..], &[server], &arguments].concat();
        Guarded::start(Path::new("setpriv"), &all, &log(folder), None)
    } else {
        Guarded::start(Path::new(&server), &arguments, &log(folder), None)
    };
    started.unwrap()
}

fn succeeded(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
