-- To ship: one row per order that is placed and paid and has not left yet. A row goes when its order leaves, or is cancelled.
-- Key: order_id.
-- Stream: order_id.
-- Columns:
--   order_id: the order.
--   customer_id: whose it is.
--   paid_at: when money first came in for it.
--   total: what it comes to.
SELECT
    order_id,
    customer_id,
    paid_at,
    total
FROM orders
WHERE placed_at IS NOT NULL AND total > 0 AND balance <= 0 AND shipped_at IS NULL AND cancelled_at IS NULL
