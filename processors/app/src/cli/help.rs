// SPDX-License-Identifier: Apache-2.0

//! What the program says of itself: the greeting, the page of `--help` with its groups of commands, and which of the common flags
//! stand on the page of each command.

use std::fmt::Write as _;

use clap::builder::StyledStr;
use clap::{Arg, Command, CommandFactory};

use super::Cli;

/// The groups of commands, in the order of the page.
const GROUPS: [(&str, &[&str]); 4] = [
    ("Run", &["run", "demo"]),
    ("Look", &["show", "tail", "as-of", "explain", "export"]),
    ("Feed", &["load", "bridge", "fold"]),
    (
        "Operate",
        &[
            "doctor",
            "topics",
            "schemas",
            "generate",
            "acls",
            "dead-letters",
            "erase",
            "reset",
            "bench",
            "completions",
            "man",
        ],
    ),
];
/// The common flags on the program's own page.
const COMMON: [&str; 5] = ["bootstrap", "config", "group", "verbose", "quiet"];
/// The place of the common flags on a page: after the command's own.
const COMMON_FLAGS: usize = 500;
/// Columns of the longest group and of the longest command, with a gap.
const GROUP_COLUMNS: usize = 8;
const COMMAND_COLUMNS: usize = 14;
/// Columns of a flag with its value.
const FLAG_COLUMNS: usize = 28;
const HINT: &str = "`cx-timelines COMMAND -h` lists the usual flags of a command, `--help` all.";
const GREETING: &str = "
Three commands to try:

  cx-timelines demo           a temporary broker, generated conversations and
                              the live page; Ctrl-C ends and removes all of it
  cx-timelines fold FILE      folds a file of events, without Kafka
  cx-timelines doctor --bootstrap HOST:PORT
                              checks your cluster, and says what to do

`cx-timelines -h` lists all commands.
";

/// What the program prints when no command is given.
pub fn greeting() -> String {
    let program = Cli::command();
    let version = program.get_version().unwrap_or_default();
    let about = program.get_about().map(ToString::to_string).unwrap_or_default();
    format!("{} {version}\n{about}.\n{GREETING}", program.get_name())
}

/// The command line with its help. `is_brief`: for `-h`, without the variables of flags.
pub fn command(is_brief: bool) -> Command {
    let program = Cli::command();
    let page = page(&program, is_brief);
    let mut program = program.override_help(StyledStr::from(page));
    // The common flags reach the commands here, so that each can hide what it does not use.
    program.build();
    program.mut_subcommands(|command| {
        let name = command.get_name().to_owned();
        on_page(command, &name, is_brief)
    })
}

/// The program's own page.
fn page(program: &Command, is_brief: bool) -> String {
    let styles = program.get_styles();
    let (usage, literal) = (styles.get_usage(), styles.get_literal());
    let about = program.get_about().map(ToString::to_string).unwrap_or_default();
    let name = program.get_name();
    let commands = groups(program);
    let options = if is_brief { String::new() } else { options(program) + "\n" };
    format!(
        "{about}\n\n{usage}Usage:{usage:#} {literal}{name}{literal:#} [OPTIONS] <COMMAND>\n\n{commands}\n{options}{HINT}\n"
    )
}

/// Hides what the page of this command, and of the commands below it, leaves out.
fn on_page(command: Command, name: &str, is_brief: bool) -> Command {
    let mut order = COMMON_FLAGS;
    command
        .mut_args(|flag| {
            let is_unused = flag.is_global_set() && !uses(name, &flag);
            let hidden = flag.is_hide_set() || is_unused;
            let without_variable = flag.is_hide_env_set() || is_brief;
            let flag = flag.hide(hidden).hide_env(without_variable);
            if !flag.is_global_set() {
                return flag;
            }
            order += 1;
            flag.display_order(order)
        })
        .mut_subcommands(|below| on_page(below, name, is_brief))
}

/// Whether a command uses this common flag. Every command takes all of them, so that a line may be changed from one command to
/// another.
fn uses(command: &str, flag: &Arg) -> bool {
    match flag.get_id().as_str() {
        "help" | "version" | "verbose" | "quiet" | "log_format" => true,
        "config" => !matches!(command, "completions" | "man"),
        "state_dir" => matches!(command, "run" | "doctor" | "bench" | "reset"),
        "http" => matches!(command, "run" | "doctor" | "demo" | "bridge"),
        "processors" => matches!(command, "run" | "doctor" | "demo" | "bench" | "fold"),
        "schema_registry" => !matches!(command, "completions" | "man" | "acls" | "fold"),
        "bootstrap" => !matches!(command, "completions" | "man" | "fold" | "schemas" | "demo"),
        "group" => !matches!(command, "completions" | "man" | "fold" | "schemas"),
        // How clients connect.
        _ => !matches!(command, "completions" | "man" | "fold" | "schemas" | "acls" | "demo" | "generate"),
    }
}

/// The commands, one a line, beside the groups.
fn groups(program: &Command) -> String {
    let styles = program.get_styles();
    let (header, literal) = (styles.get_header(), styles.get_literal());
    let mut text = String::new();
    for (group, commands) in GROUPS {
        let mut group = group;
        for command in commands {
            let about = program.find_subcommand(command).and_then(Command::get_about);
            let about = about.map(ToString::to_string).unwrap_or_default();
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "{header}{group}{header:#}{:gap$}{literal}{command}{literal:#}{:rest$}{about}",
                "",
                "",
                gap = GROUP_COLUMNS.saturating_sub(group.len()),
                rest = COMMAND_COLUMNS.saturating_sub(command.len()),
            );
            group = "";
        }
    }
    text
}

/// The common flags, one a line.
fn options(program: &Command) -> String {
    let styles = program.get_styles();
    let (header, literal) = (styles.get_header(), styles.get_literal());
    let mut text = format!("{header}Options of every command{header:#}\n");
    let common = COMMON.iter().filter_map(|id| program.get_arguments().find(|flag| flag.get_id() == *id));
    let common = common.map(|flag| (written(flag), said(flag)));
    let own =
        [("-h, --help", "Print help: `-h` the usual, `--help` all"), ("-V, --version", "Print the version")];
    let own = own.map(|(flag, about)| (flag.to_owned(), about.to_owned()));
    for (flag, about) in common.chain(own) {
        let rest = FLAG_COLUMNS.saturating_sub(flag.len());
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {literal}{flag}{literal:#}{:rest$}{about}", "");
    }
    text
}

/// A flag as it is written: `-v, --verbose`, `    --config <FILE>`.
fn written(flag: &Arg) -> String {
    let short = flag.get_short().map_or_else(|| "    ".to_owned(), |short| format!("-{short}, "));
    let long = flag.get_long().unwrap_or_default();
    let value = flag.get_value_names().filter(|_| flag.get_action().takes_values());
    let value = value.into_iter().flatten().map(|value| format!(" <{value}>")).collect::<String>();
    format!("{short}--{long}{value}")
}

/// What a flag does, in short.
fn said(flag: &Arg) -> String {
    let help = flag.get_help().map(ToString::to_string).unwrap_or_default();
    help.split(';').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::error::ErrorKind;

    use super::*;

    /// The columns of a terminal that no page exceeds.
    const COLUMNS: usize = 80;
    /// The lines of the program's page.
    const LINES_MAX: usize = 40;

    /// The page that these words ask for, at a width of 80 columns.
    fn shown(words: &[&str], is_brief: bool) -> String {
        let program = command(is_brief);
        let program = narrow(program);
        let line = ["cx-timelines"].iter().chain(words).chain([if is_brief { &"-h" } else { &"--help" }]);
        let help = program.try_get_matches_from(line).unwrap_err();
        assert_eq!(help.kind(), ErrorKind::DisplayHelp, "{words:?}: {help}");
        help.render().to_string()
    }

    fn narrow(command: Command) -> Command {
        command.term_width(COLUMNS).mut_subcommands(narrow)
    }

    /// The words of every command and of those below it.
    fn every_command() -> Vec<Vec<String>> {
        fn below(command: &Command, words: &[String], all: &mut Vec<Vec<String>>) {
            for command in command.get_subcommands().filter(|command| command.get_name() != "help") {
                let words = [words, &[command.get_name().to_owned()]].concat();
                below(command, &words, all);
                all.push(words);
            }
        }
        let mut all = vec![Vec::new()];
        below(&Cli::command(), &[], &mut all);
        all
    }

    #[test]
    fn no_page_is_wider_than_a_terminal() {
        let commands = every_command();
        assert!(commands.len() > 20, "{commands:?}");
        for words in commands {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            for is_brief in [true, false] {
                for line in shown(&words, is_brief).lines() {
                    assert!(line.chars().count() <= COLUMNS, "{words:?}: {line}");
                }
            }
        }
    }

    #[test]
    fn the_programs_page_is_one_screen_and_the_brief_one_is_shorter() {
        let (brief, whole) = (shown(&[], true), shown(&[], false));
        assert!(whole.lines().count() <= LINES_MAX, "{whole}");
        assert!(brief.lines().count() <= 27, "{brief}");
        assert!(!whole.contains("--kafka-") && whole.contains("--bootstrap <HOST:PORT>"), "{whole}");
    }

    #[test]
    fn every_command_is_in_one_group() {
        let program = Cli::command();
        let known: BTreeSet<&str> = program.get_subcommands().map(Command::get_name).collect();
        let grouped: Vec<&str> = GROUPS.iter().flat_map(|(_, commands)| commands.iter().copied()).collect();
        assert_eq!(grouped.iter().copied().collect::<BTreeSet<_>>(), known);
        assert_eq!(grouped.len(), known.len(), "a command is in two groups");
        for about in program.get_subcommands().filter_map(Command::get_about) {
            assert!(GROUP_COLUMNS + COMMAND_COLUMNS + about.to_string().len() <= COLUMNS, "{about}");
        }
    }

    #[test]
    fn security_is_on_the_whole_page_of_the_commands_that_connect() {
        for (words, connects) in [
            (&["run"][..], true),
            (&["tail"], true),
            (&["dead-letters", "list"], true),
            (&["fold"], false),
            (&["demo"], false),
            (&["man"], false),
        ] {
            let whole = shown(words, false);
            assert_eq!(whole.contains("\nKafka security:\n"), connects, "{whole}");
            assert_eq!(whole.contains("--kafka-password-file"), connects, "{whole}");
            let brief = shown(words, true);
            assert!(!brief.contains("--kafka-") && brief.lines().count() < whole.lines().count(), "{brief}");
        }
        let run = shown(&["run"], false);
        assert!(run.contains("\nHTTP:\n") && run.contains("[env: CX_STATE_DIR"), "{run}");
    }

    #[test]
    fn hiding_a_flag_changes_nothing_but_the_page() {
        let line = ["cx-timelines", "fold", "--bootstrap", "b:1", "--kafka-ca", "ca.pem", "-"];
        let hidden = command(false).try_get_matches_from(line).unwrap();
        let plain = Cli::command().try_get_matches_from(line).unwrap();
        let value = |matches: &clap::ArgMatches| {
            let (_, fold) = matches.subcommand().unwrap();
            fold.get_one::<String>("bootstrap").cloned()
        };
        assert_eq!(value(&hidden).as_deref(), Some("b:1"));
        assert_eq!(value(&hidden), value(&plain));
    }

    #[test]
    fn the_greeting_has_three_commands_that_exist() {
        let greeting = greeting();
        let commands: Vec<&str> = greeting
            .lines()
            .filter_map(|line| line.strip_prefix("  cx-timelines ")?.split(' ').next())
            .collect();
        assert_eq!(commands.len(), 3, "{greeting}");
        assert!(commands.iter().all(|name| Cli::command().find_subcommand(name).is_some()), "{commands:?}");
        assert!(greeting.lines().all(|line| line.chars().count() <= COLUMNS), "{greeting}");
    }
}
