-- After delivery: one row per event of an order that happened, or was entered, after the order's first delivery.
-- Columns:
--   delivered_at: when the order was first delivered, by the entry of it that came first.
--   happened_after: whether it happened later than that; empty where one of the two times is a guess.
--   entered_after: whether it was entered after the delivery had been.
--   estimated: whether `occurred_at` is a guess.
WITH deliveries AS (
    SELECT
        stream_id,
        min(position) AS delivery,
        arg_min(delivered_at, position) AS delivered_at,
        coalesce(arg_min(coalesce(time_estimated, false), position), false) AS guessed
    FROM order_effects
    WHERE delivered_at IS NOT NULL
    GROUP BY stream_id
),
compared AS (
    SELECT
        events.*,
        deliveries.delivered_at,
        CASE WHEN NOT guessed AND NOT coalesce(time_estimated, false) THEN occurred_at > delivered_at END AS happened_after,
        position > delivery AS entered_after
    FROM events
    INNER JOIN deliveries USING (stream_id)
    WHERE position <> delivery
)
SELECT
    stream_id,
    position,
    type,
    actor,
    delivered_at,
    occurred_at,
    coalesce(time_estimated, false) AS estimated,
    recorded_at,
    entered_at,
    happened_after,
    entered_after,
    amount
FROM compared
WHERE coalesce(happened_after, false) OR entered_after
ORDER BY stream_id, position
