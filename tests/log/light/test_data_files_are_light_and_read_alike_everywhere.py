"""Data files as they are written now: the same values for DuckDB, Polars and pyarrow, and few bytes an event."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orders_es.log import open_log
from orders_es.log.columns import ENVELOPE_SCHEMA, TIMESTAMP
from orders_es.log.parquet import ParquetLog
from orders_es.log.parquet.writer import ROW_GROUP, parquet_writer
from orders_es.sources.simulator import simulate_into

NUMBERS = st.integers(-(2**63), 2**63 - 1)
MOMENTS = st.integers(-62_135_500_000_000_000, 253_370_000_000_000_000)


def spread(values, count):
    return [values[(i * i + i) % len(values)] for i in range(count)]


@st.composite
def tables(draw):
    """Whatever an envelope may hold: numbers and times from end to end, nulls where they are allowed."""
    n = draw(st.integers(1, 400))

    def some(values):
        return spread(draw(st.lists(values, min_size=1, max_size=9)), n)

    ids = [one.to_bytes(16, "big") for one in some(st.integers(0, 2**128 - 1))]
    columns = {
        "position": pa.array(some(NUMBERS), pa.int64()),
        "version": pa.array(some(st.integers(-(2**31), 2**31 - 1)), pa.int32()),
        "schema_version": pa.array(some(st.integers(-(2**31), 2**31 - 1)), pa.int32()),
        "event_id": pa.ExtensionArray.from_storage(pa.uuid(), pa.array(ids, pa.binary(16))),
        "occurred_at": pa.array(some(MOMENTS), pa.int64()).cast(TIMESTAMP),
        "recorded_at": pa.array(some(MOMENTS), pa.int64()).cast(TIMESTAMP),
        "entered_at": pa.array(some(st.none() | MOMENTS), pa.int64()).cast(TIMESTAMP),
    }
    for field in ENVELOPE_SCHEMA:
        if field.name not in columns:
            text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
            columns[field.name] = pa.array(some(st.none() | text if field.nullable else text), pa.string())
    return pa.table({field.name: columns[field.name] for field in ENVELOPE_SCHEMA}, schema=ENVELOPE_SCHEMA)


def plain(table):
    """Columns as lists, ids as bytes and times as microseconds: what every reader can be held to."""
    held = {}
    for name in ENVELOPE_SCHEMA.names:
        values = table.column(name).combine_chunks()
        if name == "event_id":
            values = getattr(values, "storage", values).cast(pa.binary())
        elif name.endswith("_at"):
            values = values.cast(pa.int64())
        held[name] = values.to_pylist()
    return held


@pytest.mark.long
@given(tables())
@settings(max_examples=10)
def test_three_readers_get_what_was_written(tmp_path_factory, table):
    path = str(tmp_path_factory.mktemp("file") / "file.parquet")
    with parquet_writer(path, table.schema, table.num_rows) as writer:
        writer.write_table(table, 97)
    wanted = plain(table)
    assert plain(pq.read_table(path)) == wanted
    assert plain(pl.read_parquet(path).to_arrow()) == wanted
    with duckdb.connect() as connection:
        names = ", ".join('encode("event_id"::VARCHAR) AS event_id' if n == "event_id" else f'"{n}"' for n in wanted)
        found = plain(connection.sql(f"SELECT {names} FROM '{path}'").to_arrow_table())
    found["event_id"] = [bytes.fromhex(one.decode().replace("-", "")) for one in found["event_id"]]
    assert found == wanted


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    place = tmp_path_factory.mktemp("simulated") / "log"
    simulate_into(place, orders=8_500, seed=7, start=datetime(2025, 1, 1, tzinfo=UTC), days=7, window=timedelta(days=1))
    with open_log(place) as log:
        assert isinstance(log, ParquetLog)
        log.compact()
        yield log


@pytest.mark.long
def test_a_simulated_event_takes_32_bytes(simulated):
    (file,) = simulated.files()
    assert file.count > ROW_GROUP
    assert Path(file.path).stat().st_size / file.count <= 32


def test_what_grows_or_repeats_is_encoded_as_such(simulated):
    group = pq.read_metadata(simulated.files()[0].path).row_group(0)
    found = {group.column(i).path_in_schema: group.column(i) for i in range(group.num_columns)}
    assert "DELTA_BINARY_PACKED" in found["position"].encodings
    assert found["position"].total_compressed_size < group.num_rows / 10
    assert found["event_id"].total_compressed_size < 4 * group.num_rows
    assert all("RLE_DICTIONARY" in found[name].encodings for name in ("type", "stream_id", "actor", "recorded_at"))
    assert {column.compression for column in found.values()} == {"ZSTD"}
