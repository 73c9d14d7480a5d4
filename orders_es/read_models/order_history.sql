-- Order history on the business clock: one row an order and moment at which something happened to it, as known now.
-- Key: order_id, valid_from.
-- Stream: order_id.
-- A row holds from `valid_from` up to, not including, `valid_to`; the last one has no end (null).
-- So at most one row of an order holds at any moment T: valid_from <= T AND (valid_to > T OR valid_to IS NULL), and its
-- other columns are what `orders` says of the events that had occurred by T.
-- Types: OrderCreated, ItemAdded, ItemRemoved, ItemQuantityChanged, DiscountApplied, ShippingCharged, OrderPlaced,
--        PaymentReceived, PaymentFailed, OrderShipped, OrderDelivered, ItemReturned, RefundIssued, OrderCancelled,
--        AdjustmentRecorded, CustomerAssigned
--
-- What happened to an order at one moment is summed first, and those sums are added up over its moments.
WITH moments AS (
    SELECT
        stream_id AS order_id,
        occurred_at AS valid_from,
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
        -- Last and first by version, each with the version that settled it.
        arg_max(customer_id, version) AS customer_id,
        max(CASE WHEN customer_id IS NOT NULL THEN version END) AS customer_id_version,
        min(currency) AS one_currency,
        max(currency) AS other_currency,
        arg_min(country, version) AS country,
        min(CASE WHEN country IS NOT NULL THEN version END) AS country_version,
        arg_min(channel, version) AS channel,
        min(CASE WHEN channel IS NOT NULL THEN version END) AS channel_version,
        arg_min(postal_code, version) AS postal_code,
        min(CASE WHEN postal_code IS NOT NULL THEN version END) AS postal_code_version,
        arg_min(city, version) AS city,
        min(CASE WHEN city IS NOT NULL THEN version END) AS city_version,
        arg_min(state, version) AS state,
        min(CASE WHEN state IS NOT NULL THEN version END) AS state_version,
        arg_min(source_status, version) AS source_status,
        min(CASE WHEN source_status IS NOT NULL THEN version END) AS source_status_version,
        arg_min(promised_at, version) AS promised_at,
        min(CASE WHEN promised_at IS NOT NULL THEN version END) AS promised_at_version,
        sum(CASE type
            WHEN 'ItemAdded' THEN quantity
            WHEN 'ItemRemoved' THEN -quantity
            WHEN 'ItemReturned' THEN -quantity
            WHEN 'ItemQuantityChanged' THEN difference
            WHEN 'AdjustmentRecorded' THEN quantity
        END) AS item_count,
        sum(price * CASE type
            WHEN 'ItemAdded' THEN quantity
            WHEN 'ItemRemoved' THEN -quantity
            WHEN 'ItemQuantityChanged' THEN difference
        END) AS gross,
        sum(CASE WHEN type = 'DiscountApplied' THEN amount END) AS discounts,
        sum(CASE WHEN type = 'ShippingCharged' THEN amount END) AS shipping,
        sum(CASE WHEN type = 'ItemReturned' THEN price * quantity END) AS returns,
        sum(CASE WHEN type = 'AdjustmentRecorded' THEN amount END) AS adjustments,
        -- gross - discounts + shipping - returns + adjustments.
        sum(CASE type
            WHEN 'ItemAdded' THEN price * quantity
            WHEN 'ItemRemoved' THEN -price * quantity
            WHEN 'ItemQuantityChanged' THEN price * difference
            WHEN 'ItemReturned' THEN -price * quantity
            WHEN 'DiscountApplied' THEN -amount
            WHEN 'ShippingCharged' THEN amount
            WHEN 'AdjustmentRecorded' THEN amount
        END) AS total,
        sum(CASE WHEN type = 'PaymentReceived' THEN amount END) AS paid,
        sum(CASE WHEN type = 'RefundIssued' THEN amount END) AS refunded,
        count(CASE WHEN type = 'PaymentFailed' THEN 1 END) AS failed_payments,
        arg_min(CASE WHEN type = 'OrderCancelled' THEN reason END, version) AS cancel_reason,
        min(CASE WHEN type = 'OrderCancelled' AND reason IS NOT NULL THEN version END) AS cancel_reason_version,
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
    GROUP BY stream_id, occurred_at
)
SELECT
    order_id,
    valid_from,
    lead(valid_from) OVER (PARTITION BY order_id ORDER BY valid_from) AS valid_to,
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
            order_id,
            valid_from,
            max(step) OVER so_far AS step,
            arg_max(customer_id, customer_id_version) OVER so_far AS customer_id,
            CASE
                WHEN min(one_currency) OVER so_far <> max(other_currency) OVER so_far THEN 'XXX'
                ELSE min(one_currency) OVER so_far
            END AS currency,
            arg_min(country, country_version) OVER so_far AS country,
            arg_min(channel, channel_version) OVER so_far AS channel,
            arg_min(postal_code, postal_code_version) OVER so_far AS postal_code,
            arg_min(city, city_version) OVER so_far AS city,
            arg_min(state, state_version) OVER so_far AS state,
            arg_min(source_status, source_status_version) OVER so_far AS source_status,
            arg_min(promised_at, promised_at_version) OVER so_far AS promised_at,
            coalesce(sum(item_count) OVER so_far, 0)::BIGINT AS item_count,
            coalesce(sum(gross) OVER so_far, 0)::DECIMAL(28, 4) AS gross,
            coalesce(sum(discounts) OVER so_far, 0)::DECIMAL(28, 4) AS discounts,
            coalesce(sum(shipping) OVER so_far, 0)::DECIMAL(28, 4) AS shipping,
            coalesce(sum(returns) OVER so_far, 0)::DECIMAL(28, 4) AS returns,
            coalesce(sum(adjustments) OVER so_far, 0)::DECIMAL(28, 4) AS adjustments,
            coalesce(sum(total) OVER so_far, 0)::DECIMAL(28, 4) AS total,
            coalesce(sum(paid) OVER so_far, 0)::DECIMAL(28, 4) AS paid,
            coalesce(sum(refunded) OVER so_far, 0)::DECIMAL(28, 4) AS refunded,
            (sum(failed_payments) OVER so_far)::BIGINT AS failed_payments,
            arg_min(cancel_reason, cancel_reason_version) OVER so_far AS cancel_reason,
            min(created_at) OVER so_far AS created_at,
            min(placed_at) OVER so_far AS placed_at,
            min(shipped_at) OVER so_far AS shipped_at,
            min(delivered_at) OVER so_far AS delivered_at,
            min(cancelled_at) OVER so_far AS cancelled_at,
            bit_or(estimated_steps) OVER so_far AS estimated_steps,
            min(first_occurred_at) OVER so_far AS first_occurred_at,
            max(paid_at) OVER so_far AS paid_at,
            max(last_occurred_at) OVER so_far AS last_occurred_at,
            (sum(event_count) OVER so_far)::BIGINT AS event_count,
            max(version) OVER so_far AS version,
            max("position") OVER so_far AS "position"
        FROM moments
        WINDOW so_far AS (PARTITION BY order_id ORDER BY valid_from ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
    )
)
