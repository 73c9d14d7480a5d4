-- Receivables: one row per customer and currency with money open at that moment, by the age of what is owed.
-- Key: customer_id, currency.
-- A log that records no payments, no refunds and no failed ones by then has no rows: it tells nobody what is owed.
-- Columns:
--   customer_id: the customer; empty for all orders without one.
--   currency: the orders' currency; XXX where an order names none, or two.
--   open_orders: orders with a balance above 0 that were placed or cancelled. A cart that nobody placed is owed by nobody.
--   oldest_at: when the oldest of them was placed; where one was never placed, when it began.
--   days_0_30, days_31_60, days_61_90, days_over_90: their balances, by days from that day to the day of `moment.at`.
--   days_unknown: their balances where that day is an estimate, so that nobody knows how old they are.
--   owed: the sum of those five.
--   owed_back: what the house owes the customer: balances below 0, as a positive amount.
--   balance: owed - owed_back.
WITH open AS (
    SELECT
        coalesce(customer_id, '') AS customer_id,
        coalesce(currency, 'XXX') AS currency,
        coalesce(placed_at, first_occurred_at) AS since,
        CASE WHEN NOT coalesce(contains(estimated, CASE WHEN placed_at IS NULL THEN 'created' ELSE 'placed' END), false)
            THEN (SELECT moment."at"::DATE FROM moment) - coalesce(placed_at, first_occurred_at)::DATE END AS age,
        greatest(balance, 0) AS owed,
        greatest(-balance, 0) AS owed_back
    FROM orders
    WHERE (balance < 0 OR (balance > 0 AND (placed_at IS NOT NULL OR cancelled_at IS NOT NULL)))
        AND (SELECT bool_or(paid_at IS NOT NULL OR failed_payments > 0 OR refunded <> 0) FROM orders)
)
SELECT
    customer_id,
    currency,
    count(CASE WHEN owed > 0 THEN 1 END) AS open_orders,
    min(CASE WHEN owed > 0 THEN since END) AS oldest_at,
    sum(CASE WHEN age <= 30 THEN owed ELSE 0 END)::DECIMAL(38, 4) AS days_0_30,
    sum(CASE WHEN age BETWEEN 31 AND 60 THEN owed ELSE 0 END)::DECIMAL(38, 4) AS days_31_60,
    sum(CASE WHEN age BETWEEN 61 AND 90 THEN owed ELSE 0 END)::DECIMAL(38, 4) AS days_61_90,
    sum(CASE WHEN age > 90 THEN owed ELSE 0 END)::DECIMAL(38, 4) AS days_over_90,
    sum(CASE WHEN age IS NULL THEN owed ELSE 0 END)::DECIMAL(38, 4) AS days_unknown,
    sum(owed)::DECIMAL(38, 4) AS owed,
    sum(owed_back)::DECIMAL(38, 4) AS owed_back,
    sum(owed - owed_back)::DECIMAL(38, 4) AS balance
FROM open
GROUP BY ALL
ORDER BY currency, balance DESC, customer_id
