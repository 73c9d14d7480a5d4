-- Orders as a shop has them: one row per order, with its steps as they were last told.
-- Key: id.
-- Stream: id.
SELECT
    stream_id AS id,
    arg_max(currency, version) AS currency,
    arg_max(customer_id, version) AS customer_id,
    arg_max(occurred_at, version) FILTER (customer_id IS NOT NULL) AS customer_since,
    arg_max(country, version) AS country,
    arg_max(city, version) AS city,
    arg_max(promised_at, version) AS promised_at,
    arg_max(occurred_at, version) FILTER (type = 'OrderCreated') AS created_at,
    arg_max(occurred_at, version) FILTER (type = 'OrderPlaced') AS placed_at,
    arg_max(occurred_at, version) FILTER (type = 'OrderShipped') AS shipped_at,
    arg_max(occurred_at, version) FILTER (type = 'OrderDelivered') AS delivered_at,
    arg_max_null(time_estimated, version) FILTER (type = 'OrderDelivered') AS delivered_estimated,
    arg_max(occurred_at, version) FILTER (type = 'OrderCancelled') AS cancelled_at,
    arg_max_null(reason, version) FILTER (type = 'OrderCancelled') AS cancel_reason
FROM events
GROUP BY stream_id
