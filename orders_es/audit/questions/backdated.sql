-- Back-dated: one row per event that moved a figure of a day after that day's figures were first known, and figure that it moved.
-- Columns:
--   day, currency, first_known_on: as in `restatements`.
--   figure: gross, discounts, returns, net, payments or refunds, as in `daily_sales`.
--   moved_by: by how much this event moved it.
--   figure_first, figure_now: what that day's figure was when first known, and is now.
--   estimated: whether `occurred_at` is a guess, so that the event may belong to another day.
--
-- Over a day, currency and figure, `moved_by` adds up to figure_now - figure_first.
WITH currencies AS (
    SELECT stream_id, CASE WHEN min(currency) <> max(currency) THEN 'XXX' ELSE min(currency) END AS currency
    FROM events
    WHERE type = 'OrderCreated'
    GROUP BY stream_id
),
pieces AS (
    SELECT
        events.*,
        events.occurred_at::DATE AS day,
        coalesce(currencies.currency, 'XXX') AS of_currency,
        events.price * CASE type
            WHEN 'ItemAdded' THEN quantity
            WHEN 'ItemRemoved' THEN -quantity
            WHEN 'ItemQuantityChanged' THEN difference
        END AS ordered
    FROM events
    LEFT JOIN currencies USING (stream_id)
),
late AS (
    SELECT pieces.*, days.*
    FROM pieces
    INNER JOIN restatements AS days ON pieces.day = days.day AND pieces.of_currency = days.currency
    WHERE coalesce(pieces.entered_at, pieces.recorded_at)::DATE > days.first_known_on
),
moved AS (
    SELECT *, 'gross' AS figure, ordered AS moved_by, gross_first AS figure_first, gross_now AS figure_now FROM late
    UNION ALL
    SELECT *, 'discounts', CASE WHEN type = 'DiscountApplied' THEN amount END, discounts_first, discounts_now FROM late
    UNION ALL
    SELECT *, 'returns', CASE WHEN type = 'ItemReturned' THEN price * quantity END, returns_first, returns_now FROM late
    UNION ALL
    SELECT
        *,
        'net',
        CASE
            WHEN ordered IS NOT NULL THEN ordered
            WHEN type = 'ItemReturned' THEN -price * quantity
            WHEN type = 'DiscountApplied' THEN -amount
            WHEN type IN ('ShippingCharged', 'AdjustmentRecorded') THEN amount
        END,
        net_first,
        net_now
    FROM late
    UNION ALL
    SELECT *, 'payments', CASE WHEN type = 'PaymentReceived' THEN amount END, payments_first, payments_now FROM late
    UNION ALL
    SELECT *, 'refunds', CASE WHEN type = 'RefundIssued' THEN amount END, refunds_first, refunds_now FROM late
)
SELECT
    day,
    of_currency AS currency,
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
WHERE moved_by <> 0
ORDER BY day, of_currency, figure, position
