-- Order items: one row per order and item that its events name, net of removals and returns.
-- Key: order_id, item_id.
-- Stream: order_id.
--
-- Every column means what the property or field of that name means on `orders_es.orders.Line`, which is the reference.
-- An item that was removed again keeps its row, with quantity 0. `first_version` puts an order's items into the order in
-- which its events first named them. Adjustments that name no item have a row of the item ''.
--
-- Over an order's rows, `quantity` adds up to the `item_count` of `orders`, and `amount` to its `total` before discounts and
-- shipping: gross - returns + adjustments.
SELECT
    order_id,
    item_id,
    description,
    price,
    added,
    removed,
    changed,
    returned,
    adjusted,
    added - removed + changed AS ordered,
    added - removed + changed - returned AS kept,
    quantity,
    gross,
    returns,
    adjustments,
    amount,
    first_version
FROM (
    SELECT
        stream_id AS order_id,
        item_id,
        arg_min(description, version) AS description,
        coalesce(arg_max(CASE WHEN added IS NOT NULL THEN price END, version), arg_max(price, version)) AS price,
        coalesce(sum(added), 0)::BIGINT AS added,
        coalesce(sum(removed), 0)::BIGINT AS removed,
        coalesce(sum(changed), 0)::BIGINT AS changed,
        coalesce(sum(returned), 0)::BIGINT AS returned,
        coalesce(sum(gross), 0)::DECIMAL(38, 4) AS gross,
        coalesce(sum(returns), 0)::DECIMAL(38, 4) AS returns,
        coalesce(sum(adjusted), 0)::BIGINT AS adjusted,
        coalesce(sum(adjustments), 0)::DECIMAL(38, 4) AS adjustments,
        -- Sums of their own: whoever asks for one of these two alone pays for one sum, not for five.
        coalesce(sum(item_count), 0)::BIGINT AS quantity,
        coalesce(sum(total), 0)::DECIMAL(38, 4) AS amount,
        min(version) AS first_version
    FROM order_effects
    WHERE of_item
    GROUP BY stream_id, item_id
)
