-- Unexplained totals: one row per order that was placed, or paid for, and whose payments do not come to what it costs.
-- Parameters: $more_than: by how much, in the order's currency.
-- Columns:
--   balance: what is owed: the total, nothing if it was cancelled, less payments, plus refunds. Below zero: to the customer.
SELECT
    order_id,
    customer_id,
    status,
    payment_status,
    coalesce(currency, 'XXX') AS currency,
    total,
    paid,
    refunded,
    balance,
    placed_at,
    last_occurred_at
FROM orders
WHERE (placed_at IS NOT NULL OR paid <> 0 OR refunded <> 0) AND abs(balance) > $more_than
ORDER BY coalesce(currency, 'XXX'), abs(balance) DESC, order_id
