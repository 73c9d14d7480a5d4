-- Order history on the business clock: one row per order and moment at which something happened to it, as known now.
-- Key: order_id, valid_from.
-- Stream: order_id.
-- A row holds from `valid_from` up to, not including, `valid_to`; the last one has no end (null).
-- So at most one row of an order holds at any moment T: valid_from <= T AND (valid_to > T OR valid_to IS NULL), and its
-- other columns are what `orders` says of the events that had occurred by T.
--
-- What happened to an order at one moment is summed first, and those sums are added up over its moments. The clock stands
-- in one place, where `valid_from` is named: `order_record_history` is this text with the other one.
WITH timed AS (
    SELECT *, occurred_at AS valid_from FROM order_effects
),
moments AS (
    SELECT
        stream_id AS order_id,
        valid_from,
        max(step) AS step,
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
        sum(item_count) AS item_count,
        sum(gross) AS gross,
        sum(discounts) AS discounts,
        sum(shipping) AS shipping,
        sum(returns) AS returns,
        sum(adjustments) AS adjustments,
        sum(total) AS total,
        sum(paid) AS paid,
        sum(refunded) AS refunded,
        count(failed_payment) AS failed_payments,
        arg_min(cancel_reason, version) AS cancel_reason,
        min(CASE WHEN cancel_reason IS NOT NULL THEN version END) AS cancel_reason_version,
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
    FROM timed
    GROUP BY stream_id, valid_from
)
SELECT
    order_id,
    valid_from,
    lead(valid_from) OVER (PARTITION BY order_id ORDER BY valid_from) AS valid_to,
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
            coalesce(sum(gross) OVER so_far, 0)::DECIMAL(38, 4) AS gross,
            coalesce(sum(discounts) OVER so_far, 0)::DECIMAL(38, 4) AS discounts,
            coalesce(sum(shipping) OVER so_far, 0)::DECIMAL(38, 4) AS shipping,
            coalesce(sum(returns) OVER so_far, 0)::DECIMAL(38, 4) AS returns,
            coalesce(sum(adjustments) OVER so_far, 0)::DECIMAL(38, 4) AS adjustments,
            coalesce(sum(total) OVER so_far, 0)::DECIMAL(38, 4) AS total,
            coalesce(sum(paid) OVER so_far, 0)::DECIMAL(38, 4) AS paid,
            coalesce(sum(refunded) OVER so_far, 0)::DECIMAL(38, 4) AS refunded,
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
