-- Restatements: one row per business day and currency, with that day's figures as first known and as known now.
-- Key: day, currency.
-- Columns:
--   day: the business day on which things occurred, in the connection's time zone.
--   currency: the orders' currency, as known now; XXX where an order names none, or two.
--   first_known_on: the day at whose end the figures count as first known: the day itself or, where nothing of it was known
--     by then (a source that reports later), the first day on which something was.
--   last_changed_at: when the last event of that day became known: entered, as its source says, or else recorded.
--   late_events: events of that day that became known after `first_known_on`.
--   days_late: days from `first_known_on` to the day on which the last became known.
--   estimated: how many of that day's events have an estimated time, so that they may belong to another day.
--   units_first, units_now, units_change: pieces ordered, as in `daily_sales`: as first known, as known now, the difference.
--   gross_…, discounts_…, returns_…, net_…, payments_…, refunds_…: the same for the figures of those names.
--
-- Every `…_now` is what `daily_sales` says. Other days' figures never change.
WITH currencies AS (
    SELECT stream_id, CASE WHEN min(currency) <> max(currency) THEN 'XXX' ELSE min(currency) END AS currency
    FROM order_effects
    WHERE currency IS NOT NULL
    GROUP BY stream_id
),
-- What occurred, by the day it occurred and the day it became known.
sums AS (
    SELECT
        occurred_at::DATE AS day,
        coalesce(currencies.currency, 'XXX') AS currency,
        coalesce(entered_at, recorded_at)::DATE AS known_on,
        max(coalesce(entered_at, recorded_at)) AS last_known_at,
        count(*) AS events,
        count(CASE WHEN time_estimated THEN 1 END) AS estimated,
        sum(ordered) AS units,
        sum(gross) AS gross,
        sum(discounts) AS discounts,
        sum(returns) AS returns,
        sum(total) AS net,
        sum(paid) AS payments,
        sum(refunded) AS refunds
    FROM order_effects
    LEFT JOIN currencies USING (stream_id)
    WHERE of_sale
    GROUP BY ALL
),
known AS (
    SELECT *, greatest(day, min(known_on) OVER (PARTITION BY day, sums.currency)) AS first_known_on FROM sums
),
figures AS (
    SELECT
        day,
        currency,
        first_known_on,
        max(last_known_at) AS last_changed_at,
        coalesce(sum(CASE WHEN known_on > first_known_on THEN events END), 0)::BIGINT AS late_events,
        greatest(max(known_on) - first_known_on, 0) AS days_late,
        sum(estimated)::BIGINT AS estimated,
        coalesce(sum(CASE WHEN known_on <= first_known_on THEN units END), 0)::BIGINT AS units_first,
        coalesce(sum(units), 0)::BIGINT AS units_now,
        coalesce(sum(CASE WHEN known_on <= first_known_on THEN gross END), 0)::DECIMAL(38, 4) AS gross_first,
        coalesce(sum(gross), 0)::DECIMAL(38, 4) AS gross_now,
        coalesce(sum(CASE WHEN known_on <= first_known_on THEN discounts END), 0)::DECIMAL(38, 4) AS discounts_first,
        coalesce(sum(discounts), 0)::DECIMAL(38, 4) AS discounts_now,
        coalesce(sum(CASE WHEN known_on <= first_known_on THEN returns END), 0)::DECIMAL(38, 4) AS returns_first,
        coalesce(sum(returns), 0)::DECIMAL(38, 4) AS returns_now,
        coalesce(sum(CASE WHEN known_on <= first_known_on THEN net END), 0)::DECIMAL(38, 4) AS net_first,
        coalesce(sum(net), 0)::DECIMAL(38, 4) AS net_now,
        coalesce(sum(CASE WHEN known_on <= first_known_on THEN payments END), 0)::DECIMAL(38, 4) AS payments_first,
        coalesce(sum(payments), 0)::DECIMAL(38, 4) AS payments_now,
        coalesce(sum(CASE WHEN known_on <= first_known_on THEN refunds END), 0)::DECIMAL(38, 4) AS refunds_first,
        coalesce(sum(refunds), 0)::DECIMAL(38, 4) AS refunds_now
    FROM known
    GROUP BY day, currency, first_known_on
)
SELECT
    day,
    currency,
    first_known_on,
    last_changed_at,
    late_events,
    days_late,
    estimated,
    units_first,
    units_now,
    units_now - units_first AS units_change,
    gross_first,
    gross_now,
    (gross_now - gross_first)::DECIMAL(38, 4) AS gross_change,
    discounts_first,
    discounts_now,
    (discounts_now - discounts_first)::DECIMAL(38, 4) AS discounts_change,
    returns_first,
    returns_now,
    (returns_now - returns_first)::DECIMAL(38, 4) AS returns_change,
    net_first,
    net_now,
    (net_now - net_first)::DECIMAL(38, 4) AS net_change,
    payments_first,
    payments_now,
    (payments_now - payments_first)::DECIMAL(38, 4) AS payments_change,
    refunds_first,
    refunds_now,
    (refunds_now - refunds_first)::DECIMAL(38, 4) AS refunds_change
FROM figures
ORDER BY day, currency
