-- Cohorts: one row per currency, month of customers' first purchase, and number of months since.
-- Key: currency, cohort, months_since.
-- Columns:
--   currency: the orders' currency; XXX where an order names none, or two. A customer who buys in two counts in both.
--   cohort: the first day of the month of the customer's first purchase, in the connection's time zone.
--   months_since: calendar months since then; 0 is that month itself. There is a row for each up to the month of
--     `moment.at`, also where nobody came back.
--   running: whether the month that is meant is not over at `moment.at`; its figures will change.
--   cohort_size: customers whose first purchase was in that month.
--   customers: those of them with a purchase in this one.
--   orders: their purchases in it: orders placed and not cancelled whose items came to more than 0.
--   revenue: the total of their orders placed in it and not cancelled. Credit notes and adjustments are orders too; one
--     from before the first purchase counts in month 0.
--   retention: customers / cohort_size.
--   estimated: how many of those purchases were placed at an estimated time, so that they may belong to another month.
WITH sold AS (
    SELECT
        customer_id,
        coalesce(currency, 'XXX') AS currency,
        date_trunc('month', placed_at::TIMESTAMP)::DATE AS month,
        gross > 0 AS purchase,
        gross > 0 AND coalesce(contains(estimated, 'placed'), false) AS estimated,
        total
    FROM orders
    WHERE customer_id IS NOT NULL AND placed_at IS NOT NULL AND cancelled_at IS NULL
),
firsts AS (
    SELECT customer_id, currency, min(month) AS cohort FROM sold WHERE purchase GROUP BY ALL
),
sizes AS (
    SELECT currency, cohort, count(*) AS cohort_size FROM firsts GROUP BY ALL
),
active AS (
    SELECT
        currency,
        cohort,
        greatest(date_diff('month', cohort, month), 0) AS months_since,
        count(DISTINCT CASE WHEN purchase THEN customer_id END) AS customers,
        count(CASE WHEN purchase THEN 1 END) AS orders,
        sum(total) AS revenue,
        count(CASE WHEN estimated THEN 1 END) AS estimated
    FROM sold
    JOIN firsts USING (customer_id, currency)
    GROUP BY ALL
),
months AS (
    SELECT
        currency,
        cohort,
        cohort_size,
        unnest(range(date_diff('month', cohort, (SELECT moment."at"::DATE FROM moment)) + 1)) AS months_since
    FROM sizes
)
SELECT
    currency,
    cohort,
    months_since,
    cohort + to_months(months_since::INTEGER) = (
        SELECT date_trunc('month', (moment."at" + INTERVAL 1 MICROSECOND)::TIMESTAMP) FROM moment
    ) AS running,
    cohort_size,
    coalesce(customers, 0) AS customers,
    coalesce(orders, 0) AS orders,
    coalesce(revenue, 0)::DECIMAL(38, 4) AS revenue,
    coalesce(customers, 0) / cohort_size AS retention,
    coalesce(estimated, 0) AS estimated
FROM months
LEFT JOIN active USING (currency, cohort, months_since)
ORDER BY currency, cohort, months_since
