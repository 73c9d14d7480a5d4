-- Customer value: one row per customer and currency, with recency, frequency and monetary value in quintiles.
-- Key: customer_id, currency.
-- Columns:
--   customer_id: the customer; orders without one are nobody's and are left out.
--   currency: the orders' currency; XXX where an order names none, or two. Money of different currencies is never added up.
--   orders: purchases: orders placed and not cancelled whose items came to more than 0. A credit note is none.
--   first_order_at, last_order_at: when the first and the last of them was placed.
--   recency: days from the day of the last purchase to the day of `moment.at`; null without one, and where
--     the moment of that purchase is an estimate.
--   frequency: the same as `orders`.
--   monetary: the total of all orders placed and not cancelled, credit notes and adjustments included.
--   average_order: monetary for each purchase.
--   recency_score, frequency_score, monetary_score: quintiles among customers with a purchase in that currency: 5 is the
--     fifth that bought last, most often, or most. Ties stand in the order of customer_id, so that fifths are of one size.
--   segment: the three scores as text, such as 555.
--   estimated: how many of the purchases were placed at an estimated time.
WITH customers AS (
    SELECT
        customer_id,
        coalesce(currency, 'XXX') AS currency,
        count(CASE WHEN gross > 0 THEN 1 END) AS orders,
        min(CASE WHEN gross > 0 THEN placed_at END) AS first_order_at,
        max(CASE WHEN gross > 0 THEN placed_at END) AS last_order_at,
        sum(total)::DECIMAL(38, 4) AS monetary,
        count(CASE WHEN gross > 0 AND contains(estimated, 'placed') THEN 1 END) AS estimated,
        max(CASE WHEN gross > 0 AND contains(estimated, 'placed') THEN placed_at END) AS last_estimate_at
    FROM orders
    WHERE customer_id IS NOT NULL AND placed_at IS NOT NULL AND cancelled_at IS NULL
    GROUP BY ALL
),
scores AS (
    SELECT
        customer_id,
        currency,
        ntile(5) OVER (PARTITION BY currency ORDER BY last_order_at, customer_id) AS recency_score,
        ntile(5) OVER (PARTITION BY currency ORDER BY orders, customer_id) AS frequency_score,
        ntile(5) OVER (PARTITION BY currency ORDER BY monetary, customer_id) AS monetary_score
    FROM customers
    WHERE orders > 0
)
SELECT
    customer_id,
    currency,
    orders,
    first_order_at,
    last_order_at,
    CASE WHEN last_estimate_at IS DISTINCT FROM last_order_at
        THEN (SELECT moment."at"::DATE FROM moment) - last_order_at::DATE END AS recency,
    orders AS frequency,
    monetary,
    CASE WHEN orders > 0 THEN round(monetary / orders, 4)::DECIMAL(38, 4) END AS average_order,
    recency_score,
    frequency_score,
    monetary_score,
    concat(recency_score, frequency_score, monetary_score) AS segment,
    estimated
FROM customers
LEFT JOIN scores USING (customer_id, currency)
ORDER BY currency, monetary DESC, customer_id
