// SPDX-License-Identifier: Apache-2.0

//! A broker that lets in only whom it knows, by each way there is, and only for what it is allowed.

use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use cx_timelines_tests::{Program, run_to_end};
use sandbox::kafka::{Kafka, Listener, Options, free_port};

use cx_timelines_tests::certificates::{Authority, Until, protect};

pub(super) const GROUP: &str = "cx-timelines";
/// Who makes the topics.
pub(super) const MAKER: &str = "maker";
/// Who runs the pipeline, by whatever way it says so.
pub(super) const FOLDER: &str = "folder";
/// Sends events.
pub(super) const SOURCE: &str = "source";
/// Reads the results.
pub(super) const READER: &str = "reader";

/// Replays dead letters.
pub(super) const OPERATOR: &str = "operator";
/// Who erases.
pub(super) const ERASER: &str = "eraser";
/// Users with a password.
const USERS: [&str; 5] = [MAKER, FOLDER, SOURCE, READER, OPERATOR];

/// The broker with its CA, and the files of those who come to it.
pub(super) struct Ground {
    kafka: Kafka,
    folder: tempfile::TempDir,
    authority: Authority,
    secure: u16,
    mutual: u16,
    expired: u16,
}

/// A way to connect to the broker: address and flags.
#[derive(Clone)]
pub(super) struct Way(pub(super) Vec<String>);

impl Way {
    /// A command in this way.
    pub(super) fn to_end(&self, command: &[&str], input: &[u8]) -> Output {
        run_to_end(&self.with(command), input)
    }

    /// A command line in this way.
    pub(super) fn with<'a>(&'a self, command: &[&'a str]) -> Vec<&'a str> {
        command.iter().copied().chain(self.0.iter().map(String::as_str)).collect()
    }
}

impl Ground {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new(folder.path(), "authority");
        let [secure, mutual, expired] = [(); 3].map(|()| free_port().unwrap());
        let listener = |name: &str, protocol: &str, port| Listener {
            name: name.to_owned(),
            protocol: protocol.to_owned(),
            port,
        };
        let users = USERS.map(|name| (name.to_owned(), password(name)));
        let options = Options {
            listeners: vec![
                listener("SECURE", "SASL_SSL", secure),
                listener("MUTUAL", "SSL", mutual),
                listener("EXPIRED", "SSL", expired),
            ],
            users: users.to_vec(),
            extra_properties: properties(&authority, folder.path()),
            ..Options::default()
        };
        for name in USERS {
            std::fs::write(folder.path().join(format!("{name}-password")), password(name) + "\n").unwrap();
        }
        let kafka = Kafka::start(options, &mut |_| {}).unwrap();
        Self { kafka, folder, authority, secure, mutual, expired }
    }

    /// The listener in plain text, by which everything is allowed.
    pub(super) fn bootstrap(&self) -> &str {
        self.kafka.bootstrap()
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn way(&self, port: u16, flags: &[&str]) -> Way {
        let address = format!("127.0.0.1:{port}");
        let ca = self.authority.file();
        let standard = ["--bootstrap", &address, "--kafka-ca", ca.to_str().unwrap()];
        Way(standard.iter().chain(flags).map(|flag| (*flag).to_owned()).collect())
    }

    /// By user and password.
    pub(super) fn by_password(&self, name: &str) -> Way {
        let file = self.file(&format!("{name}-password"));
        self.way(self.secure, &["--kafka-user", name, "--kafka-password-file", file.to_str().unwrap()])
    }

    /// By a token that is good for so long. Another call for the same name puts a new one in its place.
    pub(super) fn by_token(&self, name: &str, seconds: i64) -> Way {
        let file = self.file(&format!("{name}-token"));
        let new = file.with_extension("new");
        std::fs::write(&new, token(name, seconds)).unwrap();
        std::fs::rename(&new, &file).unwrap();
        self.way(self.secure, &["--kafka-token-file", file.to_str().unwrap()])
    }

    /// By a certificate, whose key has a password.
    pub(super) fn by_certificate(&self, name: &str) -> Way {
        let (certificate, key) = self.authority.sign(name, Until::Tomorrow);
        let secret = self.file(&format!("{name}-key-password"));
        std::fs::write(&secret, password(name) + "\n").unwrap();
        let files = [certificate, protect(&key, &password(name)), secret];
        let files = files.map(|file| file.to_str().unwrap().to_owned());
        let flags =
            ["--kafka-cert", &files[0], "--kafka-key", &files[1], "--kafka-key-password-file", &files[2]];
        self.way(self.mutual, &flags)
    }

    /// To the listener that wants a certificate, without one.
    pub(super) fn without_a_certificate(&self) -> Way {
        self.way(self.mutual, &[])
    }

    /// To the listener whose certificate is over.
    pub(super) fn to_the_expired(&self) -> Way {
        self.way(self.expired, &[])
    }

    /// To the listener that speaks TLS, in plain text; and the other way round.
    pub(super) fn by_the_wrong_protocol(&self) -> [Way; 2] {
        let mutual = format!("127.0.0.1:{}", self.mutual);
        let words = ["--bootstrap", &mutual, "--kafka-security", "plaintext"];
        let plain = Way(words.map(str::to_owned).to_vec());
        let ca = self.authority.file().to_str().unwrap().to_owned();
        let words = ["--bootstrap", self.bootstrap(), "--kafka-ca", &ca];
        [plain, Way(words.map(str::to_owned).to_vec())]
    }

    /// Starts the pipeline, with a state directory of this name.
    pub(super) fn run(&self, way: &Way, name: &str, flags: &[&str]) -> Program {
        let state = self.file(&format!("state-{name}"));
        let standard = [
            "run",
            "--no-create-topics",
            "--http",
            "127.0.0.1:0",
            "--state-dir",
            state.to_str().unwrap(),
            "--kafka",
            "session.timeout.ms=3000",
            "--kafka",
            "heartbeat.interval.ms=500",
        ];
        let all = [&standard[..], flags].concat();
        Program::start(&way.with(&all), self.file(&format!("{name}.log")))
    }

    /// Runs these at once: each takes a Java of its own.
    pub(super) fn run_all_acls(&self, lines: &[String]) {
        std::thread::scope(|scope| {
            for line in lines {
                scope.spawn(|| self.run_acls(line));
            }
        });
    }

    /// Runs `kafka-acls` as the command line says that `cx-timelines acls` has printed.
    pub(super) fn run_acls(&self, line: &str) {
        let mut words = line.split_whitespace();
        assert_eq!(words.next(), Some("kafka-acls.sh"), "{line}");
        self.kafka.tool("org.apache.kafka.tools.AclCommand", &words.collect::<Vec<_>>()).unwrap();
    }
}

fn password(name: &str) -> String {
    format!("{name}-s3cret")
}

/// A token as the broker takes it: unsigned, which only a test's broker does.
fn token(name: &str, seconds: i64) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let now = i64::try_from(now.as_secs()).unwrap();
    let claims = format!(r#"{{"sub":"{name}","iat":{},"exp":{}}}"#, now - 60, now + seconds);
    let part = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.", part(r#"{"alg":"none"}"#), part(&claims))
}

/// The broker's key and certificate in one file, as Kafka wants them.
fn keystore(authority: &Authority, folder: &Path, name: &str, until: Until) -> String {
    let (certificate, key) = authority.sign(name, until);
    let both = [key, certificate].map(|file| std::fs::read_to_string(file).unwrap()).concat();
    let file = folder.join(format!("{name}.pem"));
    std::fs::write(&file, both).unwrap();
    file.to_str().unwrap().to_owned()
}

fn properties(authority: &Authority, folder: &Path) -> Vec<(String, String)> {
    let good = keystore(authority, folder, "broker", Until::Tomorrow);
    let over = keystore(authority, folder, "broker-of-yesterday", Until::Past);
    let trusted = authority.file().to_str().unwrap().to_owned();
    let mut all = vec![
        ("authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer".to_owned()),
        // Plain text is for the brokers, and for the test as an observer.
        ("super.users", "User:ANONYMOUS".to_owned()),
        ("sasl.enabled.mechanisms", "SCRAM-SHA-512,OAUTHBEARER".to_owned()),
        ("ssl.principal.mapping.rules", "RULE:^CN=([^,]+).*$/$1/".to_owned()),
        (
            "listener.name.secure.scram-sha-512.sasl.jaas.config",
            "org.apache.kafka.common.security.scram.ScramLoginModule required;".to_owned(),
        ),
        (
            "listener.name.secure.oauthbearer.sasl.jaas.config",
            "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub=\"broker\";"
                .to_owned(),
        ),
        // A client with a token has to present a valid one regularly.
        ("listener.name.secure.oauthbearer.connections.max.reauth.ms", "4000".to_owned()),
        ("listener.name.mutual.ssl.client.auth", "required".to_owned()),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value))
    .collect::<Vec<_>>();
    for (listener, keystore) in [("secure", &good), ("mutual", &good), ("expired", &over)] {
        for (key, value) in [
            ("ssl.keystore.type", "PEM"),
            ("ssl.keystore.location", keystore),
            ("ssl.truststore.type", "PEM"),
            ("ssl.truststore.location", &trusted),
        ] {
            all.push((format!("listener.name.{listener}.{key}"), value.to_owned()));
        }
    }
    all
}
