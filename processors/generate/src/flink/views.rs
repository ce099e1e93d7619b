// SPDX-License-Identifier: Apache-2.0

//! Views of Flink SQL, as examples: a join and a window.

use model::Schema;

use crate::{Definition, sql};

/// A join: the alerts that are raised, with the conversations that they are about.
pub(super) fn open_alerts(definition: &Definition) -> Option<String> {
    let (alerts, _) = definition.of(&Schema::ALERT)?;
    let (conversations, _) = definition.of(&Schema::CONVERSATION)?;
    let (alerts, conversations) = (alerts.identifier(), conversations.identifier());
    let about = "A join: the alerts that are raised, with the customer and the state of the conversation. A row goes when its alert is \
                 resolved, or when the conversation is erased.";
    Some(format!(
        "{}CREATE VIEW `{alerts}_raised` AS
SELECT a.`record_key`, a.`conversationId`, a.`kind`, a.`startedAt_time`, a.`queue`, c.`customerId`, c.`state`
FROM `{alerts}` AS a
JOIN `{conversations}` AS c ON a.`conversationId` = c.`record_key`
WHERE a.`state` = 'raised';
",
        sql::comment(about)
    ))
}

/// A window: the conversations of each hour.
pub(super) fn by_hour(definition: &Definition) -> Option<String> {
    let conversations = definition.of(&Schema::CONVERSATION)?.0.identifier();
    let about = "A window: conversations by the hour in which they began. It is a group of rows and not a window of event time, \
                 because that would drop what is corrected later.";
    Some(format!(
        "{}CREATE VIEW `{conversations}_by_hour` AS
SELECT FLOOR(`startedAt_time` TO HOUR) AS `hour`, COUNT(*) AS `conversations`, COUNT(`closedAt`) AS `closed`,
  SUM(`waitMs`) AS `waitMs`
FROM `{conversations}`
GROUP BY FLOOR(`startedAt_time` TO HOUR);
",
        sql::comment(about)
    ))
}
