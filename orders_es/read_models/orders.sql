-- Orders: one row per order, as its events have made it.
-- Key: order_id.
-- Stream: order_id.
--
-- Every column means what the property or field of that name means on `orders_es.orders.Order`, which is the reference.
-- Money is in the order's one currency; an order that names two is XXX, so that it is added to no other. `estimated` names the steps whose moments are guesses, such as `paid, cancelled`;
-- there is no length of time from or to one. `version` and `position` are those of the last event that counts.
-- Each figure is an aggregate of its own, so that a query pays only for the columns it names.
SELECT
    order_id,
    CASE step
        WHEN 6 THEN 'cancelled'
        WHEN 5 THEN 'delivered'
        WHEN 4 THEN 'shipped'
        WHEN 3 THEN 'paid'
        WHEN 2 THEN 'placed'
        WHEN 1 THEN 'created'
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
        CASE WHEN estimated_steps & 2 > 0 THEN 'created' END,
        CASE WHEN estimated_steps & 4 > 0 THEN 'placed' END,
        CASE WHEN estimated_steps & 8 > 0 THEN 'paid' END,
        CASE WHEN estimated_steps & 16 > 0 THEN 'shipped' END,
        CASE WHEN estimated_steps & 32 > 0 THEN 'delivered' END,
        CASE WHEN estimated_steps & 64 > 0 THEN 'cancelled' END
    ), '') AS estimated,
    first_occurred_at,
    last_occurred_at,
    event_count,
    version,
    "position"
FROM (
    SELECT *, ((CASE WHEN step = 6 THEN 0 ELSE total END) - paid + refunded)::DECIMAL(38, 4) AS balance
    FROM (
        SELECT
            stream_id AS order_id,
            -- The furthest step; cancellation is the furthest of all.
            max(step) AS step,
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
            coalesce(sum(item_count), 0)::BIGINT AS item_count,
            coalesce(sum(gross), 0)::DECIMAL(38, 4) AS gross,
            coalesce(sum(discounts), 0)::DECIMAL(38, 4) AS discounts,
            coalesce(sum(shipping), 0)::DECIMAL(38, 4) AS shipping,
            coalesce(sum(returns), 0)::DECIMAL(38, 4) AS returns,
            coalesce(sum(adjustments), 0)::DECIMAL(38, 4) AS adjustments,
            -- In one pass for whoever asks for nothing else.
            coalesce(sum(total), 0)::DECIMAL(38, 4) AS total,
            coalesce(sum(paid), 0)::DECIMAL(38, 4) AS paid,
            coalesce(sum(refunded), 0)::DECIMAL(38, 4) AS refunded,
            count(failed_payment) AS failed_payments,
            arg_min(cancel_reason, version) AS cancel_reason,
            min(created_at) AS created_at,
            min(placed_at) AS placed_at,
            max(paid_at) AS paid_at,
            min(shipped_at) AS shipped_at,
            min(delivered_at) AS delivered_at,
            min(cancelled_at) AS cancelled_at,
            bit_or(estimated_step) AS estimated_steps,
            min(occurred_at) AS first_occurred_at,
            max(occurred_at) AS last_occurred_at,
            count(*) AS event_count,
            max(version) AS version,
            max("position") AS "position"
        FROM order_effects
        GROUP BY stream_id
    )
)
