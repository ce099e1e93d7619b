// SPDX-License-Identifier: Apache-2.0

//! A temporary schema registry on loopback: Apicurio Registry, downloaded once from Maven Central to Kafka's cache, started in
//! seconds, removed when dropped. It needs the same programs as the broker.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::kafka::output::tail;
use crate::kafka::{KafkaError, Missing, chance, fetch};
use crate::process::Guarded;

/// The version. Later ones need Java 21.
pub const VERSION: &str = "2.6.13.Final";
/// The path of its Confluent API.
pub const API: &str = "/apis/ccompat/v7";

const POLL: Duration = Duration::from_millis(50);
const START_TIME_MAX: Duration = Duration::from_secs(60);

/// Why a registry could not be downloaded or started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// Something that has to be installed first.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// There is no cache folder.
    #[error("no folder to keep the registry in: set HOME or XDG_CACHE_HOME")]
    NoCache,
    /// It could not be downloaded.
    #[error(
        "Apicurio Registry {VERSION} could not be {what} ({status}); is the network there? It said:\n{said}"
    )]
    Fetch {
        /// The operation.
        what: &'static str,
        /// Its exit status.
        status: String,
        /// The end of its output.
        said: String,
    },
    /// It ended during its start, or did not answer in time.
    #[error("the registry does not answer; the end of its log:\n{log}")]
    Silent {
        /// The end of its log.
        log: String,
    },
    /// No free port was found.
    #[error("no free port was found on 127.0.0.1")]
    NoPort,
    /// A file or process operation failed.
    #[error("cannot {what}: {source}")]
    File {
        /// The operation.
        what: String,
        /// The system's error.
        source: io::Error,
    },
}

/// A running registry. Dropping it kills the process and removes its folder.
#[derive(Debug)]
pub struct Registry {
    process: Guarded,
    java: PathBuf,
    app: PathBuf,
    port: u16,
    // After the process: fields are dropped in this order.
    home: tempfile::TempDir,
}

impl Registry {
    /// Starts a registry and waits until it answers. Reports each step to `progress`.
    ///
    /// # Errors
    /// Something is missing, cannot be downloaded, or the registry does not start: the message has the remedy.
    pub fn start(progress: &mut dyn FnMut(&str)) -> Result<Self, RegistryError> {
        let java = fetch::java()?;
        let app = app(progress)?;
        let port = chance::free_port().ok_or(RegistryError::NoPort)?;
        let home = tempfile::Builder::new()
            .prefix("cx-registry-")
            .tempdir()
            .map_err(failed("create a folder in", &std::env::temp_dir()))?;
        progress("starting the schema registry");
        let process = spawn(&java, &app, port, home.path())?;
        let mut registry = Registry { process, java, app, port, home };
        registry.await_start()?;
        Ok(registry)
    }

    /// The URL of its API.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}{API}", self.port)
    }

    /// The process id. After [`Registry::kill`], that of the killed process.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Its log.
    pub fn log_path(&self) -> PathBuf {
        log_in(self.home.path())
    }

    /// Kills it (SIGKILL). Its data and port are kept for [`Registry::restart`].
    pub fn kill(&mut self) {
        // If this fails, restarting and dropping try again.
        let _ = self.process.kill();
    }

    /// Kills it, if it runs, and starts it again with its data; waits until it answers.
    ///
    /// # Errors
    /// It does not start.
    pub fn restart(&mut self) -> Result<(), RegistryError> {
        self.kill();
        self.process = spawn(&self.java, &self.app, self.port, self.home.path())?;
        self.await_start()
    }

    fn await_start(&mut self) -> Result<(), RegistryError> {
        let begun = Instant::now();
        while !self.answers() {
            let ended = self.process.ended().map_err(failed("look after", Path::new("the registry")))?;
            if ended.is_some() || begun.elapsed() > START_TIME_MAX {
                let log = fs::read_to_string(self.log_path()).unwrap_or_default();
                return Err(RegistryError::Silent { log: tail(&log) });
            }
            std::thread::sleep(POLL);
        }
        Ok(())
    }

    fn answers(&self) -> bool {
        let ask = || -> io::Result<bool> {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
            let mut stream = TcpStream::connect_timeout(&address, POLL)?;
            stream.set_read_timeout(Some(Duration::from_secs(5)))?;
            write!(stream, "GET {API}/subjects HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer.lines().next().is_some_and(|line| line.contains(" 200 ")))
        };
        ask().unwrap_or(false)
    }
}

fn log_in(home: &Path) -> PathBuf {
    home.join("registry.log")
}

fn spawn(java: &Path, app: &Path, port: u16, home: &Path) -> Result<Guarded, RegistryError> {
    let arguments = [
        "-Xmx256m".to_owned(),
        "-XX:+UseSerialGC".to_owned(),
        "-XX:TieredStopAtLevel=1".to_owned(),
        "-Dquarkus.http.host=127.0.0.1".to_owned(),
        format!("-Dquarkus.http.port={port}"),
        // By default it keeps its data in memory only.
        format!("-DREGISTRY_DATASOURCE_URL=jdbc:h2:file:{}", home.join("data").display()),
        "-jar".to_owned(),
        app.join(jar()).display().to_string(),
    ];
    Guarded::start(java, &arguments, &log_in(home), Some(home))
        .map_err(failed("start", Path::new("the registry")))
}

fn jar() -> String {
    format!("apicurio-registry-app-{VERSION}-runner.jar")
}

/// The folder with the registry's jars, which are downloaded on first use.
fn app(progress: &mut dyn FnMut(&str)) -> Result<PathBuf, RegistryError> {
    let cache = fetch::cache().map_err(|_: KafkaError| RegistryError::NoCache)?;
    let failed = |what, source| RegistryError::File { what, source };
    let is_filled = |folder: &Path| folder.join(jar()).is_file();
    fetch::cached(&cache, &format!("apicurio-registry-{VERSION}"), &is_filled, &failed, &mut |work| {
        progress(&format!(
            "fetching Apicurio Registry {VERSION} from Maven Central (142 MB, only this once)"
        ));
        let mut mvn = Command::new("mvn");
        mvn.args(["-q", "-B", "-Dstyle.color=never", "dependency:copy"])
            .arg(format!("-Dartifact=io.apicurio:apicurio-registry-app:{VERSION}:tar.gz:all"))
            .arg(format!("-DoutputDirectory={}", work.display()));
        to_end("fetched by Maven", &mut mvn)?;
        let jars = work.join("jars");
        fs::create_dir(&jars).map_err(self::failed("create", &jars))?;
        let archive = work.join(format!("apicurio-registry-app-{VERSION}-all.tar.gz"));
        to_end("unpacked by tar", Command::new("tar").arg("-xzf").arg(&archive).arg("-C").arg(&jars))?;
        Ok(jars)
    })
}

fn to_end(what: &'static str, command: &mut Command) -> Result<(), RegistryError> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(failed("run", Path::new(&command.get_program().to_string_lossy().into_owned())))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    let said = tail(&String::from_utf8_lossy(&said));
    Err(RegistryError::Fetch { what, status: output.status.to_string(), said })
}

fn failed(what: &str, path: &Path) -> impl FnOnce(io::Error) -> RegistryError + use<> {
    let what = format!("{what} {}", path.display());
    move |source| RegistryError::File { what, source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::available;
    use crate::process::runs;

    #[test]
    fn a_registry_starts_survives_a_kill_and_leaves_nothing_behind() {
        if let Err(missing) = available() {
            eprintln!("skipped: {missing}");
            return;
        }
        let mut registry = Registry::start(&mut |_| {}).unwrap();
        let (first, home) = (registry.pid(), registry.home.path().to_owned());
        assert!(registry.answers());
        registry.kill();
        assert!(!runs(first) && !registry.answers());
        registry.restart().unwrap();
        let second = registry.pid();
        assert!(registry.answers() && second != first);
        drop(registry);
        assert!(!runs(second) && !home.exists());
    }
}
