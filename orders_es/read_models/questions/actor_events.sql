-- Actor events: one row per event that one actor caused, in the order in which they were recorded.
-- Parameters: $actor; NULL asks for the events that name nobody.
-- Columns:
--   estimated: whether `occurred_at` is a guess.
SELECT
    position,
    stream_id,
    version,
    type,
    occurred_at,
    coalesce(time_estimated, false) AS estimated,
    recorded_at,
    entered_at,
    correlation_id,
    amount,
    payload
FROM events
WHERE actor IS NOT DISTINCT FROM $actor
ORDER BY position
