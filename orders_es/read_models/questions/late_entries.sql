-- Late entries: one row per event that became known later than a given time after it happened, latest entry first.
-- Parameters: $longer_than, in microseconds.
-- Columns:
--   hours_late: hours from `occurred_at` to `entered_at` or, where its source gave none, to `recorded_at`.
--
-- An event whose time is a guess has no such length, and is left out.
SELECT
    position,
    stream_id,
    version,
    type,
    actor,
    occurred_at,
    recorded_at,
    entered_at,
    round((epoch_us(coalesce(entered_at, recorded_at)) - epoch_us(occurred_at)) / 3600000000, 2) AS hours_late
FROM events
WHERE
    NOT coalesce(time_estimated, false)
    AND epoch_us(coalesce(entered_at, recorded_at)) - epoch_us(occurred_at) > $longer_than
ORDER BY epoch_us(coalesce(entered_at, recorded_at)) - epoch_us(occurred_at) DESC, position
