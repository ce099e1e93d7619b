-- The tables of postgres-json.json: the record as it lies in the topic, and the same as jsonb. Run it once, as the user of the
-- connector, before the connector starts.

-- jsonb cannot have the character U+0000, which a customer's message may have: it is left out.
CREATE FUNCTION cx_json(record text) RETURNS jsonb
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN regexp_replace(record, '(?<!\\)((?:\\\\)*)\\u0000', '\1', 'g')::jsonb;

-- A tombstone arrives as a row without a record: the row of its key is deleted, and none is written.
CREATE FUNCTION cx_apply_tombstone() RETURNS trigger
    LANGUAGE plpgsql AS
$$
BEGIN
    EXECUTE format('DELETE FROM %I.%I WHERE key = $1', TG_TABLE_SCHEMA, TG_TABLE_NAME) USING NEW.key;
    RETURN NULL;
END
$$;

CREATE TABLE cx_conversations (
    key text PRIMARY KEY,
    record text NOT NULL,
    value jsonb GENERATED ALWAYS AS (cx_json(record)) STORED
);
CREATE TRIGGER tombstone BEFORE INSERT ON cx_conversations
    FOR EACH ROW WHEN (NEW.record IS NULL) EXECUTE FUNCTION cx_apply_tombstone();

CREATE TABLE cx_activities (
    key text PRIMARY KEY,
    record text NOT NULL,
    value jsonb GENERATED ALWAYS AS (cx_json(record)) STORED
);
CREATE TRIGGER tombstone BEFORE INSERT ON cx_activities
    FOR EACH ROW WHEN (NEW.record IS NULL) EXECUTE FUNCTION cx_apply_tombstone();

CREATE TABLE cx_metrics (
    key text PRIMARY KEY,
    record text NOT NULL,
    value jsonb GENERATED ALWAYS AS (cx_json(record)) STORED
);
CREATE TRIGGER tombstone BEFORE INSERT ON cx_metrics
    FOR EACH ROW WHEN (NEW.record IS NULL) EXECUTE FUNCTION cx_apply_tombstone();

-- Typed columns are views. Figures that are 0 are left out of a record, hence the coalesce.
CREATE VIEW queue_windows AS
SELECT value->>'id' AS queue,
       to_timestamp((value->>'windowStart')::bigint / 1000) AS begins,
       coalesce((value->'figures'->>'offered')::bigint, 0) AS offered,
       coalesce((value->'figures'->>'answered')::bigint, 0) AS answered,
       coalesce((value->'figures'->>'abandoned')::bigint, 0) AS abandoned
FROM cx_metrics
WHERE value->>'dimension' = 'queue';
