-- Order lines as a shop has them: one row per order, item and price, with the pieces as they stand.
-- Key: order_id, id.
-- Stream: order_id.
SELECT
    concat_ws(' ', stream_id, item_id, price::VARCHAR) AS id,
    stream_id AS order_id,
    item_id,
    price,
    coalesce(sum(quantity) FILTER (type = 'ItemAdded'), 0)::BIGINT AS added,
    coalesce(sum(quantity) FILTER (type = 'ItemRemoved'), 0)::BIGINT AS removed,
    coalesce(sum(difference), 0)::BIGINT AS corrected,
    coalesce(sum(quantity) FILTER (type = 'ItemReturned'), 0)::BIGINT AS returned,
    arg_max_null(description, version) AS description,
    arg_max(occurred_at, version) AS changed_at
FROM events
WHERE type IN ('ItemAdded', 'ItemRemoved', 'ItemQuantityChanged', 'ItemReturned')
GROUP BY ALL
