// SPDX-License-Identifier: Apache-2.0

//! A CA with the certificates that it signs, as files.

use std::path::{Path, PathBuf};

use openssl::asn1::{Asn1Integer, Asn1Time};
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::symm::Cipher;
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509Builder, X509Name};

/// A CA whose files lie in a folder.
pub struct Authority {
    folder: PathBuf,
    name: &'static str,
    certificate: X509,
    key: PKey<Private>,
}

/// The same key, protected by a password, in a file beside it.
pub fn protect(key: &Path, password: &str) -> PathBuf {
    let plain = PKey::private_key_from_pem(&std::fs::read(key).unwrap()).unwrap();
    let text = plain.private_key_to_pem_pkcs8_passphrase(Cipher::aes_256_cbc(), password.as_bytes()).unwrap();
    let file = key.with_extension("protected.pem");
    std::fs::write(&file, text).unwrap();
    file
}

/// Until when a certificate is good.
#[derive(Clone, Copy)]
pub enum Until {
    /// For a day.
    Tomorrow,
    /// It is over already.
    Past,
}

impl Authority {
    /// Makes it, and the file with its certificate.
    pub fn new(folder: &Path, name: &'static str) -> Self {
        let key = key();
        let mut builder = builder(name, &key, Until::Tomorrow);
        builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
        let issuer = subject(name);
        builder.set_issuer_name(&issuer).unwrap();
        builder.sign(&key, MessageDigest::sha256()).unwrap();
        let certificate = builder.build();
        let authority = Self { folder: folder.to_owned(), name, certificate, key };
        std::fs::write(authority.file(), authority.certificate.to_pem().unwrap()).unwrap();
        authority
    }

    /// The file with its certificate.
    pub fn file(&self) -> PathBuf {
        self.folder.join(format!("{}.pem", self.name))
    }

    /// Signs a certificate of this name for 127.0.0.1; gives the files with it and with its key.
    pub fn sign(&self, name: &str, until: Until) -> (PathBuf, PathBuf) {
        let key = key();
        let mut builder = builder(name, &key, until);
        let context = builder.x509v3_context(Some(&self.certificate), None);
        let names = SubjectAlternativeName::new().ip("127.0.0.1").build(&context).unwrap();
        builder.append_extension(names).unwrap();
        builder.set_issuer_name(self.certificate.subject_name()).unwrap();
        builder.sign(&self.key, MessageDigest::sha256()).unwrap();
        let files = ["cert", "key"].map(|what| self.folder.join(format!("{name}-{what}.pem")));
        let [certificate, private] = files;
        std::fs::write(&certificate, builder.build().to_pem().unwrap()).unwrap();
        std::fs::write(&private, key.private_key_to_pem_pkcs8().unwrap()).unwrap();
        (certificate, private)
    }
}

fn key() -> PKey<Private> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap()
}

fn subject(name: &str) -> X509Name {
    let mut subject = X509Name::builder().unwrap();
    subject.append_entry_by_text("CN", name).unwrap();
    subject.build()
}

fn builder(name: &str, key: &PKey<Private>, until: Until) -> X509Builder {
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    let mut serial = BigNum::new().unwrap();
    serial.rand(64, openssl::bn::MsbOption::MAYBE_ZERO, false).unwrap();
    builder.set_serial_number(&Asn1Integer::from_bn(&serial).unwrap()).unwrap();
    let subject = subject(name);
    builder.set_subject_name(&subject).unwrap();
    builder.set_pubkey(key).unwrap();
    let end = match until {
        Until::Tomorrow => Asn1Time::days_from_now(1),
        Until::Past => Asn1Time::from_unix(1_600_000_000),
    };
    builder.set_not_before(&Asn1Time::from_unix(1_500_000_000).unwrap()).unwrap();
    builder.set_not_after(&end.unwrap()).unwrap();
    builder
}
