"""Time travel: orders and their histories at any moment, on two clocks, for analysts, auditors and replay scripts."""

from orders_es.replay.answer import Answer
from orders_es.replay.diff import diff
from orders_es.replay.event_log import to_event_log
from orders_es.replay.explain import Explanation, Step, explain
from orders_es.replay.folding import FoldedEvent, fold_streams
from orders_es.replay.history import HistoryRow, OrderHistory, history
from orders_es.replay.load import load_order, load_orders, load_state
from orders_es.replay.opening import connect
from orders_es.replay.session import Session
from orders_es.replay.snapshots import SnapshotFile, Snapshots

__all__ = [
    "Answer",
    "Explanation",
    "FoldedEvent",
    "HistoryRow",
    "OrderHistory",
    "Session",
    "SnapshotFile",
    "Snapshots",
    "Step",
    "connect",
    "diff",
    "explain",
    "fold_streams",
    "history",
    "load_order",
    "load_orders",
    "load_state",
    "to_event_log",
]
