-- Activity: one row an hour, event type and actor, with the events that occurred.
-- Key: hour, type, actor.
-- Types: *
-- Columns:
--   hour: the beginning of the hour.
--   type: the event type, whether its meaning is known or not.
--   actor: who or what recorded them; empty where nobody was named.
--   events: how many there were.
--   recorded_later: how many of them were recorded more than an hour after they had occurred.
SELECT
    date_trunc('hour', occurred_at) AS hour,
    type,
    coalesce(actor, '') AS actor,
    count(*) AS events,
    count(CASE WHEN epoch_us(recorded_at) - epoch_us(occurred_at) > 3600000000 THEN 1 END) AS recorded_later
FROM events
GROUP BY ALL
ORDER BY hour, type, actor
