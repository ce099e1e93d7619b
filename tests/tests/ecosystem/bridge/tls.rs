// SPDX-License-Identifier: Apache-2.0

//! TLS on ActiveMQ's AMQP connector.

use std::path::{Path, PathBuf};

use cx_timelines_tests::{Program, run_to_end};
use openssl::asn1::{Asn1Integer, Asn1Time};
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkcs12::Pkcs12;
use openssl::pkey::PKey;
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509Name};
use sandbox::activemq::{ActiveMq, Keystore, Kind, PASSWORD, USER};
use sandbox::kafka::{Kafka, Options};

use super::ground::await_ready;

/// A certificate that signs itself, for 127.0.0.1, and its keystore.
fn certificate(folder: &Path) -> (PathBuf, Keystore) {
    let key = EcKey::generate(&EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap()).unwrap();
    let key = PKey::from_ec_key(key).unwrap();
    let mut name = X509Name::builder().unwrap();
    name.append_entry_by_nid(Nid::COMMONNAME, "activemq").unwrap();
    let name = name.build();
    let mut builder = X509::builder().unwrap();
    let mut serial = BigNum::new().unwrap();
    serial.rand(64, MsbOption::MAYBE_ZERO, false).unwrap();
    builder.set_version(2).unwrap();
    builder.set_serial_number(&Asn1Integer::from_bn(&serial).unwrap()).unwrap();
    builder.set_subject_name(&name).unwrap();
    builder.set_issuer_name(&name).unwrap();
    builder.set_pubkey(&key).unwrap();
    builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::days_from_now(1).unwrap()).unwrap();
    builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
    let names =
        SubjectAlternativeName::new().ip("127.0.0.1").build(&builder.x509v3_context(None, None)).unwrap();
    builder.append_extension(names).unwrap();
    builder.sign(&key, MessageDigest::sha256()).unwrap();
    let certificate = builder.build();
    let pem = folder.join("ca.pem");
    std::fs::write(&pem, certificate.to_pem().unwrap()).unwrap();
    let password = "keystore-password".to_owned();
    let store = Pkcs12::builder().name("activemq").pkey(&key).cert(&certificate).build2(&password).unwrap();
    let file = folder.join("keystore.p12");
    std::fs::write(&file, store.to_der().unwrap()).unwrap();
    (pem, Keystore { file, password })
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
        let flags =
            ["bridge", "--bootstrap", kafka.bootstrap(), "--http", "127.0.0.1:0", "--connect-timeout", "5"];
        let user = ["--activemq-user", USER, "--activemq-password-file", password.to_str().unwrap()];
        let address = ["--activemq", url];
        let all = flags.iter().chain(&user).chain(&address).chain(more);
        all.map(|&word| word.to_owned()).collect()
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
