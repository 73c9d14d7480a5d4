"""The log in one DuckDB file, or in memory: for one process, its threads, and everybody who wants a single file."""

from __future__ import annotations

from orders_es.log.duckdb.log import DuckDBLog

__all__ = ["DuckDBLog"]
