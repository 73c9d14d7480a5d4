-- Order items: one row per order and item that its events name, net of removals and returns.
-- Key: order_id, item_id.
-- Stream: order_id.
-- Types: OrderCreated, ItemAdded, ItemRemoved, ItemQuantityChanged, DiscountApplied, ShippingCharged, OrderPlaced,
--        PaymentReceived, PaymentFailed, OrderShipped, OrderDelivered, ItemReturned, RefundIssued, OrderCancelled,
--        AdjustmentRecorded, CustomerAssigned
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
    added - removed + changed - returned + adjusted AS quantity,
    gross,
    returns,
    adjustments,
    (gross - returns + adjustments)::DECIMAL(28, 4) AS amount,
    first_version
FROM (
    SELECT
        stream_id AS order_id,
        coalesce(item_id, '') AS item_id,
        arg_min(CASE WHEN type IN ('ItemAdded', 'ItemReturned') THEN description END, version) AS description,
        coalesce(arg_max(CASE WHEN type = 'ItemAdded' THEN price END, version), arg_max(price, version)) AS price,
        coalesce(sum(CASE WHEN type = 'ItemAdded' THEN quantity END), 0)::BIGINT AS added,
        coalesce(sum(CASE WHEN type = 'ItemRemoved' THEN quantity END), 0)::BIGINT AS removed,
        coalesce(sum(CASE WHEN type = 'ItemQuantityChanged' THEN difference END), 0)::BIGINT AS changed,
        coalesce(sum(CASE WHEN type = 'ItemReturned' THEN quantity END), 0)::BIGINT AS returned,
        coalesce(sum(price * CASE type
            WHEN 'ItemAdded' THEN quantity
            WHEN 'ItemRemoved' THEN -quantity
            WHEN 'ItemQuantityChanged' THEN difference
        END), 0)::DECIMAL(28, 4) AS gross,
        coalesce(sum(CASE WHEN type = 'ItemReturned' THEN price * quantity END), 0)::DECIMAL(28, 4) AS returns,
        coalesce(sum(CASE WHEN type = 'AdjustmentRecorded' THEN quantity END), 0)::BIGINT AS adjusted,
        coalesce(sum(CASE WHEN type = 'AdjustmentRecorded' THEN amount END), 0)::DECIMAL(28, 4) AS adjustments,
        min(version) AS first_version
    FROM events
    WHERE type IN ('ItemAdded', 'ItemRemoved', 'ItemQuantityChanged', 'ItemReturned', 'AdjustmentRecorded')
    GROUP BY stream_id, coalesce(item_id, '')
)
