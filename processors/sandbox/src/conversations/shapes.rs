// SPDX-License-Identifier: Apache-2.0

//! The JSON of common parts, short and complete.

use chrono::{DateTime, FixedOffset, SecondsFormat};
use serde_json::{Map, Value, json};

use super::Size;
use super::cast::{Agent, Bot, Channel};

/// The customer of a conversation.
#[derive(Debug, Clone)]
pub(super) struct Customer {
    pub(super) id: String,
    pub(super) name: &'static str,
    /// The address on the channel: a phone number, a handle.
    pub(super) address: String,
    pub(super) anonymous: bool,
}

/// One channel session.
#[derive(Debug, Clone)]
pub(super) struct Session {
    pub(super) id: String,
    pub(super) channel: Channel,
    pub(super) direction: &'static str,
    /// The room of real payloads, beside the conversation.
    pub(super) room: String,
    /// The mode of the room.
    pub(super) mode: &'static str,
}

/// A fixed id for `of`: real payloads repeat the ids of configuration.
fn fixed_id(of: &str, what: u64) -> String {
    // FNV-1a: only a stable spread is needed.
    let hash = of.bytes().fold(0xcbf2_9ce4_8422_2325 ^ what, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}{:08x}", (hash >> 32) ^ what)
}

pub(super) fn customer(customer: &Customer, channel: Channel, size: Size) -> Value {
    let Customer { id, name, address, anonymous } = customer;
    match size {
        Size::Slim => json!({"_id": id, "firstName": name, "isAnonymous": anonymous}),
        Size::Real => {
            let mut full = json!({
                "_id": id, "firstName": name, "isAnonymous": anonymous, "phoneNumber": [], "email": [],
                "labels": [{"_id": fixed_id(name, 3), "name": "newsletter", "color_code": "#2a9d8f"}],
                "createdBy": {"id": fixed_id("import", 1), "name": "identity-import"}, "__v": 0
            });
            if let Some(full) = full.as_object_mut() {
                full.insert(channel.kind.to_ascii_lowercase(), json!([address]));
            }
            full
        }
    }
}

pub(super) fn channel_data(customer: &Customer, channel: Channel, size: Size) -> Map<String, Value> {
    let mut data = Map::new();
    data.insert("channelCustomerIdentifier".to_owned(), json!(customer.address));
    data.insert("serviceIdentifier".to_owned(), json!(channel.service));
    if size == Size::Real {
        data.insert("requestPriority".to_owned(), json!(0));
        data.insert("customerFirstName".to_owned(), Value::Null);
        data.insert("customerLastName".to_owned(), Value::Null);
        data.insert(
            "additionalAttributes".to_owned(),
            json!([{"key": "ChannelForm", "type": "ChannelForm", "value": {
                "device": {"browser": null, "deviceType": null},
                "locale": {"timezone": null, "language": null, "country": null},
                "form": {"id": fixed_id(channel.name, 9), "filledBy": channel.name, "attributes": [
                    {"key": "contact", "type": "string", "value": customer.address}]}
            }}]),
        );
    }
    data
}

fn channel(channel: Channel, media_domain: &str, size: Size) -> Value {
    let Channel { kind, name, service } = channel;
    if size == Size::Slim {
        return json!({"name": name, "channelType": {"name": kind}});
    }
    let channel_type = json!({
        "id": fixed_id(kind, 1), "name": kind, "channelLogo": format!("{kind}.svg"), "isInteractive": true,
        "mediaRoutingDomain": media_domain
    });
    json!({
        "id": fixed_id(name, 1), "calendarId": "", "name": name, "serviceIdentifier": service,
        "defaultOutbound": kind == "SMS", "tenant": {"id": fixed_id("tenant", 1), "name": null},
        "channelConfig": {
            "id": fixed_id(name, 2), "channelMode": "HYBRID", "conversationBot": "", "responseSla": 0,
            "customerActivityTimeout": 600,
            "customerSla": {"totalDuration": null, "action": null, "startTime": null},
            "customerIdentificationCriteria": {"value": null},
            "routingPolicy": {
                "agentSelectionPolicy": "LONGEST_AVAILABLE", "routeToLastAgent": false, "routingMode": "PUSH",
                "routingObjectId": fixed_id(name, 4), "agentRequestTtl": 240
            },
            "botId": fixed_id("bot", 1)
        },
        "channelConnector": {
            "id": fixed_id(name, 5), "name": format!("{name}-connector"),
            "channelProviderInterface": {
                "id": fixed_id(name, 6), "name": format!("{name}-provider"),
                "supportedChannelTypes": [channel_type.clone()],
                "providerWebhook": format!("http://{name}.channels.example:7000/receive"),
                "channelProviderConfigSchema": []
            },
            "channelProviderConfigs": [], "tenant": {"id": fixed_id("tenant", 2), "name": null}
        },
        "channelType": channel_type
    })
}

/// A channel session; it names its conversation only if one is given.
pub(super) fn channel_session(
    session: &Session,
    of: &Customer,
    conversation: Option<&str>,
    media_domain: &str,
    size: Size,
) -> Value {
    let mut full = json!({
        "participantType": "ChannelSession", "id": session.id,
        "channel": channel(session.channel, media_domain, size),
        "customer": customer(of, session.channel, size),
        "channelData": channel_data(of, session.channel, size),
        "channelSessionDirection": session.direction
    });
    let Some(object) = full.as_object_mut() else { return full };
    if let Some(conversation) = conversation {
        object.insert("conversationId".to_owned(), json!(conversation));
    }
    if size == Size::Real {
        object.insert("customerSuggestions".to_owned(), json!([]));
        object.insert("latestIntent".to_owned(), Value::Null);
        object.insert("customerPresence".to_owned(), json!({"value": null}));
        object.insert("isActive".to_owned(), json!(true));
        object.insert("active".to_owned(), json!(true));
        object.insert("roomInfo".to_owned(), room(session));
        object.insert("state".to_owned(), json!({"name": "STARTED", "reasonCode": "CUSTOMER"}));
    }
    full
}

pub(super) fn room(session: &Session) -> Value {
    json!({"id": session.room, "mode": session.mode})
}

/// An agent's account.
fn account(agent: &Agent, size: Size) -> Value {
    let Agent { id, username, first, last, extension } = agent;
    let resources = || -> Vec<Value> {
        let names = ["mrd", "queues", "forms", "reports", "customers", "campaigns", "wrapups"];
        let resource = |name| {
            json!({"rsid": fixed_id(name, 7), "rsname": name, "scopes": ["view", "manage"],
                "type": format!("urn:contact-centre:resources:{name}"), "ownerManagedAccess": false})
        };
        names.into_iter().map(resource).collect()
    };
    let user = match size {
        Size::Slim => {
            return json!({"id": id, "participantType": "CCUser", "keycloakUser": {"id": id, "username": username}});
        }
        Size::Real => json!({
            "id": id, "username": username, "firstName": first, "lastName": last, "realm": "contact-centre",
            "roles": ["agent", "offline_access", "uma_authorization", "default-roles-contact-centre"],
            "attributes": {"agentExtension": [extension], "teamLocale": ["en"]},
            "userTeam": {"teamId": fixed_id("team", 1), "teamName": "Service"}, "supervisedTeams": [],
            "permittedResources": {"Resources": resources()}
        }),
    };
    let skills = ["languages", "deliveries", "billing"];
    let attribute = |name: &str| {
        json!({"value": 5, "routingAttribute":
            {"id": fixed_id(name, 8), "name": name, "type": "PROFICIENCY", "defaultValue": 1}})
    };
    let domain = |name: &str| json!({"mrdId": fixed_id(name, 10), "maxAgentTasks": 3});
    json!({
        "id": id, "participantType": "CCUser", "keycloakUser": user,
        "associatedRoutingAttributes": skills.map(attribute),
        "associatedMrds": skills.map(domain)
    })
}

/// An agent as a participant.
pub(super) fn agent_participant(agent: &Agent, stay: &str, role: &str, size: Size) -> Map<String, Value> {
    let mut part = Map::new();
    part.insert("id".to_owned(), json!(stay));
    part.insert("type".to_owned(), json!("AGENT"));
    part.insert("role".to_owned(), json!(role));
    part.insert("participant".to_owned(), account(agent, size));
    if size == Size::Real {
        part.insert("token".to_owned(), Value::Null);
        part.insert("isActive".to_owned(), json!(true));
        part.insert("userCredentials".to_owned(), Value::Null);
        part.insert("state".to_owned(), json!("SUBSCRIBED"));
        part.insert("stateChangedOn".to_owned(), Value::Null);
    }
    part
}

pub(super) fn bot_sender(bot: &Bot, size: Size) -> Value {
    match size {
        Size::Slim => json!({"type": "BOT", "id": bot.id, "senderName": bot.name}),
        Size::Real => json!({
            "type": "bot", "role": "ASSISTANT", "id": fixed_id(&bot.id, 1), "isActive": true, "state": "SUBSCRIBED",
            "token": null, "userCredentials": {},
            "participant": {"participantType": "Bot", "id": bot.id, "name": bot.name, "type": "RASA"}
        }),
    }
}

/// An event's timestamp: mostly a number, sometimes digits in a string or RFC 3339.
pub(super) fn timestamp(at_ms: i64, spelling: u32) -> Value {
    match spelling {
        0 | 1 => json!(at_ms.to_string()),
        2 => json!(rfc3339(at_ms, 0)),
        3 => json!(rfc3339(at_ms, 330)),
        _ => json!(at_ms),
    }
}

/// RFC 3339 with milliseconds, at this offset in minutes east; a time beyond the calendar is in epoch milliseconds.
pub(super) fn rfc3339(at_ms: i64, offset_minutes: i32) -> String {
    let at = DateTime::from_timestamp_millis(at_ms);
    let written = at
        .zip(FixedOffset::east_opt(offset_minutes * 60))
        .map(|(at, offset)| at.with_timezone(&offset).to_rfc3339_opts(SecondsFormat::Millis, true));
    written.unwrap_or_else(|| at_ms.to_string())
}

#[cfg(test)]
mod tests {
    use super::rfc3339;

    #[test]
    fn a_time_is_written_as_the_calendar_says() {
        assert_eq!(rfc3339(0, 0), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(951_782_400_000, 0), "2000-02-29T00:00:00.000Z");
        assert_eq!(rfc3339(1_750_000_000_123, 0), "2025-06-15T15:06:40.123Z");
        assert_eq!(rfc3339(1_750_000_000_123, 330), "2025-06-15T20:36:40.123+05:30");
        assert_eq!(rfc3339(1_735_689_599_999, -60), "2024-12-31T22:59:59.999-01:00");
        assert_eq!(rfc3339(1_709_164_800_000, 0), "2024-02-29T00:00:00.000Z");
    }
}
