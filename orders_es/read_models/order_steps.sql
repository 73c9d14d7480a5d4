-- Order steps: one row per order and status that it came to, on the business clock.
-- Key: order_id, status.
-- Stream: order_id.
-- Columns:
--   order_id: the order.
--   status: the status that it came to: new, created, placed, paid, shipped, delivered or cancelled. An order whose first
--     event is a step was never new, and steps that come after a further one change nothing. Steps taken at one moment
--     have a row each: the order was in all but the last of them for no time.
--   reached_at: when it came to that status.
--   left_at: when it came to the next one; null in the last row, which is the order's status.
--   reached_estimated, left_estimated: whether that moment is an estimate. From or to an estimate there is no length of
--     time.
--   next_status: the next one, or null.
--   from_status: the one before, or null in the first row.
WITH firsts AS (
    SELECT
        stream_id AS order_id,
        step,
        min(occurred_at) AS reached_at,
        coalesce(bool_or(time_estimated), false) AS estimated
    FROM order_effects
    GROUP BY ALL
),
-- A step shows only if no further one had been taken before; and no order is new at the moment of its first step.
shown AS (
    SELECT
        *,
        coalesce(min(reached_at) OVER (
            PARTITION BY order_id ORDER BY step ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
        ), 'infinity'::TIMESTAMPTZ) AS further_at
    FROM firsts
    QUALIFY CASE step WHEN 0 THEN reached_at < further_at ELSE reached_at <= further_at END
)
SELECT
    order_id,
    ['new', 'created', 'placed', 'paid', 'shipped', 'delivered', 'cancelled'][step + 1] AS status,
    reached_at,
    lead(reached_at) OVER life AS left_at,
    estimated AS reached_estimated,
    lead(estimated) OVER life AS left_estimated,
    ['new', 'created', 'placed', 'paid', 'shipped', 'delivered', 'cancelled'][lead(step) OVER life + 1] AS next_status,
    ['new', 'created', 'placed', 'paid', 'shipped', 'delivered', 'cancelled'][lag(step) OVER life + 1] AS from_status
FROM shown
WINDOW life AS (PARTITION BY order_id ORDER BY step)
