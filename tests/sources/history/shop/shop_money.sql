-- A shop's ledger: one row per booking of an order.
-- Key: order_id, id.
-- Stream: order_id.
SELECT
    concat_ws(' ', stream_id, version::VARCHAR) AS id,
    stream_id AS order_id,
    type AS booking,
    amount,
    item_id,
    method,
    reason,
    code,
    occurred_at AS booked_at,
    time_estimated AS booked_estimated
FROM events
WHERE amount IS NOT NULL
