"""Time travel: orders and their histories at any moment, on two clocks, for analysts, auditors and replay scripts."""

from orders_es.replay.history import HistoryRow, OrderHistory, history
from orders_es.replay.load import load_order, load_orders

__all__ = ["HistoryRow", "OrderHistory", "history", "load_order", "load_orders"]
