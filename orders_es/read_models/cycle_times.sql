-- Cycle times: one row per week and pair of steps that orders completed in it.
-- Key: week, from_step, to_step.
-- Columns:
--   week: the Monday of the week in which the second step was taken, in the connection's time zone. Weeks by the first
--     step would flatter the latest ones, of which only the quick orders are through.
--   from_step, to_step: created to placed, placed to paid, paid to shipped, shipped to delivered; and created to delivered
--     for the whole way. `paid` is the last payment; the others are the first event of their kind.
--   running: whether that week is not over at `moment.at`; its figures will change.
--   orders: orders that took both steps, the second not before the first, both at a known time.
--   p50, p90, p99: seconds within which half, nine tenths and 99 in 100 of them did. Each is the time of one real order.
--   backwards: orders that took the second step before the first, such as shipped before paid. They are in no percentile.
--   estimated: orders that took both, and one of the two moments is an estimate. They are in no other figure.
WITH spans AS (
    SELECT
        unnest(['created', 'placed', 'paid', 'shipped', 'created']) AS from_step,
        unnest(['placed', 'paid', 'shipped', 'delivered', 'delivered']) AS to_step,
        unnest([created_at, placed_at, paid_at, shipped_at, created_at]) AS began_at,
        unnest([placed_at, paid_at, shipped_at, delivered_at, delivered_at]) AS ended_at,
        coalesce(estimated, '') AS estimates
    FROM orders
),
lengths AS (
    SELECT
        *,
        date_trunc('week', ended_at::TIMESTAMP)::DATE AS week,
        contains(estimates, from_step) OR contains(estimates, to_step) AS estimated,
        CASE WHEN NOT estimated THEN epoch_us(ended_at) - epoch_us(began_at) END AS length
    FROM spans
    WHERE began_at IS NOT NULL AND ended_at IS NOT NULL
)
SELECT
    week,
    from_step,
    to_step,
    week = (
        SELECT date_trunc('week', (moment."at" + INTERVAL 1 MICROSECOND)::TIMESTAMP)::DATE FROM moment
    ) AS running,
    count(CASE WHEN length >= 0 THEN 1 END) AS orders,
    quantile_disc(CASE WHEN length >= 0 THEN length END, 0.5) / 1e6 AS p50,
    quantile_disc(CASE WHEN length >= 0 THEN length END, 0.9) / 1e6 AS p90,
    quantile_disc(CASE WHEN length >= 0 THEN length END, 0.99) / 1e6 AS p99,
    count(CASE WHEN length < 0 THEN 1 END) AS backwards,
    count(CASE WHEN estimated THEN 1 END) AS estimated
FROM lengths
GROUP BY ALL
ORDER BY week, from_step, to_step
