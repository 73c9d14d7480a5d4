"""A Parquet log as a view in somebody's DuckDB connection, and the event types that it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orders_es.log.relation import empty_relation, event_columns, quoted, text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orders_es.log.event import LogFile

__all__ = ["TypesSeen", "relation_of"]


def relation_of(files: Sequence[LogFile], columns: Mapping[str, str]) -> str:
    """SQL that gives all events of some data files, with the envelope and these shredded columns.

    The columns are spelled out, so DuckDB need not open each file to find out what is in it (thousands of small files
    bind in the time that one takes), and a column that a file lacks comes as null, of the right type.

    Args:
        files: The data files.
        columns: Name and kind of each shredded column, as `EventRegistry.columns` gives them.
    """
    typed = event_columns(columns)
    if not files:
        return empty_relation(columns)
    paths = ", ".join(text(file.path) for file in files)
    schema = ", ".join(
        f"{text(name)}: {{name: {text(name)}, type: {text(kind)}, default_value: NULL}}" for name, kind in typed.items()
    )
    names = ", ".join(quoted(name) for name in typed)
    return f"SELECT {names} FROM read_parquet([{paths}], schema = MAP {{{schema}}})"


class TypesSeen:
    """The event types of a log with their schema versions, each file looked at once."""

    def __init__(self) -> None:
        self._seen: set[tuple[str, int]] = set()
        self._until = 0

    def up_to_date(self, files: Sequence[LogFile], scanner: Any) -> frozenset[tuple[str, int]]:
        """The types in these files. Raises as `Scanner.query` does.

        Args:
            files: The chain of files, from the log's beginning.
            scanner: A `Scanner`.
        """
        new = [file for file in files if file.last > self._until]
        if new:
            table = scanner.query(new, "SELECT DISTINCT type, schema_version FROM {events}")
            self._seen.update(zip(table.column(0).to_pylist(), table.column(1).to_pylist(), strict=True))
            self._until = new[-1].last
        return frozenset(self._seen)
