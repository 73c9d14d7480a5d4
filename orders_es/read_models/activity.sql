-- Activity: one row per hour, event type and actor, with the events that occurred.
-- Key: hour, type, actor.
-- Types: *
-- Columns:
--   hour: the beginning of the hour.
--   type: the event type, whether its meaning is known or not.
--   actor: who or what recorded them; empty where nobody was named.
--   events: how many there were.
--   recorded_later: how many of them were recorded (or entered, where their source says when) more than an hour after they had occurred, as far as that time is
--     known.
--   estimated: how many of them have an estimated time.
SELECT
    date_trunc('hour', occurred_at) AS hour,
    type,
    coalesce(actor, '') AS actor,
    count(*) AS events,
    count(
        CASE
            WHEN time_estimated IS NOT TRUE AND epoch_us(coalesce(entered_at, recorded_at)) - epoch_us(occurred_at) > 3600000000
                THEN 1
        END
    ) AS recorded_later,
    count(CASE WHEN time_estimated THEN 1 END) AS estimated
FROM events
GROUP BY ALL
ORDER BY hour, type, actor
