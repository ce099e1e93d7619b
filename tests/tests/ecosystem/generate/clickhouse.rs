// SPDX-License-Identifier: Apache-2.0

//! ClickHouse, within a process of Python: its tables over the topics of a real broker.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

use super::{TOP, python};

/// A ClickHouse with tables. It is killed when it is dropped.
pub(super) struct ClickHouse {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl ClickHouse {
    /// Runs statements.
    pub(super) fn start(folder: &Path, statements: &str) -> Self {
        let file = folder.join("clickhouse.sql");
        std::fs::write(&file, statements).unwrap();
        let mut command = Command::new(python("CX_CHDB_PYTHON", "chdb"));
        command.arg(Path::new(TOP).join("tests/tests/ecosystem/generate/clickhouse.py")).arg(file);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut started = Self { child, input, output };
        assert_eq!(started.line(), "ready\n", "ClickHouse refuses a statement");
        started
    }

    /// The rows of a query, without line breaks in it.
    pub(super) fn rows(&mut self, query: &str) -> Vec<Value> {
        writeln!(self.input, "{query}").unwrap();
        serde_json::from_str(&self.line()).unwrap()
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line
    }
}

impl Drop for ClickHouse {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
