// SPDX-License-Identifier: Apache-2.0

//! The global flags, as they were given, for the instance that a load test starts.

use std::ffi::OsString;

use clap::ArgMatches;
use clap::parser::ValueSource;

/// Flags that the test replaces or the instance does not need.
const OWN: [&str; 9] =
    ["config", "group", "http", "state_dir", "schema_registry", "log_format", "verbose", "quiet", "help"];

/// The global flags to pass on, from the command's own definition so that none is missed. Values from the environment reach the
/// instance anyway.
pub fn given_on(program: &clap::Command, matches: &ArgMatches) -> Vec<OsString> {
    let mut flags = Vec::new();
    let given = matches.subcommand().map_or(matches, |(_, command)| command);
    for flag in program.get_arguments().filter(|flag| flag.is_global_set()) {
        let id = flag.get_id().as_str();
        let is_given =
            given.try_contains_id(id).is_ok() && given.value_source(id) == Some(ValueSource::CommandLine);
        let (Some(long), true) = (flag.get_long(), is_given && !OWN.contains(&id)) else { continue };
        if !flag.get_action().takes_values() {
            flags.push(format!("--{long}").into());
            continue;
        }
        for values in given.get_raw_occurrences(id).into_iter().flatten() {
            let separator = flag.get_value_delimiter().unwrap_or(',').to_string();
            let values: Vec<OsString> = values.map(OsString::from).collect();
            let mut written = OsString::from(format!("--{long}="));
            written.push(values.join(std::ffi::OsStr::new(&separator)));
            flags.push(written);
        }
    }
    flags
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::Cli;

    fn given(arguments: &[&str]) -> Vec<String> {
        let matches = Cli::command().try_get_matches_from(arguments).unwrap();
        let flags = given_on(&Cli::command(), &matches);
        flags.into_iter().map(|flag| flag.into_string().unwrap()).collect()
    }

    #[test]
    fn flags_before_and_after_the_command_are_given_on() {
        let flags = given(&[
            "cx-timelines",
            "--kafka",
            "linger.ms=1",
            "bench",
            "--bootstrap",
            "b:1,c:2",
            "--events",
            "5",
        ]);
        assert_eq!(flags, ["--bootstrap=b:1,c:2", "--kafka=linger.ms=1"]);
    }

    #[test]
    fn lists_and_repeated_flags_stay_whole() {
        let flags =
            given(&["cx-timelines", "bench", "--processors", "a,b", "--kafka", "a=1", "--kafka", "b=2,3"]);
        assert_eq!(flags, ["--processors=a,b", "--kafka=a=1", "--kafka=b=2,3"]);
    }

    #[test]
    fn what_is_the_tests_own_is_not_given_on() {
        let flags =
            given(&["cx-timelines", "-v", "bench", "--group", "g", "--config", "c", "--state-dir", "s"]);
        assert_eq!(flags, Vec::<String>::new());
    }
}
