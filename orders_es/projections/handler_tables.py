"""What a handler is given to write into: the tables of its projection, inside the transaction of its batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orders_es.errors import ProjectionError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Tables"]


class Tables:
    """The tables of a projection with handlers. What is written is committed with the checkpoint, or not at all.

    Args:
        connection: A connection that holds the file, in a transaction, with the projection's schema as the current one.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._transaction = self._number()

    def execute(self, sql: str, params: Sequence[Any] | dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """The rows that a statement gives, if it gives any.

        Args:
            sql: A statement in DuckDB's dialect. Beginning, committing or rolling back is the runner's.
            params: Values for `?`, `$1` or `$name` in it.
        """
        rows: list[tuple[Any, ...]] = self._connection.execute(sql, params).fetchall()
        return rows

    def insert(self, table: str, rows: Any) -> None:
        """Add many rows at once.

        Args:
            rows: A pyarrow table, with columns of the table's names.
        """
        self._connection.register("orders_es_rows", rows)
        try:
            self._connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM orders_es_rows")
        finally:
            self._connection.unregister("orders_es_rows")

    def check(self) -> None:
        """Make sure that the transaction is still the one in which this began.

        Raises:
            ProjectionError: A handler ended it.
        """
        if self._number() != self._transaction:
            raise ProjectionError(
                "a handler has ended the runner's transaction; leave BEGIN, COMMIT and ROLLBACK to it"
            )

    def _number(self) -> int:
        [(number,)] = self._connection.execute("SELECT txid_current()").fetchall()
        return int(number)
