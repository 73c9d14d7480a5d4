-- Order changes: one row per event of an order, and per event elsewhere that led to one of them, as a tree.
-- Parameters: $order, the stream.
-- Columns:
--   event: the type, indented under the event that caused it.
--   caused_by: the position of the causing event; empty where none is named, or none such is there at this moment.
--   estimated: whether `occurred_at` is a guess.
--
-- Events of one correlation stand together. Those that name each other as causes in a circle have no place in a tree and stand at its edge.
WITH RECURSIVE family AS (
    SELECT * FROM events WHERE stream_id = $order
    UNION
    SELECT cause.* FROM events AS cause INNER JOIN family ON cause.event_id = try_cast(family.causation_id AS UUID)
),
linked AS (
    SELECT family.*, cause.position AS caused_by
    FROM family
    LEFT JOIN family AS cause ON cause.event_id = try_cast(family.causation_id AS UUID) AND cause.position <> family.position
),
tree AS (
    SELECT position, [position] AS path FROM linked WHERE caused_by IS NULL
    UNION ALL
    SELECT linked.position, list_append(tree.path, linked.position)
    FROM linked
    INNER JOIN tree ON linked.caused_by = tree.position
),
placed AS (
    SELECT
        linked.*,
        coalesce(tree.path, [linked.position]) AS path,
        min(linked.position) OVER (PARTITION BY coalesce(linked.correlation_id, linked.position::VARCHAR)) AS first_of_correlation
    FROM linked
    LEFT JOIN tree USING (position)
),
rooted AS (
    SELECT placed.*, coalesce(root.first_of_correlation, placed.first_of_correlation) AS root_correlation
    FROM placed
    LEFT JOIN placed AS root ON root.position = placed.path[1]
)
SELECT
    position,
    stream_id,
    version,
    repeat('  ', len(path)::INTEGER - 2) || CASE WHEN len(path) > 1 THEN '└ ' ELSE '' END || type AS event,
    actor,
    occurred_at,
    coalesce(time_estimated, false) AS estimated,
    recorded_at,
    entered_at,
    correlation_id,
    causation_id,
    caused_by,
    payload
FROM rooted
ORDER BY root_correlation, path
