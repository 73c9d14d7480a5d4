-- Double entries: one row per order that looks like the same customer's one before it, entered again.
-- Parameters: $within, in microseconds.
-- Columns:
--   same: what the two have in common: lines (the same items in the same numbers, whatever their prices), total, or both.
--   hours_apart: how long after the other it was placed; or created, where it was not placed.
--
-- Left out are orders that name no customer, and those whose moment is a guess: there is no length of time to it.
WITH baskets AS (
    SELECT order_id, string_agg(item_id || chr(31) || ordered::VARCHAR, chr(30) ORDER BY item_id) AS lines
    FROM order_items
    WHERE ordered <> 0
    GROUP BY order_id
),
entered AS (
    SELECT
        orders.*,
        lines,
        coalesce(orders.currency, 'XXX') AS of_currency,
        coalesce(placed_at, created_at) AS ordered_at
    FROM orders
    LEFT JOIN baskets USING (order_id)
    WHERE
        customer_id IS NOT NULL
        AND NOT list_contains(
            string_split(coalesce(estimated, ''), ', '), CASE WHEN placed_at IS NOT NULL THEN 'placed' ELSE 'created' END
        )
),
before AS (
    SELECT
        order_id,
        'lines' AS same,
        lag(order_id) OVER (PARTITION BY customer_id, lines, of_currency ORDER BY ordered_at, order_id) AS earlier
    FROM entered
    WHERE lines IS NOT NULL
    UNION ALL
    SELECT
        order_id,
        'total',
        lag(order_id) OVER (PARTITION BY customer_id, total, of_currency ORDER BY ordered_at, order_id)
    FROM entered
    WHERE total <> 0
),
pairs AS (
    SELECT order_id, earlier, string_agg(same, ' and ' ORDER BY same) AS same FROM before WHERE earlier IS NOT NULL GROUP BY ALL
)
SELECT
    one.customer_id,
    other.order_id AS order_id,
    other.status AS status,
    one.order_id AS again_as,
    one.status AS again_status,
    pairs.same,
    one.of_currency AS currency,
    other.total AS total,
    one.total AS again_total,
    other.ordered_at,
    one.ordered_at AS again_at,
    round((epoch_us(one.ordered_at) - epoch_us(other.ordered_at)) / 3600000000, 2) AS hours_apart
FROM pairs
INNER JOIN entered AS one ON pairs.order_id = one.order_id
INNER JOIN entered AS other ON pairs.earlier = other.order_id
WHERE epoch_us(one.ordered_at) - epoch_us(other.ordered_at) <= $within
ORDER BY one.customer_id, again_at, again_as, other.order_id
