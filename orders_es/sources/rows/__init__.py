"""What every import of rows has in common: rows that stood before and after become events, and what is odd about them is told."""

from orders_es.sources.rows.gaps import Gap, GapReport
from orders_es.sources.rows.rows_in_log import rows_at, unknown_at

__all__ = ["Gap", "GapReport", "rows_at", "unknown_at"]
