// SPDX-License-Identifier: Apache-2.0

//! A broker's files, and the command line that starts it with them.

use std::fs;
use std::path::Path;

use super::error::{ActiveMqError, failed};
use super::{Keystore, Kind, PASSWORD, Ports, USER};

const LOGGING: &str = include_str!("log4j2.xml");

/// Writes the files of a new broker; returns Java's arguments.
pub(super) fn write(
    kind: Kind,
    home: &Path,
    jars: &Path,
    ports: Ports,
    keystore: Option<&Keystore>,
) -> Result<Vec<String>, ActiveMqError> {
    let write = |name: &str, text: &str| {
        let path = home.join(name);
        fs::write(&path, text).map_err(failed("write", &path))
    };
    write("log4j2.xml", LOGGING)?;
    let mut arguments: Vec<String> =
        ["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"].map(str::to_owned).into();
    arguments.push(format!("-Dlog4j2.configurationFile={}/log4j2.xml", home.display()));
    match kind {
        Kind::Classic => {
            write("activemq.xml", &filled(include_str!("classic.xml"), home, ports, keystore))?;
            let main = "org.apache.activemq.console.command.ShellCommand";
            arguments.extend(["-cp".to_owned(), format!("{}/*", jars.display()), main.to_owned()]);
            arguments.extend(["start".to_owned(), format!("xbean:file:{}/activemq.xml", home.display())]);
        }
        Kind::Artemis => {
            let etc = home.join("etc");
            fs::create_dir_all(&etc).map_err(failed("create", &etc))?;
            write("etc/broker.xml", &filled(include_str!("artemis.xml"), home, ports, None))?;
            write(
                "etc/management.xml",
                "<management-context xmlns=\"http://activemq.apache.org/schema\"/>\n",
            )?;
            write("etc/bootstrap.xml", &bootstrap(&etc))?;
            write("etc/artemis-users.properties", &format!("{USER}={PASSWORD}\n"))?;
            write("etc/artemis-roles.properties", &format!("users={USER}\n"))?;
            write("etc/login.config", &login(&etc))?;
            arguments.push(format!("-Djava.security.auth.login.config={}/login.config", etc.display()));
            arguments.extend(["home", "instance"].map(|name| format!("-Dartemis.{name}={}", home.display())));
            let main = "org.apache.activemq.artemis.cli.Artemis";
            arguments.extend(["-cp".to_owned(), format!("{}/*", jars.display()), main.to_owned()]);
            arguments.extend(["run", "--"].map(str::to_owned));
            arguments.push(format!("xml:{}/bootstrap.xml", etc.display()));
        }
    }
    Ok(arguments)
}

/// The domain of Artemis' users.
const DOMAIN: &str = "sandbox";

/// The users of Artemis.
fn login(etc: &Path) -> String {
    format!(
        "{DOMAIN} {{\n  org.apache.activemq.artemis.spi.core.security.jaas.PropertiesLoginModule required\n    \
         baseDir=\"{}\"\n    org.apache.activemq.jaas.properties.user=\"artemis-users.properties\"\n    \
         org.apache.activemq.jaas.properties.role=\"artemis-roles.properties\";\n}};\n",
        etc.display()
    )
}

fn bootstrap(etc: &Path) -> String {
    format!(
        "<broker xmlns=\"http://activemq.apache.org/schema\"><jaas-security domain=\"{DOMAIN}\"/>\
         <server configuration=\"file:{}/broker.xml\"/></broker>\n",
        etc.display()
    )
}

fn filled(template: &str, home: &Path, ports: Ports, keystore: Option<&Keystore>) -> String {
    let tls = keystore.map(|Keystore { file, password }| {
        let file = file.display();
        format!(
            "<sslContext><sslContext keyStore=\"file:{file}\" keyStorePassword=\"{password}\" keyStoreType=\"PKCS12\"/></sslContext>"
        )
    });
    let scheme = if keystore.is_some() { "amqp+ssl" } else { "amqp" };
    template
        .replace("@HOME@", &home.display().to_string())
        .replace("@USER@", USER)
        .replace("@PASSWORD@", PASSWORD)
        .replace("@TLS@", &tls.unwrap_or_default())
        .replace("@AMQP_SCHEME@", scheme)
        .replace("@AMQP@", &ports.amqp.to_string())
        .replace("@STOMP@", &ports.stomp.to_string())
        .replace("@OPENWIRE@", &ports.openwire.to_string())
}
