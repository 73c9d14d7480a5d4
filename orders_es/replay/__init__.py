"""Time travel: orders and their histories at any moment, on two clocks, for analysts, auditors and replay scripts."""

from orders_es.replay.answer import Answer
from orders_es.replay.history import HistoryRow, OrderHistory, history
from orders_es.replay.load import load_order, load_orders
from orders_es.replay.session import Session, connect

__all__ = ["Answer", "HistoryRow", "OrderHistory", "Session", "connect", "history", "load_order", "load_orders"]
