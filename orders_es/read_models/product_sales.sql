-- Product sales: one row per item and currency.
-- Key: item_id, currency.
-- Columns:
--   item_id: the item.
--   currency: the orders' currency; XXX where an order names none, or two.
--   description: the one last given with the item, on the business clock.
--   orders: orders placed and not cancelled that keep at least one piece of it or had it returned.
--   customers: different customers of those orders; orders without a customer count for none.
--   units: pieces ordered: added, less removed, and changed.
--   returned_units: pieces that came back.
--   gross: what those `units` come to, each at its own price.
--   returns: what came back, as credited.
--   net: gross - returns, of all orders, placed or not.
--   revenue: the same of orders placed and not cancelled.
--   return_rate: returned units for each unit ordered; null where none was ordered.
--   first_sold_at, last_sold_at: when the first and the last of those orders were placed.
--   estimated: how many of those orders were placed at an estimated time.
--   rank: place by revenue within the currency, from 1; ties stand in the order of item_id.
--
-- Discounts, shipping and adjustments are of orders and of no item. Over all items, `units`, `gross` and `returns` add up to
-- those of `daily_sales`.
WITH lines AS (
    SELECT
        items.item_id,
        coalesce(orders.currency, 'XXX') AS currency,
        orders.customer_id,
        orders.placed_at,
        orders.placed_at IS NOT NULL AND orders.cancelled_at IS NULL AS sold,
        contains(orders.estimated, 'placed') AS estimated,
        items.ordered,
        items.returned,
        items.gross,
        items.returns,
        items.gross - items.returns AS amount
    FROM order_items AS items
    JOIN orders USING (order_id)
    -- What only adjustments name was neither sold nor returned.
    WHERE items.price IS NOT NULL
),
names AS (
    SELECT item_id, arg_max(description, (occurred_at, "position")) AS description
    FROM order_effects
    WHERE description IS NOT NULL
    GROUP BY item_id
)
SELECT
    item_id,
    currency,
    description,
    count(CASE WHEN sold AND (ordered <> 0 OR returned <> 0) THEN 1 END) AS orders,
    count(DISTINCT CASE WHEN sold AND (ordered <> 0 OR returned <> 0) THEN customer_id END) AS customers,
    sum(ordered)::BIGINT AS units,
    sum(returned)::BIGINT AS returned_units,
    sum(gross)::DECIMAL(38, 4) AS gross,
    sum(returns)::DECIMAL(38, 4) AS returns,
    sum(amount)::DECIMAL(38, 4) AS net,
    coalesce(sum(CASE WHEN sold THEN amount END), 0)::DECIMAL(38, 4) AS revenue,
    CASE WHEN sum(ordered) > 0 THEN sum(returned) / sum(ordered) END AS return_rate,
    min(CASE WHEN sold THEN placed_at END) AS first_sold_at,
    max(CASE WHEN sold THEN placed_at END) AS last_sold_at,
    count(CASE WHEN sold AND estimated AND (ordered <> 0 OR returned <> 0) THEN 1 END) AS estimated,
    row_number() OVER (PARTITION BY currency ORDER BY coalesce(sum(CASE WHEN sold THEN amount END), 0) DESC, item_id) AS rank
FROM lines
LEFT JOIN names USING (item_id)
GROUP BY item_id, currency, description
ORDER BY currency, rank
