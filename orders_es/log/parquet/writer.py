"""Larger Parquet files, through pyarrow, with the footer's hashes computed while the columns are written."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from orders_es.log.hashing import range_of
from orders_es.log.parquet.digests import seal
from orders_es.log.parquet.footer import KEY

if TYPE_CHECKING:
    from collections.abc import Callable

    from orders_es.log.merkle import CompactRange
    from orders_es.log.parquet.footer import Footer

__all__ = ["ROW_GROUP", "await_writing", "parquet_writer", "pieces_of", "table_writer"]

ROW_GROUP = 61_440
"""Events a row group: what DuckDB parallelises over, and what it decodes to get at one order."""
_NO_DICTIONARY = ("event_id", "causation_id", "payload")
_ENCODINGS = {
    "position": "DELTA_BINARY_PACKED",
    "version": "BYTE_STREAM_SPLIT",
    "occurred_at": "BYTE_STREAM_SPLIT",
    "entered_at": "BYTE_STREAM_SPLIT",
}
"""What is smaller than a dictionary, and read alike by pyarrow, DuckDB and Polars: numbers that grow, or are
small, and times that come near one another. (What Polars does not read is DELTA_BYTE_ARRAY of ids, nor DuckDB BYTE_STREAM_SPLIT of them.)"""


def parquet_writer(file: Any, schema: pa.Schema, rows: int) -> pq.ParquetWriter:
    """A writer of data files: zstd, page checksums, a Bloom filter on the stream id.

    Args:
        file: A binary file, or an Arrow sink.
        schema: The columns.
        rows: How many rows a row group will hold; sizes the Bloom filter.
    """
    encodings = {name: encoding for name, encoding in _ENCODINGS.items() if name in schema.names}
    return pq.ParquetWriter(
        file,
        schema,
        compression="zstd",
        compression_level=1,
        use_dictionary=[f.name for f in schema if f.name not in _NO_DICTIONARY and f.name not in encodings],
        column_encoding=encodings,
        store_schema=False,
        store_decimal_as_integer=True,
        write_page_checksum=True,
        write_page_index=True,
        bloom_filter_options={"stream_id": {"ndv": max(min(rows, ROW_GROUP) // 4, 64), "fpp": 0.01}},
    )


def pieces_of(schema: pa.Schema, rows: int) -> int:
    """How many pieces of a file have a digest: one for each column of each row group, and one for what comes after them."""
    return len(schema) * -(-rows // ROW_GROUP) + 1


def await_writing(work: Future[None]) -> None:
    """Wait until a thread has done with a writer, whatever Ctrl-C says meanwhile: one closed under it ends the process."""
    interrupt: KeyboardInterrupt | None = None
    while not work.done():
        try:
            wait([work])
        except KeyboardInterrupt as error:
            interrupt = error
    if interrupt is not None:
        raise interrupt


def table_writer(
    table: pa.Table, footer_of: Callable[[CompactRange, int], Footer], first: int
) -> tuple[Callable[[BinaryIO], None], Callable[[], Footer]]:
    """A function that writes a placed table as one commit, and one that tells the footer it wrote.

    Args:
        table: Events with all columns, in position order.
        footer_of: Makes the footer from the leaves' compact range and the time of recording.
        first: Position of the first event.
    """
    written: list[Footer] = []

    def write(file: BinaryIO) -> None:
        with parquet_writer(file, table.schema, table.num_rows) as writer, ThreadPoolExecutor(1) as pool:
            columns = pool.submit(writer.write_table, table, ROW_GROUP)
            try:
                leaves = range_of(table, first)
            finally:
                await_writing(columns)
            recorded_at = table.column("recorded_at").cast(pa.int64())[-1].as_py()
            footer = footer_of(leaves, recorded_at)
            columns.result()
            pieces = pieces_of(table.schema, table.num_rows)
            writer.add_key_value_metadata({KEY: footer.to_bytes(pieces)})
            written.append(footer)
        seal(file, pieces)

    return write, lambda: written[-1]
