// SPDX-License-Identifier: Apache-2.0

//! The client kits: formatted, typed, and able to read every record as it is.

use std::path::{Path, PathBuf};
use std::process::Command;

use cx_timelines_tests::{copy, succeed};

use super::{MADE_BY_TOOLS, TOP, python, tool};

/// The compiled client in TypeScript, in a folder.
pub(super) fn compiled(folder: &Path) -> PathBuf {
    let modules =
        tool("CX_CLIENT_MODULES", "npm ci in a copy of clients/typescript, and the path of its node_modules");
    copy(&Path::new(TOP).join("clients/typescript"), folder, &MADE_BY_TOOLS);
    std::os::unix::fs::symlink(&modules, folder.join("node_modules")).unwrap();
    succeed(Command::new("node").arg(modules.join("typescript/bin/tsc")).current_dir(folder));
    folder.join("dist")
}

#[test]
fn the_kit_in_python_is_formatted() {
    let kit = Path::new(TOP).join("clients/python");
    let mut ruff = Command::new(python("CX_RUFF_PYTHON", "ruff"));
    succeed(
        ruff.args(["-m", "ruff", "format", "--no-cache", "--isolated", "--line-length", "130", "--diff"])
            .arg(&kit),
    );
    let mut ruff = Command::new(python("CX_RUFF_PYTHON", "ruff"));
    // Pyflakes, names, imports, pyupgrade.
    let rules = [
        "-m",
        "ruff",
        "check",
        "--no-cache",
        "--isolated",
        "--line-length",
        "130",
        "--target-version",
        "py311",
    ];
    succeed(ruff.args(rules).args(["--select", "E,F,N,I,UP,B", "--ignore", "UP046"]).arg(&kit));
}

#[test]
fn the_kit_in_python_has_no_type_error() {
    let folder = tempfile::tempdir().unwrap();
    copy(&Path::new(TOP).join("clients/python"), folder.path(), &MADE_BY_TOOLS);
    let mypy = || {
        let mut mypy = Command::new(python("CX_MYPY_PYTHON", "mypy"));
        mypy.args([
            "-m",
            "mypy",
            "--strict",
            "--ignore-missing-imports",
            "--python-version",
            "3.11",
            "--no-incremental",
            ".",
        ])
        .current_dir(folder.path());
        mypy
    };
    succeed(&mut mypy());
    // A use of the kit that its types do not allow.
    let wrong = "from cx_timelines import Conversation\n\ndef of(record: Conversation) -> int:\n    return record.outcome\n";
    std::fs::write(folder.path().join("wrong.py"), wrong).unwrap();
    let output = mypy().output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success() && said.contains("wrong.py:4"), "{said}");
}

#[test]
fn the_kit_in_typescript_compiles_and_a_wrong_use_of_it_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let dist = compiled(folder.path());
    assert!(dist.join("cx-timelines.js").is_file() && dist.join("cx-timelines.d.ts").is_file());
    let wrong = "import type { Topics } from \"./cx-timelines.js\";\n\
                 export const of = (record: Topics[\"cx.conversations\"]): number => record.outcome;\n";
    std::fs::write(folder.path().join("src/wrong.ts"), wrong).unwrap();
    let tsc = folder.path().join("node_modules/typescript/bin/tsc");
    let output = Command::new("node").arg(tsc).current_dir(folder.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success() && said.contains("src/wrong.ts(2,"), "{said}");
}
