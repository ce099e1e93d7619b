CREATE TABLE `cx_conversations` (
  `record_key` STRING,
  `conversationId` STRING,
  `startedAt` BIGINT,
  `outcome` STRING,
  `startedAt_time` AS TO_TIMESTAMP_LTZ(`startedAt`, 3),
  PRIMARY KEY (`record_key`) NOT ENFORCED
) WITH (
  'connector' = 'upsert-kafka',
  'topic' = 'cx.conversations',
  'properties.bootstrap.servers' = '127.0.0.1:9092',
  'properties.isolation.level' = 'read_committed',
  'key.format' = 'raw',
  'value.fields-include' = 'EXCEPT_KEY',
  'value.format' = 'json'
);

CREATE TABLE `cx_activities` (
  `record_key` STRING,
  `conversationId` STRING,
  `kind` STRING,
  PRIMARY KEY (`record_key`) NOT ENFORCED
) WITH (
  'connector' = 'upsert-kafka',
  'topic' = 'cx.activities',
  'properties.bootstrap.servers' = '127.0.0.1:9092',
  'properties.isolation.level' = 'read_committed',
  'key.format' = 'raw',
  'value.fields-include' = 'EXCEPT_KEY',
  'value.format' = 'json'
);
