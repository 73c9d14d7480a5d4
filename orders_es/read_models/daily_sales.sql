-- Daily sales: one row per business day and currency in which something was placed, changed, paid or given back.
-- Key: day, currency.
-- Columns:
--   day: the business day, in the connection's time zone. Everything counts on the day on which it occurred.
--   currency: the orders' currency; XXX, ISO 4217's code for none, where an order names none, or two.
--   running: whether that day is not over at `moment.at`; its figures will change.
--   orders_placed: orders placed for the first time that day.
--   units: pieces added, less pieces removed, and changed.
--   returned_units: pieces that came back.
--   gross: what those `units` come to, each at its own price.
--   discounts: discounts given.
--   shipping: shipping charged.
--   returns: what came back, as credited.
--   adjustments: what the bookkeepers changed; may be negative.
--   net: gross - discounts + shipping - returns + adjustments, of all orders, placed or not.
--   revenue: the same of orders that customers committed to: it counts from the day on which an order was placed, later
--     changes on their own day, and a cancelled order goes out again on the day of its cancellation.
--   payments: money that came in.
--   refunds: money that went back.
--   estimated: how many of the events that count in the row have an estimated time, so that they may belong to another day.
--
-- Over all days, `net` adds up to the orders' `total`, and `revenue` to that of the orders placed and not cancelled.
WITH lives AS (
    SELECT
        stream_id,
        CASE WHEN min(currency) <> max(currency) THEN 'XXX' ELSE min(currency) END AS currency,
        min(placed_at)::DATE AS placed_on,
        min(cancelled_at)::DATE AS cancelled_on,
        count(CASE WHEN time_estimated THEN placed_at END) AS placed_estimated,
        count(CASE WHEN time_estimated THEN cancelled_at END) AS cancelled_estimated
    FROM order_effects
    WHERE currency IS NOT NULL OR placed_at IS NOT NULL OR cancelled_at IS NOT NULL
    GROUP BY stream_id
),
-- What occurred, by the day on which it did, and those on which its order was placed and cancelled.
sums AS MATERIALIZED (
    SELECT
        lives.currency,
        occurred_at::DATE AS day,
        lives.placed_on,
        lives.cancelled_on,
        sum(ordered) AS units,
        sum(returned) AS returned_units,
        sum(gross) AS gross,
        sum(discounts) AS discounts,
        sum(shipping) AS shipping,
        sum(returns) AS returns,
        sum(adjustments) AS adjustments,
        sum(paid) AS payments,
        sum(refunded) AS refunds,
        count(CASE WHEN time_estimated THEN 1 END) AS estimated
    FROM order_effects
    LEFT JOIN lives USING (stream_id)
    WHERE of_sale
    GROUP BY ALL
),
nets AS (
    SELECT
        *,
        coalesce(gross, 0) - coalesce(discounts, 0) + coalesce(shipping, 0) - coalesce(returns, 0)
        + coalesce(adjustments, 0) AS net
    FROM sums
)
SELECT
    day,
    coalesce(currency, 'XXX') AS currency,
    day = (SELECT (moment."at" + INTERVAL 1 MICROSECOND)::DATE FROM moment) AS running,
    coalesce(sum(orders_placed), 0)::BIGINT AS orders_placed,
    coalesce(sum(units), 0)::BIGINT AS units,
    coalesce(sum(returned_units), 0)::BIGINT AS returned_units,
    coalesce(sum(gross), 0)::DECIMAL(38, 4) AS gross,
    coalesce(sum(discounts), 0)::DECIMAL(38, 4) AS discounts,
    coalesce(sum(shipping), 0)::DECIMAL(38, 4) AS shipping,
    coalesce(sum(returns), 0)::DECIMAL(38, 4) AS returns,
    coalesce(sum(adjustments), 0)::DECIMAL(38, 4) AS adjustments,
    coalesce(sum(net), 0)::DECIMAL(38, 4) AS net,
    coalesce(sum(revenue), 0)::DECIMAL(38, 4) AS revenue,
    coalesce(sum(payments), 0)::DECIMAL(38, 4) AS payments,
    coalesce(sum(refunds), 0)::DECIMAL(38, 4) AS refunds,
    coalesce(sum(estimated), 0)::BIGINT AS estimated
FROM (
    SELECT * EXCLUDE (placed_on, cancelled_on) FROM nets
    UNION ALL BY NAME
    SELECT greatest(day, placed_on) AS day, currency, net AS revenue FROM nets WHERE placed_on IS NOT NULL
    UNION ALL BY NAME
    SELECT greatest(day, placed_on, cancelled_on) AS day, currency, -net AS revenue
    FROM nets
    WHERE placed_on IS NOT NULL AND cancelled_on IS NOT NULL
    UNION ALL BY NAME
    SELECT placed_on AS day, currency, count(*) AS orders_placed, sum(placed_estimated) AS estimated
    FROM lives
    WHERE placed_on IS NOT NULL
    GROUP BY ALL
    UNION ALL BY NAME
    SELECT greatest(placed_on, cancelled_on) AS day, currency, sum(cancelled_estimated) AS estimated
    FROM lives
    WHERE placed_on IS NOT NULL AND cancelled_estimated > 0
    GROUP BY ALL
)
GROUP BY ALL
ORDER BY day, currency
