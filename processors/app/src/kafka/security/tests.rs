// SPDX-License-Identifier: Apache-2.0

use clap::Parser;

use super::*;
use crate::cli::Cli;

fn args(flags: &[&str]) -> SecurityArgs {
    let line = [&["cx-timelines"], flags, &["run"]].concat();
    Cli::try_parse_from(line).unwrap().global.security
}

fn of(
    flags: &[&str],
    given: &[(&str, &str)],
    variables: &[(&str, &str)],
) -> Result<Vec<(String, String)>, String> {
    let given: Vec<(String, String)> =
        given.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let variable =
        |name: &str| variables.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned());
    properties(&args(flags), &given, &variable).map_err(|error| error.to_string())
}

fn value(properties: &[(String, String)], key: &str) -> String {
    properties.iter().find(|(other, _)| other == key).map(|(_, value)| value.clone()).unwrap_or_default()
}

#[test]
fn without_flags_nothing_is_set_whatever_the_environment_holds() {
    assert_eq!(of(&[], &[], &[(PASSWORD, "x"), (KEY_PASSWORD, "y")]).unwrap(), []);
}

#[test]
fn a_user_is_known_by_scram_over_tls_unless_told_otherwise() {
    let secured = of(&["--kafka-user", "ann"], &[], &[(PASSWORD, "s=cret")]).unwrap();
    assert_eq!(value(&secured, "security.protocol"), "sasl_ssl");
    assert_eq!(value(&secured, "sasl.mechanisms"), "SCRAM-SHA-512");
    assert_eq!(value(&secured, "sasl.username"), "ann");
    assert_eq!(value(&secured, "sasl.password"), "s=cret");
    let flags = ["--kafka-user", "ann", "--kafka-sasl", "plain", "--kafka-security", "sasl_plaintext"];
    let plain = of(&flags, &[], &[(PASSWORD, "x")]).unwrap();
    assert_eq!(value(&plain, "security.protocol"), "sasl_plaintext");
    assert_eq!(value(&plain, "sasl.mechanisms"), "PLAIN");
}

#[test]
fn a_password_comes_from_its_file_without_the_end_of_its_line() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), " pass word\n").unwrap();
    let path = file.path().to_str().unwrap();
    let flags = ["--kafka-user", "ann", "--kafka-password-file", path];
    assert_eq!(value(&of(&flags, &[], &[]).unwrap(), "sasl.password"), " pass word");
    assert!(of(&flags, &[], &[(PASSWORD, "x")]).unwrap_err().contains("leave one out"));
    std::fs::write(file.path(), "\n").unwrap();
    assert!(of(&flags, &[], &[]).unwrap_err().contains("is empty"));
}

#[test]
fn a_user_of_the_properties_file_may_have_its_password_in_the_environment() {
    let given = [("sasl.username", "ann"), ("sasl.mechanisms", "PLAIN"), ("security.protocol", "sasl_ssl")];
    let secured = of(&[], &given, &[(PASSWORD, "x")]).unwrap();
    assert_eq!(secured, [("sasl.password".to_owned(), "x".to_owned())]);
}

#[test]
fn a_certificate_needs_its_key_and_is_shown_by_tls() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    let flags = ["--kafka-cert", path, "--kafka-key", path, "--kafka-ca", path];
    let secured = of(&flags, &[], &[(KEY_PASSWORD, "k")]).unwrap();
    assert_eq!(value(&secured, "security.protocol"), "ssl");
    assert_eq!(value(&secured, "ssl.key.password"), "k");
    assert_eq!(value(&secured, "ssl.ca.location"), path);
    assert!(of(&["--kafka-cert", path], &[], &[]).unwrap_err().contains("--kafka-key"));
}

#[test]
fn a_token_is_shown_by_oauthbearer_over_tls() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    let secured = of(&["--kafka-token-file", path], &[], &[]).unwrap();
    assert_eq!(value(&secured, "security.protocol"), "sasl_ssl");
    assert_eq!(value(&secured, "sasl.mechanisms"), "OAUTHBEARER");
    assert_eq!(value(&secured, TOKEN_FILE_PROPERTY), path);
    let mut config = ClientConfig::new();
    config.extend(secured);
    assert!(check_admin(&config).unwrap_err().to_string().contains("topics apply"));
    assert!(identity_remedy(&config).contains(path));
}

#[test]
fn all_that_does_not_go_together_is_told_at_once_and_never_a_secret() {
    let flags = ["--kafka-security", "plaintext", "--kafka-ca", "/no/such/ca", "--kafka-user", "ann"];
    let error = of(&flags, &[("sasl.username", "bob")], &[]).unwrap_err();
    for part in ["/no/such/ca", "--kafka-security plaintext", PASSWORD, "sasl.username: set by --kafka"] {
        assert!(error.contains(part), "{part}: {error}");
    }
    let error = of(&["--kafka-sasl", "scram-sha-256"], &[], &[(PASSWORD, "hidden")]).unwrap_err();
    assert!(error.contains("--kafka-user") && !error.contains("hidden"), "{error}");
    assert!(of(&["--kafka-sasl", "oauthbearer"], &[], &[]).unwrap_err().contains("--kafka-token-file"));
}
