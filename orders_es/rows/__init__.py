"""Rows of somebody else's table: a small domain for what is imported row by row, whatever the rows mean. Pure."""

from orders_es.rows.events import EVENT_TYPES, RowChanged, RowDeleted, RowInserted, TableDumped
from orders_es.rows.row import ROWS, Row

__all__ = ["EVENT_TYPES", "ROWS", "Row", "RowChanged", "RowDeleted", "RowInserted", "TableDumped"]
