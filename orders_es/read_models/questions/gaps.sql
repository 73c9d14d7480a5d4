-- Gaps: one row per silence that was longer than a given time, longest first.
-- Parameters: $longer_than, in microseconds; $by_log, whether the clock is that of recording; $goes_on, whether that clock has a limit.
-- Columns:
--   silent_from, silent_until: the times of the events before and after; the moment asked for where nothing has come since.
--   hours: how long it was.
--   position_before, position_after: those events.
--
-- On the clock of what happened, events whose time is a guess are left out: a silence could neither begin nor end with them.
WITH times AS (
    SELECT position, CASE WHEN $by_log THEN recorded_at ELSE occurred_at END AS happened
    FROM events
    WHERE $by_log OR NOT coalesce(time_estimated, false)
    UNION ALL
    SELECT NULL, CASE WHEN $by_log THEN known_at ELSE "at" END FROM moment WHERE $goes_on
),
pairs AS (
    SELECT
        lag(happened) OVER in_time AS silent_from,
        happened AS silent_until,
        lag(position) OVER in_time AS position_before,
        position AS position_after
    FROM times
    WHERE happened IS NOT NULL
    WINDOW in_time AS (ORDER BY happened, position NULLS LAST)
)
SELECT
    silent_from,
    silent_until,
    round((epoch_us(silent_until) - epoch_us(silent_from)) / 3600000000, 2) AS hours,
    position_before,
    position_after
FROM pairs
WHERE epoch_us(silent_until) - epoch_us(silent_from) > $longer_than
ORDER BY epoch_us(silent_until) - epoch_us(silent_from) DESC, silent_from
