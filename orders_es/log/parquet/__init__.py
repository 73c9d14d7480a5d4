"""The log as a folder of Parquet files: the default, and the one that many processes share."""

from __future__ import annotations

from orders_es.log.parquet.log import ParquetLog

__all__ = ["ParquetLog"]
