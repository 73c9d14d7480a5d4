-- Amounts: one row per payment, refund, discount or adjustment, all of which somebody chose the amount of.
-- Parameters, each NULL for all: $multiple_of: only multiples of it; $least and $most: only from the one up to, not including, the other;
--   $currency: only orders in it.
-- Columns:
--   currency: the order's; XXX where it names none, or two. Amounts of different currencies are not comparable.
--   estimated: whether `occurred_at` is a guess.
SELECT
    position,
    stream_id,
    type,
    actor,
    coalesce(orders.currency, 'XXX') AS currency,
    coalesce(effects.paid, effects.refunded, effects.discounts, effects.adjustments) AS amount,
    occurred_at,
    coalesce(time_estimated, false) AS estimated,
    recorded_at
FROM order_effects AS effects
LEFT JOIN (SELECT order_id, currency FROM orders) AS orders ON order_id = stream_id
WHERE
    amount <> 0
    AND ($multiple_of IS NULL OR abs(amount) % $multiple_of = 0)
    AND ($least IS NULL OR abs(amount) >= $least)
    AND ($most IS NULL OR abs(amount) < $most)
    AND ($currency IS NULL OR coalesce(orders.currency, 'XXX') = $currency)
ORDER BY coalesce(orders.currency, 'XXX'), abs(amount) DESC, position
