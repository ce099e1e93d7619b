// SPDX-License-Identifier: Apache-2.0

//! The registry's client over TLS trusts exactly the configured certificates.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

use avro::registry::{Registry, Settings};
use openssl::asn1::{Asn1Integer, Asn1Time};
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{SslAcceptor, SslMethod};
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509Name};

/// A self-signed certificate for `localhost`.
fn certificate() -> (X509, PKey<Private>) {
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
    builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
    let names = SubjectAlternativeName::new().dns("localhost").build(&builder.x509v3_context(None, None));
    builder.append_extension(names.unwrap()).unwrap();
    builder.sign(&key, MessageDigest::sha256()).unwrap();
    (builder.build(), key)
}

/// A registry that answers one call, if a connection succeeds.
fn server(certificate: &X509, key: &PKey<Private>) -> String {
    let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).unwrap();
    acceptor.set_certificate(certificate).unwrap();
    acceptor.set_private_key(key).unwrap();
    let acceptor = acceptor.build();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let Ok(mut stream) = acceptor.accept(stream) else { return };
        let mut request = [0; 4096];
        let _ = stream.read(&mut request);
        let body = r#"{"schema":"\"string\""}"#;
        let length = body.len();
        let _ =
            write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
    });
    url
}

fn registry(url: String, trusted: Option<&X509>) -> Registry {
    let ca_pem = trusted.map(|trusted| String::from_utf8(trusted.to_pem().unwrap()).unwrap());
    let timeout = Duration::from_secs(60);
    Registry::new(Settings { urls: vec![url], ca_pem, timeout, attempts: 1, ..Settings::default() }).unwrap()
}

#[test]
fn a_registry_with_a_certificate_that_is_trusted_is_spoken_to() {
    let (certificate, key) = certificate();
    let registry = registry(server(&certificate, &key), Some(&certificate));
    assert_eq!(registry.by_id(1).as_deref(), Ok("\"string\""));
}

#[test]
fn a_registry_with_a_certificate_of_somebody_else_is_not_spoken_to() {
    let ((certificate, key), (other, _)) = (certificate(), certificate());
    for trusted in [None, Some(&other)] {
        let error = registry(server(&certificate, &key), trusted).by_id(1).unwrap_err().to_string();
        assert!(error.contains("certificate verify failed"), "{error}");
    }
}
