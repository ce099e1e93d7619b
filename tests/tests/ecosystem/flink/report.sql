-- Reports over the tables of the topics, each into a topic of its own. docs/how-to/flink.md explains them.

-- A join: how many messages there are in conversations of each outcome.
CREATE TABLE `report_outcomes` (
  `outcome` STRING,
  `messages` BIGINT,
  PRIMARY KEY (`outcome`) NOT ENFORCED
) WITH (
  'connector' = 'upsert-kafka',
  'topic' = 'report.outcomes',
  'properties.bootstrap.servers' = '127.0.0.1:9092',
  'key.format' = 'raw',
  'value.format' = 'json'
);

INSERT INTO `report_outcomes`
SELECT COALESCE(c.`outcome`, 'OPEN'), COUNT(*)
FROM `cx_activities` /*+ OPTIONS('scan.bounded.mode' = 'latest-offset') */ AS a
JOIN `cx_conversations` /*+ OPTIONS('scan.bounded.mode' = 'latest-offset') */ AS c
  ON a.`conversationId` = c.`conversationId`
WHERE a.`kind` LIKE '%_MESSAGE'
GROUP BY COALESCE(c.`outcome`, 'OPEN');

-- A window of event time: the conversations that began in each quarter of an hour. A window is final once the watermark has passed
-- its end: a correction that comes later than the delay of the watermark is dropped.
CREATE TABLE `conversations_in_time` (
  `began` AS TO_TIMESTAMP_LTZ(`startedAt`, 3),
  WATERMARK FOR `began` AS `began` - INTERVAL '7' DAY
) WITH (
  'scan.bounded.mode' = 'latest-offset'
) LIKE `cx_conversations`;

CREATE TABLE `report_quarters` (
  `begins` TIMESTAMP(3),
  `ends` TIMESTAMP(3),
  `conversations` BIGINT
) WITH (
  'connector' = 'kafka',
  'topic' = 'report.quarters',
  'properties.bootstrap.servers' = '127.0.0.1:9092',
  'key.format' = 'json',
  'key.fields' = 'begins',
  'value.format' = 'json'
);

INSERT INTO `report_quarters`
SELECT window_start, window_end, COUNT(*)
FROM TUMBLE(TABLE `conversations_in_time`, DESCRIPTOR(`began`), INTERVAL '15' MINUTES)
GROUP BY window_start, window_end;
