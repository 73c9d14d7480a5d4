-- Order funnel: one row per currency and step, from created to delivered.
-- Key: currency, step.
-- Columns:
--   currency: the orders' currency; XXX where an order names none, or two.
--   step: 1 created, 2 placed, 3 paid, 4 shipped, 5 delivered.
--   status: the step's name.
--   reached: orders that came to this step or a further one, whatever became of them. All orders reached the first.
--   went_on: those of them that came to a further step.
--   waiting: those that did not, or not yet; at the last step, those that arrived.
--   cancelled: those that did not and were cancelled. reached = went_on + waiting + cancelled.
--   reached_total, waiting_total, cancelled_total: what those orders come to.
--   share: reached, of all orders of that currency.
--   share_of_previous: reached, of those that reached the step before; null at the first.
WITH furthest AS (
    SELECT
        coalesce(currency, 'XXX') AS currency,
        CASE
            WHEN delivered_at IS NOT NULL THEN 5
            WHEN shipped_at IS NOT NULL THEN 4
            WHEN paid_at IS NOT NULL THEN 3
            WHEN placed_at IS NOT NULL THEN 2
            ELSE 1
        END AS furthest,
        cancelled_at IS NOT NULL AS cancelled,
        count(*) AS orders,
        sum(total) AS total
    FROM orders
    GROUP BY ALL
),
steps AS (
    SELECT unnest(['created', 'placed', 'paid', 'shipped', 'delivered']) AS status, unnest([1, 2, 3, 4, 5]) AS step
),
counted AS (
    SELECT
        currency,
        step,
        status,
        sum(CASE WHEN furthest >= step THEN orders ELSE 0 END)::BIGINT AS reached,
        sum(CASE WHEN furthest > step THEN orders ELSE 0 END)::BIGINT AS went_on,
        sum(CASE WHEN furthest = step AND NOT cancelled THEN orders ELSE 0 END)::BIGINT AS waiting,
        sum(CASE WHEN furthest = step AND cancelled THEN orders ELSE 0 END)::BIGINT AS cancelled,
        sum(CASE WHEN furthest >= step THEN total ELSE 0 END)::DECIMAL(38, 4) AS reached_total,
        sum(CASE WHEN furthest = step AND NOT cancelled THEN total ELSE 0 END)::DECIMAL(38, 4) AS waiting_total,
        sum(CASE WHEN furthest = step AND cancelled THEN total ELSE 0 END)::DECIMAL(38, 4) AS cancelled_total
    FROM furthest
    CROSS JOIN steps
    GROUP BY ALL
)
SELECT
    *,
    reached / first_value(reached) OVER by_step AS share,
    CASE WHEN lag(reached) OVER by_step > 0 THEN reached / lag(reached) OVER by_step END AS share_of_previous
FROM counted
WINDOW by_step AS (PARTITION BY currency ORDER BY step)
ORDER BY currency, step
