"""Where rows are compared: a DuckDB database of bounded memory that goes on in temporary files however large the tables are."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import duckdb

from orders_es.log.relation import text

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["event_id_of", "json_of", "pointer", "value", "workspace"]

_MEMORY = "512MB"


@contextmanager
def workspace() -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to a database that goes when the work is done.

    Example:
        >>> with workspace() as work:
        ...     work.execute("SELECT 1").fetchall()
        [(1,)]
    """
    with tempfile.TemporaryDirectory(prefix="orders_es-rows-") as folder:
        work = duckdb.connect()
        try:
            work.execute("SET TimeZone = 'UTC'")
            work.execute("SET enable_progress_bar = false")
            work.execute(f"SET memory_limit = '{_MEMORY}'")
            work.execute(f"SET temp_directory = {text(folder)}")
            yield work
        finally:
            work.close()


def json_of(columns: dict[str, str]) -> str:
    """SQL for a JSON object of these columns, as text.

    Args:
        columns: SQL for the value of each, by name.

    Example:
        >>> json_of({"id": "c0"})
        "json_object('id', c0)::VARCHAR"
    """
    return f"json_object({', '.join(f'{text(name)}, {value}' for name, value in columns.items())})::VARCHAR"


def pointer(name: str) -> str:
    """Where a column stands in a JSON object, as RFC 6901 has it; a path of DuckDB has no way to write a quote.

    Example:
        >>> pointer('net/gross "x"')
        '/net~1gross "x"'
    """
    return "/" + name.replace("~", "~0").replace("/", "~1")


def event_id_of(identity: str) -> str:
    """SQL for the 16 bytes of the UUID that derives from a text: its SHA-256 with version 8 and the variant of RFC 9562.

    Args:
        identity: SQL for the text.
    """
    digest = f"sha256({identity})"
    variant = f"substr('89ab', 1 + (('0x' || substr({digest}, 17, 1))::INTEGER & 3), 1)"
    return f"unhex(substr({digest}, 1, 12) || '8' || substr({digest}, 14, 3) || {variant} || substr({digest}, 18, 15))"


def value(work: Any, query: str, parameters: Any = None) -> Any:
    """The only value of a query that answers with one."""
    rows = work.execute(query, parameters).fetchall()
    return rows[0][0] if rows else None
