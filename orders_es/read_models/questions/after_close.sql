-- After a close: one row per event that belongs to a closed time and came in after it had been closed, or was known only later.
-- Parameters: $closed_at and $closed_known_at, the moments of the close; $closed_position, the end of the log then.
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
    entered_at,
    amount
FROM events
WHERE
    occurred_at <= $closed_at
    -- What comes in later with an earlier time of entry was not there when it was closed, whatever its source says.
    AND (coalesce(entered_at, recorded_at) > $closed_known_at OR position > $closed_position)
ORDER BY position
