-- Late orders: one row per order that has been waiting for its next step for longer than nine in ten others ever did.
-- Key: order_id.
-- Columns:
--   order_id, status, customer_id, currency, total: as in `orders`.
--   waiting_since: when it came to its status.
--   waited: seconds from then to `moment.at`.
--   usual: seconds within which nine tenths of the orders that ever went on from that status to a further one did.
--     Cancelled ones do not count, and for a status that no order has left nothing is late.
--   late: seconds beyond the usual.
--
-- Only placed orders that are neither delivered nor cancelled wait for something. Where the moment at which an order came to
-- its status is an estimate, nobody knows how long it has waited: it is not in here, and no such length is in `usual`.
-- Computed once for both uses; an order's name is carried along only where it is still there.
WITH steps AS MATERIALIZED (
    SELECT CASE WHEN left_at IS NULL THEN order_id END AS order_id, status, reached_at, left_at, next_status
    FROM order_steps
    WHERE status IN ('placed', 'paid', 'shipped') AND NOT (reached_estimated OR coalesce(left_estimated, false))
),
usual AS (
    SELECT status, quantile_disc(epoch_us(left_at) - epoch_us(reached_at), 0.9) AS wait
    FROM steps
    WHERE next_status <> 'cancelled'
    GROUP BY status
)
SELECT
    orders.order_id,
    orders.status,
    orders.customer_id,
    orders.currency,
    orders.total,
    steps.reached_at AS waiting_since,
    (epoch_us(moment."at") - epoch_us(steps.reached_at)) / 1e6 AS waited,
    usual.wait / 1e6 AS usual,
    (epoch_us(moment."at") - epoch_us(steps.reached_at) - usual.wait) / 1e6 AS late
FROM steps
JOIN usual USING (status)
JOIN orders USING (order_id)
CROSS JOIN moment
WHERE steps.left_at IS NULL
    AND epoch_us(moment."at") - epoch_us(steps.reached_at) > usual.wait
ORDER BY late DESC, order_id
