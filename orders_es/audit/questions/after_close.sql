-- After a close: one row per event that belongs to a closed time and was recorded after it had been closed.
-- Parameters: $closed_at and $closed_known_at, the moments of the close.
-- Columns:
--   estimated: whether `occurred_at` is a guess, so that the event may not belong to the closed time.
SELECT
    position,
    stream_id,
    version,
    type,
    actor,
    occurred_at,
    coalesce(time_estimated, false) AS estimated,
    recorded_at,
    amount
FROM events
WHERE occurred_at <= $closed_at AND recorded_at > $closed_known_at
ORDER BY position
