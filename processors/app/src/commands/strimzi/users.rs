// SPDX-License-Identifier: Apache-2.0

//! Principals as KafkaUsers.

use clap::ValueEnum;

use super::names;
use super::resources::{Acl, AclResource, Authorization, Document, Resource, Type, UserSpec};
use crate::cli::Purpose;
use crate::cli::strimzi::{StrimziArgs, UserAuthentication};
use crate::commands::rights::{Kind, rights};
use crate::config::Config;

pub(super) fn users(config: &Config, group: &str, args: &StrimziArgs) -> Vec<Document> {
    args.users.iter().map(|purpose| document(*purpose, config, group, args)).collect()
}

fn document(purpose: Purpose, config: &Config, group: &str, args: &StrimziArgs) -> Document {
    let name = match purpose {
        Purpose::Run => group.to_owned(),
        other => format!("{group}-{}", word(other)),
    };
    let authentication = match args.authentication {
        UserAuthentication::Tls => Some("tls"),
        UserAuthentication::TlsExternal => Some("tls-external"),
        UserAuthentication::ScramSha512 => Some("scram-sha-512"),
        UserAuthentication::None => None,
    };
    let spec = UserSpec {
        authentication: authentication.map(|kind| Type { kind }),
        authorization: Authorization { kind: "simple", acls: acls(purpose, config, group) },
    };
    Document::User(Resource::new("KafkaUser", names::resource(&name), args.place(), spec))
}

/// One entry for each resource, with all operations on it.
fn acls(purpose: Purpose, config: &Config, group: &str) -> Vec<Acl> {
    let mut acls: Vec<Acl> = Vec::new();
    for right in rights(purpose, config, group) {
        for name in right.names {
            let pattern_type = if right.is_prefix { "prefix" } else { "literal" };
            let resource = AclResource { kind: kind(right.kind), name, pattern_type };
            let operations = right.operations.iter().copied();
            match acls.iter_mut().find(|acl| acl.resource == resource) {
                Some(acl) => {
                    let new: Vec<_> = operations.filter(|one| !acl.operations.contains(one)).collect();
                    acl.operations.extend(new);
                }
                None => acls.push(Acl { resource, operations: operations.collect() }),
            }
        }
    }
    acls
}

/// Strimzi's word for a type of resource.
pub(super) fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Topic => "topic",
        Kind::Group => "group",
        Kind::TransactionalId => "transactionalId",
    }
}

/// A purpose as on the command line.
pub(super) fn word(purpose: Purpose) -> String {
    purpose.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}
