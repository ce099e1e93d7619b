// SPDX-License-Identifier: Apache-2.0

//! TLS on ActiveMQ's AMQP connector.

use std::path::{Path, PathBuf};

use cx_timelines_tests::certificates::{Authority, Until};
use cx_timelines_tests::{Program, run_to_end};
use openssl::pkcs12::Pkcs12;
use openssl::pkey::PKey;
use openssl::x509::X509;
use sandbox::activemq::{ActiveMq, Keystore, Kind, PASSWORD};
use sandbox::kafka::{Kafka, Options};

use super::ground::{await_ready, flags};

/// A CA's file, and the keystore of a broker whose certificate it has signed.
fn certificate(folder: &Path) -> (PathBuf, Keystore) {
    let authority = Authority::new(folder, "ca");
    let (certificate, key) = authority.sign("activemq", Until::Tomorrow);
    let certificate = X509::from_pem(&std::fs::read(certificate).unwrap()).unwrap();
    let key = PKey::private_key_from_pem(&std::fs::read(key).unwrap()).unwrap();
    let password = "keystore-password".to_owned();
    let store = Pkcs12::builder().name("activemq").pkey(&key).cert(&certificate).build2(&password).unwrap();
    let file = folder.join("keystore.p12");
    std::fs::write(&file, store.to_der().unwrap()).unwrap();
    (authority.file(), Keystore { file, password })
}

#[test]
fn tls_is_used_with_a_trusted_certificate_and_only_with_one() {
    let folder = tempfile::tempdir().unwrap();
    let (ca, keystore) = certificate(folder.path());
    let kafka = Kafka::start(Options::default(), &mut |_| {}).unwrap();
    let activemq =
        ActiveMq::start_with(Kind::Classic, Some(&keystore), &mut |line| eprintln!("{line}")).unwrap();
    let applied = run_to_end(&["topics", "apply", "--bootstrap", kafka.bootstrap()], b"");
    assert!(applied.status.success());
    let password = folder.path().join("password");
    std::fs::write(&password, PASSWORD).unwrap();
    let url = activemq.url();
    let with = |url: &str, more: &[&str]| -> Vec<String> {
        let all = flags(kafka.bootstrap(), url, &password);
        all.into_iter()
            .chain(["--connect-timeout", "5"].iter().chain(more).map(|&word| word.to_owned()))
            .collect()
    };
    let ended = |arguments: Vec<String>| {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let output = run_to_end(&arguments, b"");
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, said) = ended(with(&url, &[]));
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("the certificate is not accepted") && said.contains("--activemq-ca"), "{said}");
    let plain = url.replace("amqps://", "amqp://");
    let (code, said) = ended(with(&plain, &[]));
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("it speaks TLS: write amqps://"), "{said}");

    let arguments = with(&url, &["--activemq-ca", ca.to_str().unwrap()]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut bridge = Program::start(&arguments, folder.path().join("bridge.log"));
    await_ready(&mut bridge);
    assert_eq!(bridge.terminate().0, Some(0), "{}", bridge.log());
}
