// SPDX-License-Identifier: Apache-2.0

//! The size limit of dead letters, from their topic's configuration.

use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, OwnedResourceSpecifier, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;

use crate::settings::Settings;

const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
const SETTINGS: [&str; 2] = ["max.message.bytes", "segment.bytes"];

/// The topic's record limit in bytes; `None` when its configuration does not set one.
pub(crate) fn taken_by(settings: &Settings, topic: &str) -> Option<usize> {
    let admin: AdminClient<DefaultClientContext> = settings.admin("admin").create().ok()?;
    let options = AdminOptions::new().request_timeout(Some(ANSWER_TIMEOUT));
    let asked = [ResourceSpecifier::Topic(topic)];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    let described = runtime.block_on(admin.describe_configs(&asked, &options)).ok()?;
    let mut topics = described.into_iter().flatten();
    let found = topics
        .find(|found| matches!(&found.specifier, OwnedResourceSpecifier::Topic(name) if name == topic))?;
    let number = |name: &str| found.get(name)?.value.as_deref()?.parse().ok();
    // A record larger than a segment is refused as well.
    SETTINGS.into_iter().filter_map(number).min()
}
