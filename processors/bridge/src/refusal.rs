// SPDX-License-Identifier: Apache-2.0

//! What a broker's refusal or silence means: from what the AMQP client reports to a failure with its remedy.

use std::time::Duration;

use fe2o3_amqp::connection::{ConnectionHandle, OpenError};
use fe2o3_amqp_types::definitions::{AmqpError, ErrorCondition};
use fe2o3_amqp_types::sasl::SaslCode;
use tokio::time::timeout;

use crate::broker::{self, Address};
use crate::failure::Failure;
use crate::line::Watch;
use crate::settings::Settings;

/// The failure of a connection that could not be opened.
pub(crate) fn refused(settings: &Settings, address: &Address, watch: &Watch, error: OpenError) -> Failure {
    match error {
        // The broker does not offer the mechanism, or refuses user and password.
        OpenError::SaslError { code: SaslCode::Auth, .. } | OpenError::NotImplemented(_) => {
            denied(settings, address)
        }
        OpenError::RemoteClosedWithError(error) => closed(settings, address, &error),
        other => foreign(address, watch).unwrap_or_else(|| lost(address, &brief(&other.to_string()))),
    }
}

/// The failure, if the first bytes are not AMQP's.
pub(crate) fn foreign(address: &Address, watch: &Watch) -> Option<Failure> {
    let first = watch.first_bytes();
    let is_foreign = if first.is_empty() { watch.has_ended() } else { !broker::is_amqp(&first) };
    is_foreign.then(|| Failure::NotAmqp { address: address.clone(), seems: broker::seems(&first) })
}

/// The failure of a connection that the broker closed with this error.
fn closed(settings: &Settings, address: &Address, error: &fe2o3_amqp_types::definitions::Error) -> Failure {
    let said = error.description.as_deref().unwrap_or_default();
    match &error.condition {
        ErrorCondition::AmqpError(AmqpError::UnauthorizedAccess) => denied(settings, address),
        // Both ActiveMQs answer so when the container id is in use.
        ErrorCondition::AmqpError(AmqpError::InvalidField) => {
            Failure::ClientIdTaken { address: address.clone(), client_id: settings.client_id.clone() }
        }
        condition => lost(address, &brief(&format!("{condition:?} {said}"))),
    }
}

fn denied(settings: &Settings, address: &Address) -> Failure {
    let who = match &settings.security.user {
        Some((user, _)) => format!("the user {user} or its password"),
        None => "a client without a user".to_owned(),
    };
    Failure::Denied { address: address.clone(), who }
}

/// The failure of a connection that ended for this reason.
pub(crate) fn lost(address: &Address, why: &str) -> Failure {
    Failure::Lost { address: address.clone(), why: why.to_owned() }
}

/// Why the connection ended, if it did.
pub(crate) async fn ended(
    connection: &mut ConnectionHandle<()>,
    settings: &Settings,
    address: &Address,
    watch: &Watch,
) -> Option<Failure> {
    const ALMOST: Duration = Duration::from_millis(200);
    let outcome = timeout(ALMOST, connection.on_close()).await;
    match outcome {
        Ok(Err(fe2o3_amqp::connection::Error::RemoteClosedWithError(error))) => {
            Some(closed(settings, address, &error))
        }
        Ok(Ok(()) | Err(_)) => Some(lost(address, "the broker closed it")),
        Err(_) if watch.has_ended() => Some(lost(address, "the broker closed it")),
        Err(_) => None,
    }
}

/// The beginning of what a library or broker says, in one line.
pub(crate) fn brief(text: &str) -> String {
    const CHARACTERS_MAX: usize = 200;
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(CHARACTERS_MAX).collect()
}
