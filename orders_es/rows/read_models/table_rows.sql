-- Rows of imported tables, as they stood: one row for each row that the source's table had.
-- Key: stream_id.
-- Stream: stream_id.
-- Internal: asked by its name; pages about orders leave it out.
-- Types: RowInserted, RowChanged, RowDeleted, TableDumped
-- Columns:
--   stream_id: The row's stream: its table, a slash, its key.
--   source_table: The table that it is of.
--   row_key: Its key; parts of it are joined by a dash.
--   row_values: Its values, as a JSON object of texts and nulls: `row_values->>'status'`.
--   row_version: The version of its last event.
--   changed_at: When it came to be so, or was first seen so.
--   changed_after: Where nobody wrote down when: it was not so yet at that time.
WITH lives AS (
    SELECT
        stream_id,
        any_value(source_table) AS source_table,
        any_value(row_key) AS row_key,
        max(version) AS row_version,
        -- What the row was before it was deleted, or came back, counts no more.
        coalesce(max(version) FILTER (WHERE type <> 'RowChanged'), 0) AS since,
        arg_max(type, version) AS last_type,
        arg_max(occurred_at, version) AS changed_at,
        arg_max_null(changed_after, version) AS changed_after,
        arg_max(row_after, version) AS last_values
    FROM events
    WHERE type IN ('RowInserted', 'RowChanged', 'RowDeleted')
    GROUP BY stream_id
),
changed AS (
    SELECT
        event.stream_id,
        -- Column by column, the last one that says something; a null is something that it says.
        to_json(
            list_reduce(
                list(event.row_after::JSON::MAP(VARCHAR, VARCHAR) ORDER BY event.version),
                lambda older, newer: map_concat(older, newer)
            )
        )::VARCHAR AS row_values
    FROM events AS event
    JOIN lives ON lives.stream_id = event.stream_id AND event.version >= lives.since
    WHERE event.type IN ('RowInserted', 'RowChanged') AND lives.last_type = 'RowChanged'
    GROUP BY event.stream_id
)
SELECT
    lives.stream_id,
    lives.source_table,
    lives.row_key,
    coalesce(changed.row_values, lives.last_values)::JSON AS row_values,
    lives.row_version,
    lives.changed_at,
    lives.changed_after
FROM lives
LEFT JOIN changed ON changed.stream_id = lives.stream_id
WHERE lives.last_type <> 'RowDeleted'
