// SPDX-License-Identifier: Apache-2.0

//! HTTP over TLS: served with a certificate and its key, and a clear error when they cannot be used.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this file is a test, its helpers too"
)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use edge::health::Health;
use edge::http::{HttpHandle, Serving, Tls};
use edge::metrics::{Labels, Metrics};
use openssl::asn1::{Asn1Integer, Asn1Time};
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::PKey;
use openssl::ssl::{SslConnector, SslMethod, SslVersion};
use openssl::x509::extension::SubjectAlternativeName;
use openssl::x509::{X509, X509Name};

/// Files with a certificate of `localhost` and its key.
struct Pair {
    folder: tempfile::TempDir,
    certificate: X509,
}

impl Pair {
    fn new() -> Self {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
        let mut name = X509Name::builder().unwrap();
        name.append_entry_by_text("CN", "localhost").unwrap();
        let name = name.build();
        let mut builder = X509::builder().unwrap();
        builder.set_version(2).unwrap();
        builder.set_serial_number(&Asn1Integer::from_bn(&BigNum::from_u32(1).unwrap()).unwrap()).unwrap();
        builder.set_subject_name(&name).unwrap();
        builder.set_issuer_name(&name).unwrap();
        builder.set_pubkey(&key).unwrap();
        builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
        builder.set_not_after(&Asn1Time::days_from_now(1).unwrap()).unwrap();
        let names = SubjectAlternativeName::new().dns("localhost").build(&builder.x509v3_context(None, None));
        builder.append_extension(names.unwrap()).unwrap();
        builder.sign(&key, MessageDigest::sha256()).unwrap();
        let certificate = builder.build();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("cert.pem"), certificate.to_pem().unwrap()).unwrap();
        std::fs::write(folder.path().join("key.pem"), key.private_key_to_pem_pkcs8().unwrap()).unwrap();
        Self { folder, certificate }
    }

    fn cert(&self) -> PathBuf {
        self.folder.path().join("cert.pem")
    }

    fn key(&self) -> PathBuf {
        self.folder.path().join("key.pem")
    }
}

fn serve(pair: &Pair) -> HttpHandle {
    let tls = Some(Tls::from_files(&pair.cert(), &pair.key()).unwrap());
    let metrics = Metrics::new(&Labels::default()).unwrap();
    let serving = Serving { tls, more: None };
    edge::http::spawn(([127, 0, 0, 1], 0).into(), metrics, Health::new(["worker-0"]), serving).unwrap()
}

/// The response, or why there is none.
fn get(address: SocketAddr, pair: &Pair, newest: Option<SslVersion>) -> Result<String, String> {
    let mut builder = SslConnector::builder(SslMethod::tls_client()).unwrap();
    builder.cert_store_mut().add_cert(pair.certificate.clone()).unwrap();
    builder.set_min_proto_version(None).unwrap();
    builder.set_max_proto_version(newest).unwrap();
    let stream = TcpStream::connect(address).unwrap();
    let mut stream = builder.build().connect("localhost", stream).map_err(|error| error.to_string())?;
    let mut answer = String::new();
    write!(stream, "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    // Some servers close the connection without notice: what was read counts.
    let _ = stream.read_to_string(&mut answer);
    Ok(answer)
}

#[test]
fn whoever_trusts_the_certificate_is_answered_with_modern_tls_alone() {
    let pair = Pair::new();
    let server = serve(&pair);
    for version in [SslVersion::TLS1_2, SslVersion::TLS1_3] {
        let answer = get(server.address(), &pair, Some(version)).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("cx_timelines_"), "{answer}");
    }
    assert!(get(server.address(), &pair, Some(SslVersion::TLS1_1)).is_err());
    assert!(get(server.address(), &Pair::new(), None).unwrap_err().contains("certificate verify failed"));
}

#[test]
fn a_client_that_speaks_no_tls_gets_no_answer_and_holds_up_nobody() {
    let pair = Pair::new();
    let server = serve(&pair);
    let silent = TcpStream::connect(server.address()).unwrap();
    let mut plain = TcpStream::connect(server.address()).unwrap();
    plain.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    assert!(get(server.address(), &pair, None).unwrap().starts_with("HTTP/1.1 200 "));
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"), "it was answered in plain text");
    drop(silent);
}

#[test]
fn files_that_cannot_be_used_are_named_with_what_is_wrong() {
    let (pair, other) = (Pair::new(), Pair::new());
    let refused = |cert: PathBuf, key: PathBuf| Tls::from_files(&cert, &key).unwrap_err().to_string();
    let missing = pair.folder.path().join("missing.pem");
    assert!(refused(missing.clone(), pair.key()).contains("missing.pem"));
    assert!(refused(pair.cert(), missing).contains("private key"));
    assert!(refused(pair.key(), pair.key()).contains("holds no certificate"));
    assert!(refused(pair.cert(), pair.cert()).contains("private key"));
    assert!(refused(pair.cert(), other.key()).contains("together"));
}

#[test]
fn a_new_certificate_is_used_without_a_restart_and_one_that_does_not_fit_is_not() {
    let (pair, renewed) = (Pair::new(), Pair::new());
    let server = serve(&pair);
    let is_served = |trusted: &Pair| get(server.address(), trusted, None).is_ok();
    assert!(is_served(&pair) && !is_served(&renewed));
    let put =
        |name: &str| std::fs::copy(renewed.folder.path().join(name), pair.folder.path().join(name)).unwrap();
    // Between the two writes the pair does not match, so the old one stays in use.
    put("cert.pem");
    assert!(is_served(&pair));
    put("key.pem");
    let until = Instant::now() + Duration::from_secs(30);
    while !is_served(&renewed) {
        assert!(Instant::now() < until, "the new certificate is never used");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(!is_served(&pair));
}
