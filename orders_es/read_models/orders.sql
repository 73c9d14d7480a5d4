-- Orders: one row an order, as the events in `events` have made it.
-- Key: order_id.
-- Stream: order_id.
-- Types: OrderCreated, ItemAdded, ItemRemoved, ItemQuantityChanged, DiscountApplied, ShippingCharged, OrderPlaced,
--        PaymentReceived, PaymentFailed, OrderShipped, OrderDelivered, ItemReturned, RefundIssued, OrderCancelled,
--        AdjustmentRecorded, CustomerAssigned
--
-- Every column means what the property or field of that name means on `orders_es.orders.Order`, which is the reference.
-- Money is in the order's one currency; an order that names two is XXX, so that it is added to no other. `estimated` names the steps whose moments are guesses, such as `paid, cancelled`;
-- there is no length of time from or to one. `version` and `position` are those of the last event that counts.
-- Each figure is an aggregate of its own, so that a query pays only for the columns it names.
SELECT
    order_id,
    CASE
        WHEN step = 6 THEN 'cancelled'
        WHEN step = 5 THEN 'delivered'
        WHEN step = 4 THEN 'shipped'
        WHEN step = 3 THEN 'paid'
        WHEN step = 2 THEN 'placed'
        WHEN step = 1 THEN 'created'
        ELSE 'new'
    END AS status,
    CASE
        WHEN paid <= 0 AND balance <= 0 THEN 'nothing_due'
        WHEN paid <= 0 AND failed_payments > 0 THEN 'failed'
        WHEN paid <= 0 THEN 'unpaid'
        WHEN refunded >= paid THEN 'refunded'
        WHEN balance > 0 THEN 'part_paid'
        WHEN balance < 0 THEN 'overpaid'
        ELSE 'paid'
    END AS payment_status,
    customer_id,
    currency,
    country,
    channel,
    postal_code,
    city,
    state,
    source_status,
    promised_at,
    item_count,
    gross,
    discounts,
    shipping,
    returns,
    adjustments,
    total,
    paid,
    refunded,
    balance,
    failed_payments,
    cancel_reason,
    created_at,
    placed_at,
    paid_at,
    shipped_at,
    delivered_at,
    cancelled_at,
    nullif(concat_ws(', ',
        CASE WHEN estimated_steps & 1 > 0 THEN 'created' END,
        CASE WHEN estimated_steps & 2 > 0 THEN 'placed' END,
        CASE WHEN estimated_steps & 4 > 0 THEN 'paid' END,
        CASE WHEN estimated_steps & 8 > 0 THEN 'shipped' END,
        CASE WHEN estimated_steps & 16 > 0 THEN 'delivered' END,
        CASE WHEN estimated_steps & 32 > 0 THEN 'cancelled' END
    ), '') AS estimated,
    first_occurred_at,
    last_occurred_at,
    event_count,
    version,
    "position"
FROM (
    SELECT *, ((CASE WHEN step = 6 THEN 0 ELSE total END) - paid + refunded)::DECIMAL(28, 4) AS balance
    FROM (
        SELECT
            stream_id AS order_id,
            -- The furthest step; cancellation is the furthest of all.
            max(CASE type
                WHEN 'OrderCancelled' THEN 6
                WHEN 'OrderDelivered' THEN 5
                WHEN 'OrderShipped' THEN 4
                WHEN 'PaymentReceived' THEN 3
                WHEN 'OrderPlaced' THEN 2
                WHEN 'OrderCreated' THEN 1
                ELSE 0
            END) AS step,
            -- Last and first by version; nulls never count.
            arg_max(customer_id, version) AS customer_id,
            -- One that names two has none: ISO 4217's code for that.
            CASE WHEN min(currency) <> max(currency) THEN 'XXX' ELSE min(currency) END AS currency,
            arg_min(country, version) AS country,
            arg_min(channel, version) AS channel,
            arg_min(postal_code, version) AS postal_code,
            arg_min(city, version) AS city,
            arg_min(state, version) AS state,
            arg_min(source_status, version) AS source_status,
            arg_min(promised_at, version) AS promised_at,
            coalesce(sum(CASE type
                WHEN 'ItemAdded' THEN quantity
                WHEN 'ItemRemoved' THEN -quantity
                WHEN 'ItemReturned' THEN -quantity
                WHEN 'ItemQuantityChanged' THEN difference
                WHEN 'AdjustmentRecorded' THEN quantity
            END), 0)::BIGINT AS item_count,
            coalesce(sum(price * CASE type
                WHEN 'ItemAdded' THEN quantity
                WHEN 'ItemRemoved' THEN -quantity
                WHEN 'ItemQuantityChanged' THEN difference
            END), 0)::DECIMAL(28, 4) AS gross,
            coalesce(sum(CASE WHEN type = 'DiscountApplied' THEN amount END), 0)::DECIMAL(28, 4) AS discounts,
            coalesce(sum(CASE WHEN type = 'ShippingCharged' THEN amount END), 0)::DECIMAL(28, 4) AS shipping,
            coalesce(sum(CASE WHEN type = 'ItemReturned' THEN price * quantity END), 0)::DECIMAL(28, 4) AS returns,
            coalesce(sum(CASE WHEN type = 'AdjustmentRecorded' THEN amount END), 0)::DECIMAL(28, 4) AS adjustments,
            -- gross - discounts + shipping - returns + adjustments, in one pass for whoever asks for nothing else.
            coalesce(sum(CASE type
                WHEN 'ItemAdded' THEN price * quantity
                WHEN 'ItemRemoved' THEN -price * quantity
                WHEN 'ItemQuantityChanged' THEN price * difference
                WHEN 'ItemReturned' THEN -price * quantity
                WHEN 'DiscountApplied' THEN -amount
                WHEN 'ShippingCharged' THEN amount
                WHEN 'AdjustmentRecorded' THEN amount
            END), 0)::DECIMAL(28, 4) AS total,
            coalesce(sum(CASE WHEN type = 'PaymentReceived' THEN amount END), 0)::DECIMAL(28, 4) AS paid,
            coalesce(sum(CASE WHEN type = 'RefundIssued' THEN amount END), 0)::DECIMAL(28, 4) AS refunded,
            count(CASE WHEN type = 'PaymentFailed' THEN 1 END) AS failed_payments,
            arg_min(CASE WHEN type = 'OrderCancelled' THEN reason END, version) AS cancel_reason,
            min(CASE WHEN type = 'OrderCreated' THEN occurred_at END) AS created_at,
            min(CASE WHEN type = 'OrderPlaced' THEN occurred_at END) AS placed_at,
            max(CASE WHEN type = 'PaymentReceived' THEN occurred_at END) AS paid_at,
            min(CASE WHEN type = 'OrderShipped' THEN occurred_at END) AS shipped_at,
            min(CASE WHEN type = 'OrderDelivered' THEN occurred_at END) AS delivered_at,
            min(CASE WHEN type = 'OrderCancelled' THEN occurred_at END) AS cancelled_at,
            bit_or(CASE WHEN time_estimated THEN CASE type
                WHEN 'OrderCreated' THEN 1
                WHEN 'OrderPlaced' THEN 2
                WHEN 'PaymentReceived' THEN 4
                WHEN 'OrderShipped' THEN 8
                WHEN 'OrderDelivered' THEN 16
                WHEN 'OrderCancelled' THEN 32
            END END) AS estimated_steps,
            min(occurred_at) AS first_occurred_at,
            max(occurred_at) AS last_occurred_at,
            count(*) AS event_count,
            max(version) AS version,
            max("position") AS "position"
        FROM events
        GROUP BY stream_id
    )
)
