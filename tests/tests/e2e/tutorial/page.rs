// SPDX-License-Identifier: Apache-2.0

//! The steps of the tutorial's page, and the comparison of what it shows with what a command prints.
//!
//! A step is a fenced `sh` block. A `console` or `json` block after it is what it prints, where `…` stands for anything; within a
//! line for anything in this line. A comment before the block says how it is run:
//!
//! - `<!-- background -->`: it runs until the end of the page. The next step begins when its output begins as shown.
//! - `<!-- repeat -->`: it is repeated until it prints what is shown, because the pipeline needs a moment.
//! - `<!-- fails -->`: it ends with code 1.
//! - `<!-- not run -->`: it builds what the test has already.

use std::fmt::Write as _;

use regex::Regex;

/// How a step is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    Once,
    Background,
    Repeat,
    Fails,
    NotRun,
}

/// A block of commands with what it prints.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) how: How,
    pub(crate) commands: String,
    pub(crate) shown: Option<Shown>,
}

/// What the page shows of an output.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    text: String,
    is_json: bool,
}

impl Shown {
    /// Whether this is the output, or its beginning.
    pub(crate) fn is(&self, output: &str, is_beginning: bool) -> bool {
        let (shown, output) = match self.is_json {
            // The page breaks lines that the program does not.
            true => (without_space(&self.text), without_space(output)),
            false => (trimmed(&self.text), trimmed(output)),
        };
        let mut pattern = String::from("^");
        let lines: Vec<&str> = shown.lines().collect();
        for (number, line) in lines.iter().enumerate() {
            let is_last = number + 1 == lines.len();
            if line.trim() == "…" {
                pattern.push_str("(?s:.*?)");
                continue;
            }
            let any = if self.is_json { "(?s:.*?)" } else { ".*?" };
            let parts: Vec<String> = line.split('…').map(regex::escape).collect();
            // Writing to a String cannot fail.
            let _ = write!(pattern, "{}{}", parts.join(any), if is_last { "" } else { "\n" });
        }
        if !is_beginning {
            pattern.push_str(r"\n*$");
        }
        Regex::new(&pattern).unwrap().is_match(&output)
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

fn without_space(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

/// Without spaces at the ends of lines, which no page can show.
fn trimmed(text: &str) -> String {
    text.trim_end().lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// The steps of a page, in order. Panics where a block is not as described above.
pub(crate) fn steps(page: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut how = How::Once;
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if let Some(word) = line.strip_prefix("<!-- ").and_then(|rest| rest.strip_suffix(" -->")) {
            how = match word {
                "background" => How::Background,
                "repeat" => How::Repeat,
                "fails" => How::Fails,
                "not run" => How::NotRun,
                other => panic!("unknown comment: {other}"),
            };
        }
        let Some(kind) = line.strip_prefix("```") else { continue };
        let text: String =
            lines.by_ref().take_while(|line| *line != "```").map(|line| format!("{line}\n")).collect();
        match kind {
            "sh" => steps.push(Step { how, commands: text, shown: None }),
            "console" | "json" => {
                let step = steps.last_mut().expect("an output before the first command");
                assert!(step.shown.is_none(), "two outputs of one step: {text}");
                step.shown = Some(Shown { text, is_json: kind == "json" });
            }
            other => panic!("a block of kind {other:?}, which nothing checks"),
        }
        how = How::Once;
    }
    for step in &steps {
        let needs_output = matches!(step.how, How::Background | How::Repeat);
        assert!(!needs_output || step.shown.is_some(), "until when? {}", step.commands);
    }
    steps
}

fn shown(text: &str, is_json: bool) -> Shown {
    Shown { text: text.to_owned(), is_json }
}

#[test]
fn a_page_is_read_as_its_steps_with_what_they_print() {
    let page = "# A\n\n```sh\na\nb\n```\n\ntext\n\n<!-- repeat -->\n```sh\nc\n```\n\n```json\n{}\n```\n\n```sh\nd\n```\n";
    let step = |how, commands: &str, shown| Step { how, commands: commands.to_owned(), shown };
    let expected = [
        step(How::Once, "a\nb\n", None),
        step(How::Repeat, "c\n", Some(shown("{}\n", true))),
        step(How::Once, "d\n", None),
    ];
    assert_eq!(steps(page), expected);
}

#[test]
fn what_is_shown_is_what_is_printed_but_for_what_is_left_out() {
    let page = shown("first\n…\nid … ends\n", false);
    assert!(page.is("first\nsecond\nthird\nid 17 ends\n", false));
    assert!(page.is("first\nid 17 ends\n", false));
    assert!(!page.is("first\nid 17 ends\nand more\n", false));
    assert!(page.is("first\nid 17 ends\nand more\n", true));
    assert!(!page.is("first\nid 17\n ends\n", false), "within a line");
    assert!(!page.is("id 17 ends\n", false));
    assert!(!page.is("first\nid 17 ends\n\nmore", false));
    let json = shown("{\"a\": 1,\n \"b\": …}", true);
    assert!(json.is("{\"a\":1,\"b\":[2,3]}\n", false) && !json.is("{\"a\":12,\"b\":3}", false));
}
