"""What a DuckDB query gives, batch by batch as it is computed: for whatever must not hold all of it in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orders_es.log.interrupts import interruptible

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

__all__ = ["streamed"]


def streamed(relation: Any, rows: int) -> Iterator[pa.RecordBatch]:
    """The batches of a relation, computed as they are taken.

    Args:
        relation: What `connection.sql` gave.
        rows: At most so many rows a batch.

    Raises:
        duckdb.Error: The query failed on the way; Arrow would make an OSError of it.
        KeyboardInterrupt: Ctrl-C was pressed meanwhile.

    Example:
        >>> import duckdb
        >>> [batch.num_rows for batch in streamed(duckdb.sql("FROM range(3)"), 2048)]
        [3]
    """
    import duckdb

    kinds = {"IO Error": duckdb.IOException, "INTERRUPT Error": duckdb.InterruptException}
    with interruptible():
        reader = relation.to_arrow_reader(rows)
        while True:
            try:
                batch = reader.read_next_batch()
            except StopIteration:
                return
            except OSError as error:
                told = str(error)
                kind = next((kind for start, kind in kinds.items() if told.startswith(start)), duckdb.Error)
                raise kind(told) from error
            yield batch
