// SPDX-License-Identifier: Apache-2.0

//! Tables.

use cx_timelines_tests::figures::{extremes, median};

use crate::systems::System;

/// Runs of all systems in one part.
pub(crate) struct Runs<T> {
    /// What was measured.
    pub(crate) title: String,
    systems: Vec<(String, Vec<T>)>,
    /// How many runs failed.
    pub(crate) failures: usize,
}

impl<T> Default for Runs<T> {
    fn default() -> Self {
        Self { title: String::new(), systems: Vec::new(), failures: 0 }
    }
}

/// The summary of a run.
pub(crate) trait Brief {
    /// In a line.
    fn brief(&self) -> String;
}

/// A column: its head, and what it says of a system's runs.
pub(crate) type Column<'c, T> = (&'c str, &'c dyn Fn(&[T]) -> String);

impl<T> Runs<T> {
    /// None yet.
    pub(crate) fn new(title: String, systems: &[System]) -> Self {
        let systems = systems.iter().map(|system| (system.name.clone(), Vec::new())).collect();
        Self { title, systems, failures: 0 }
    }

    /// One more of the system of this number.
    pub(crate) fn add(&mut self, system: usize, run: Result<T, String>) {
        match run {
            Ok(run) => self.systems[system].1.push(run),
            Err(_) => self.failures += 1,
        }
    }

    /// The median of a figure; none where the system was not measured.
    pub(crate) fn median(&self, system: &str, figure: impl Fn(&T) -> Option<f64>) -> Option<f64> {
        let (_, runs) = self.systems.iter().find(|(name, _)| name == system)?;
        median(&values(runs, figure))
    }

    /// As Markdown, with a line for each system.
    pub(crate) fn table(&self, note: &str, columns: &[Column<'_, T>]) -> String {
        let heads = columns.iter().map(|(head, _)| *head);
        let head: Vec<&str> = ["system", "runs"].into_iter().chain(heads).collect();
        let row = |(name, runs): &(String, Vec<T>)| {
            let cells = columns.iter().map(|(_, cell)| cell(runs));
            [name.clone(), runs.len().to_string()].into_iter().chain(cells).collect()
        };
        let rows: Vec<Vec<String>> = self.systems.iter().map(row).collect();
        let failed = match self.failures {
            0 => String::new(),
            failures => format!(" Left out, because they FAILED: {failures} runs."),
        };
        format!("## {}\n\n{}\n{note}{failed}\n", self.title, markdown(&head, &rows))
    }
}

fn values<T>(runs: &[T], figure: impl Fn(&T) -> Option<f64>) -> Vec<f64> {
    runs.iter().filter_map(figure).collect()
}

/// The median of a figure, with so many digits.
pub(crate) fn middle<T>(runs: &[T], digits: usize, figure: impl Fn(&T) -> Option<f64>) -> String {
    number(median(&values(runs, figure)), digits)
}

/// The smallest and the largest value of a figure, with so many digits.
pub(crate) fn spread<T>(runs: &[T], digits: usize, figure: impl Fn(&T) -> Option<f64>) -> String {
    let found = extremes(&values(runs, figure));
    found.map_or_else(|| "-".to_owned(), |(least, most)| format!("{least:.digits$}–{most:.digits$}"))
}

/// A number, if there is one, with so many digits.
pub(crate) fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
}

/// A table in Markdown; the first column is text, the others are numbers.
pub(crate) fn markdown(head: &[&str], rows: &[Vec<String>]) -> String {
    let rule = |column| if column == 0 { "---" } else { "---:" };
    let rules: Vec<&str> = (0..head.len()).map(rule).collect();
    let mut text = format!("| {} |\n| {} |\n", head.join(" | "), rules.join(" | "));
    for row in rows {
        text.push_str(&format!("| {} |\n", row.join(" | ")));
    }
    text
}
