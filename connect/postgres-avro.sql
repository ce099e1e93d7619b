-- Once, before postgres-avro.json is started: the figures of cx.metrics are a map, which is an hstore in PostgreSQL.
CREATE EXTENSION IF NOT EXISTS hstore;
