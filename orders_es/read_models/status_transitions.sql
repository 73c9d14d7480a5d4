-- Status transitions: one row per status and the one that came after it.
-- Key: from_status, to_status.
-- Columns:
--   from_status: the status that orders left; `new` for the beginning.
--   to_status: the status that they came to next.
--   orders: orders that made this transition. An order makes each at most once.
--   timed: those of them of which both moments are known; of the others one is an estimate.
--   median_wait, p90_wait: how long those had been in the status before, in seconds: half, or nine tenths of them, no
--     longer. Null where `timed` is 0.
--   share: of the orders that came to `from_status`, the part that went on to `to_status`.
--
-- Orders that came to a status less those that left it are the orders that are in it.
WITH steps AS (
    SELECT
        status,
        next_status,
        CASE WHEN NOT (reached_estimated OR left_estimated) THEN epoch_us(left_at) - epoch_us(reached_at) END AS wait
    FROM order_steps
),
entered AS (
    SELECT status, count(*) AS orders FROM steps GROUP BY status
)
SELECT
    steps.status AS from_status,
    steps.next_status AS to_status,
    count(*) AS orders,
    count(steps.wait) AS timed,
    quantile_disc(steps.wait, 0.5) / 1e6 AS median_wait,
    quantile_disc(steps.wait, 0.9) / 1e6 AS p90_wait,
    count(*) / any_value(entered.orders) AS share
FROM steps
JOIN entered USING (status)
WHERE steps.next_status IS NOT NULL
GROUP BY ALL
ORDER BY from_status, to_status
