-- Round amounts: one row per payment, refund, discount or adjustment of a round amount.
-- Parameters: $multiple_of: what counts as round; $currency: only orders in it, NULL for all.
-- Columns:
--   currency: the order's; XXX where it names none, or two. Amounts of different currencies are not comparable.
--   estimated: whether `occurred_at` is a guess.
WITH currencies AS (
    SELECT stream_id, CASE WHEN min(currency) <> max(currency) THEN 'XXX' ELSE min(currency) END AS currency
    FROM events
    WHERE type = 'OrderCreated'
    GROUP BY stream_id
)
SELECT
    position,
    stream_id,
    type,
    actor,
    coalesce(currencies.currency, 'XXX') AS currency,
    amount,
    occurred_at,
    coalesce(time_estimated, false) AS estimated,
    recorded_at
FROM events
LEFT JOIN currencies USING (stream_id)
WHERE
    type IN ('PaymentReceived', 'RefundIssued', 'DiscountApplied', 'AdjustmentRecorded')
    AND amount <> 0
    AND abs(amount) % $multiple_of = 0
    AND ($currency IS NULL OR coalesce(currencies.currency, 'XXX') = $currency)
ORDER BY coalesce(currencies.currency, 'XXX'), abs(amount) DESC, position
