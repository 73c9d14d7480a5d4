-- Back-dated: one row per event that moved a figure of a day after that day's figures were first known, and figure that it moved;
-- in each currency the largest move first.
-- Parameters: $at_least: only events that moved a figure by so much, up or down; $currency: only that one, NULL for all.
-- Columns:
--   day, currency, first_known_on: as in `restatements`.
--   figure: gross, discounts, returns, net, payments or refunds, as in `daily_sales`.
--   moved_by: by how much this event moved it.
--   figure_first, figure_now: what that day's figure was when first known, and is now.
--   estimated: whether `occurred_at` is a guess, so that the event may belong to another day.
--
-- Over a day, currency and figure, `moved_by` adds up to figure_now - figure_first, where no move is left out.
WITH effects AS (
    SELECT
        order_effects.* EXCLUDE (currency),
        order_effects.occurred_at::DATE AS day,
        coalesce(orders.currency, 'XXX') AS currency
    FROM order_effects
    LEFT JOIN (SELECT order_id, currency FROM orders) AS orders ON order_id = stream_id
),
late AS (
    SELECT *
    FROM effects
    INNER JOIN restatements USING (day, currency)
    WHERE coalesce(effects.entered_at, effects.recorded_at)::DATE > first_known_on
),
moved AS (
    SELECT *, 'gross' AS figure, gross AS moved_by, gross_first AS figure_first, gross_now AS figure_now FROM late
    UNION ALL
    SELECT *, 'discounts', discounts, discounts_first, discounts_now FROM late
    UNION ALL
    SELECT *, 'returns', returns, returns_first, returns_now FROM late
    UNION ALL
    SELECT *, 'net', total, net_first, net_now FROM late
    UNION ALL
    SELECT *, 'payments', paid, payments_first, payments_now FROM late
    UNION ALL
    SELECT *, 'refunds', refunded, refunds_first, refunds_now FROM late
)
SELECT
    day,
    currency,
    figure,
    moved_by::DECIMAL(28, 4) AS moved_by,
    figure_first,
    figure_now,
    actor,
    stream_id,
    type,
    occurred_at,
    coalesce(time_estimated, false) AS estimated,
    recorded_at,
    entered_at,
    first_known_on,
    position
FROM moved
WHERE moved_by <> 0 AND abs(moved_by) >= $at_least AND ($currency IS NULL OR currency = $currency)
ORDER BY currency, abs(moved_by) DESC, day, figure, position
