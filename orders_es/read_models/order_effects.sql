-- Order effects: one row per event of an order, with what it does to the order.
-- Key: stream_id, version.
-- Stream: stream_id.
-- Types: OrderCreated, ItemAdded, ItemRemoved, ItemQuantityChanged, DiscountApplied, ShippingCharged, OrderPlaced,
--        PaymentReceived, PaymentFailed, OrderShipped, OrderDelivered, ItemReturned, RefundIssued, OrderCancelled,
--        AdjustmentRecorded, CustomerAssigned
-- Internal: other read models are sums over it.
-- Columns:
--   stream_id, version, position, type, actor, occurred_at, recorded_at, entered_at, time_estimated: as in `events`; the order is
--     the stream.
--   step: how far the event brings its order: 0 new, 1 created, 2 placed, 3 paid, 4 shipped, 5 delivered, 6 cancelled.
--   created_at, placed_at, paid_at, shipped_at, delivered_at, cancelled_at: when the event occurred, if it is that step.
--   estimated_step: 2 to the power of the step, if the event is one at an estimated time: 2 created, up to 64 cancelled.
--   customer_id, currency, country, channel, postal_code, city, state, source_status, promised_at: what the event says.
--   cancel_reason: why the order was cancelled.
--   of_item: whether the event is about items, so that it has a row in `order_items`.
--   item_id, description, price: the item; '' where an event of items names none.
--   added, removed, changed, returned, adjusted: pieces, each null in events of other kinds.
--   ordered: added - removed + changed.
--   item_count: pieces that the order has more: ordered - returned + adjusted.
--   of_sale: whether money or pieces change by the event.
--   gross, discounts, shipping, returns, adjustments: money, each null in events of other kinds. Discounts and returns take
--     away from the order's total.
--   total: what the order comes to more: gross - discounts + shipping - returns + adjustments.
--   paid, refunded: money that came in, or went back.
--   failed_payment: 1 if a payment failed.
--
-- This is where SQL says what each event does; `orders_es.orders.OrderFold` is where Python does. Each column
-- looks at `type` itself, sums of others too, so that a query pays only for the columns it names.
SELECT
    stream_id,
    version,
    "position",
    type,
    actor,
    occurred_at,
    recorded_at,
    entered_at,
    time_estimated,
    CASE type
        WHEN 'OrderCancelled' THEN 6
        WHEN 'OrderDelivered' THEN 5
        WHEN 'OrderShipped' THEN 4
        WHEN 'PaymentReceived' THEN 3
        WHEN 'OrderPlaced' THEN 2
        WHEN 'OrderCreated' THEN 1
        ELSE 0
    END AS step,
    CASE WHEN type = 'OrderCreated' THEN occurred_at END AS created_at,
    CASE WHEN type = 'OrderPlaced' THEN occurred_at END AS placed_at,
    CASE WHEN type = 'PaymentReceived' THEN occurred_at END AS paid_at,
    CASE WHEN type = 'OrderShipped' THEN occurred_at END AS shipped_at,
    CASE WHEN type = 'OrderDelivered' THEN occurred_at END AS delivered_at,
    CASE WHEN type = 'OrderCancelled' THEN occurred_at END AS cancelled_at,
    -- Nothing below reads a column that is made here: where a field of another domain has its name, DuckDB takes the field.
    CASE WHEN time_estimated THEN
        CASE type
            WHEN 'OrderCancelled' THEN 1 << 6
            WHEN 'OrderDelivered' THEN 1 << 5
            WHEN 'OrderShipped' THEN 1 << 4
            WHEN 'PaymentReceived' THEN 1 << 3
            WHEN 'OrderPlaced' THEN 1 << 2
            WHEN 'OrderCreated' THEN 1 << 1
        END
    END AS estimated_step,
    customer_id,
    currency,
    country,
    channel,
    postal_code,
    city,
    state,
    source_status,
    promised_at,
    CASE WHEN type = 'OrderCancelled' THEN reason END AS cancel_reason,
    -- No IN: of five or more, DuckDB makes a join, for which every query would pay.
    (
        type = 'ItemAdded'
        OR type = 'ItemRemoved'
        OR type = 'ItemQuantityChanged'
        OR type = 'ItemReturned'
        OR type = 'AdjustmentRecorded'
    ) AS of_item,
    coalesce(item_id, '') AS item_id,
    CASE WHEN type IN ('ItemAdded', 'ItemReturned') THEN description END AS description,
    price,
    CASE WHEN type = 'ItemAdded' THEN quantity END AS added,
    CASE WHEN type = 'ItemRemoved' THEN quantity END AS removed,
    CASE WHEN type = 'ItemQuantityChanged' THEN difference END AS changed,
    CASE WHEN type = 'ItemReturned' THEN quantity END AS returned,
    CASE WHEN type = 'AdjustmentRecorded' THEN quantity END AS adjusted,
    CASE type
        WHEN 'ItemAdded' THEN quantity
        WHEN 'ItemRemoved' THEN -quantity
        WHEN 'ItemQuantityChanged' THEN difference
    END AS ordered,
    CASE type
        WHEN 'ItemAdded' THEN quantity
        WHEN 'ItemRemoved' THEN -quantity
        WHEN 'ItemReturned' THEN -quantity
        WHEN 'ItemQuantityChanged' THEN difference
        WHEN 'AdjustmentRecorded' THEN quantity
    END AS item_count,
    (
        type = 'ItemAdded'
        OR type = 'ItemRemoved'
        OR type = 'ItemQuantityChanged'
        OR type = 'DiscountApplied'
        OR type = 'ShippingCharged'
        OR type = 'ItemReturned'
        OR type = 'AdjustmentRecorded'
        OR type = 'PaymentReceived'
        OR type = 'RefundIssued'
    ) AS of_sale,
    CASE type
        WHEN 'ItemAdded' THEN price * quantity
        WHEN 'ItemRemoved' THEN -price * quantity
        WHEN 'ItemQuantityChanged' THEN price * difference
    END AS gross,
    CASE WHEN type = 'DiscountApplied' THEN amount END AS discounts,
    CASE WHEN type = 'ShippingCharged' THEN amount END AS shipping,
    CASE WHEN type = 'ItemReturned' THEN price * quantity END AS returns,
    CASE WHEN type = 'AdjustmentRecorded' THEN amount END AS adjustments,
    CASE type
        WHEN 'ItemAdded' THEN price * quantity
        WHEN 'ItemRemoved' THEN -price * quantity
        WHEN 'ItemQuantityChanged' THEN price * difference
        WHEN 'ItemReturned' THEN -price * quantity
        WHEN 'DiscountApplied' THEN -amount
        WHEN 'ShippingCharged' THEN amount
        WHEN 'AdjustmentRecorded' THEN amount
    END AS total,
    CASE WHEN type = 'PaymentReceived' THEN amount END AS paid,
    CASE WHEN type = 'RefundIssued' THEN amount END AS refunded,
    CASE WHEN type = 'PaymentFailed' THEN 1 END AS failed_payment
FROM events
