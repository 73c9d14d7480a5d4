-- One hand: one row per order and actor who did every one of the steps that different people should do.
-- Parameters: $steps, a list of steps, each a list of event types of which one is enough.
-- Columns:
--   did: the event types of those steps that this actor did, in the order in which they were recorded.
--   positions: where in the log.
--
-- Events that name no actor are nobody's.
WITH steps AS (
    SELECT unnest($steps) AS types, generate_subscripts($steps, 1) AS step
),
done AS (
    SELECT stream_id, actor, position, type, recorded_at, step
    FROM events
    INNER JOIN steps ON list_contains(steps.types, events.type)
    WHERE actor IS NOT NULL
)
SELECT
    stream_id AS order_id,
    actor,
    string_agg(type, ', ' ORDER BY position) AS did,
    min(recorded_at) AS first_recorded_at,
    max(recorded_at) AS last_recorded_at,
    list(position ORDER BY position) AS positions
FROM done
GROUP BY stream_id, actor
HAVING count(DISTINCT step) = len($steps)
ORDER BY stream_id, actor
