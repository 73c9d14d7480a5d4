-- Cycle times: one row a week and pair of steps that orders completed in it.
-- Key: week, from_step, to_step.
-- Types: OrderCreated, ItemAdded, ItemRemoved, ItemQuantityChanged, DiscountApplied, ShippingCharged, OrderPlaced,
--        PaymentReceived, PaymentFailed, OrderShipped, OrderDelivered, ItemReturned, RefundIssued, OrderCancelled,
--        AdjustmentRecorded, CustomerAssigned
-- Columns:
--   week: the Monday of the week in which the second step was taken, in the connection's time zone. Weeks by the first
--     step would flatter the latest ones, of which only the quick orders are through.
--   from_step, to_step: created to placed, placed to paid, paid to shipped, shipped to delivered; and created to delivered
--     for the whole way. `paid` is the last payment; the others are the first event of their kind.
--   orders: orders that took both steps, the second not before the first.
--   p50, p90, p99: seconds within which half, nine tenths and 99 in 100 of them did. Each is the time of one real order.
--   backwards: orders that took the second step before the first, such as shipped before paid. They are in no percentile.
WITH spans AS (
    SELECT
        unnest(['created', 'placed', 'paid', 'shipped', 'created']) AS from_step,
        unnest(['placed', 'paid', 'shipped', 'delivered', 'delivered']) AS to_step,
        unnest([created_at, placed_at, paid_at, shipped_at, created_at]) AS began_at,
        unnest([placed_at, paid_at, shipped_at, delivered_at, delivered_at]) AS ended_at
    FROM orders
)
SELECT
    date_trunc('week', ended_at::TIMESTAMP)::DATE AS week,
    from_step,
    to_step,
    count(CASE WHEN ended_at >= began_at THEN 1 END) AS orders,
    quantile_disc(CASE WHEN ended_at >= began_at THEN epoch_us(ended_at) - epoch_us(began_at) END, 0.5) / 1e6 AS p50,
    quantile_disc(CASE WHEN ended_at >= began_at THEN epoch_us(ended_at) - epoch_us(began_at) END, 0.9) / 1e6 AS p90,
    quantile_disc(CASE WHEN ended_at >= began_at THEN epoch_us(ended_at) - epoch_us(began_at) END, 0.99) / 1e6 AS p99,
    count(CASE WHEN ended_at < began_at THEN 1 END) AS backwards
FROM spans
WHERE began_at IS NOT NULL AND ended_at IS NOT NULL
GROUP BY ALL
ORDER BY week, from_step, to_step
