"""The hand-written encoder of small files, against three independent readers."""

import io
from datetime import UTC, date, datetime
from decimal import Decimal

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orders_es.log.columns import ARROW_TYPES, ENVELOPE_SCHEMA, conform, event_schema
from orders_es.log.event import from_micros, to_micros
from orders_es.log.parquet.small_encoding import encode
from orders_es.log.parquet.small_reading import decode, table_of_files

FIRST = to_micros(datetime.min.replace(tzinfo=UTC), "m")
LAST = to_micros(datetime.max.replace(tzinfo=UTC), "m")
TEXT = st.text(max_size=80) | st.text(max_size=5).map(lambda text: (text + "é") * 3000)
VALUES = {
    "string": TEXT,
    "int64": st.integers(-(2**63), 2**63 - 1),
    "int32": st.integers(-(2**31), 2**31 - 1),
    "bool": st.booleans(),
    "decimal": st.integers(-(10**18) + 1, 10**18 - 1).map(lambda digits: Decimal(digits).scaleb(-4)),
    "timestamp": st.integers(FIRST, LAST),
    "date": st.dates(),
    "float64": st.floats(allow_nan=False),
    "uuid": st.binary(min_size=16, max_size=16),
}
ENVELOPE = {
    "position": "int64",
    "stream_id": "string",
    "version": "int32",
    "event_id": "uuid",
    "type": "string",
    "schema_version": "int32",
    "occurred_at": "timestamp",
    "recorded_at": "timestamp",
    "entered_at": "timestamp",
    "actor": "string",
    "correlation_id": "string",
    "causation_id": "string",
    "personal": "string",
    "payload": "string",
}
NULLABLE = {"entered_at", "actor", "correlation_id", "causation_id", "personal"}
FIELDS = {f"{prefix}{kind}": kind for kind in ARROW_TYPES for prefix in ("", "größe ")}
LENIENT = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@st.composite
def files(draw):
    n = draw(st.one_of(st.just(1), st.integers(2, 64)))
    fields = draw(st.lists(st.sampled_from(sorted(FIELDS)), unique=True, max_size=5))
    columns = {}
    for name, kind in {**ENVELOPE, **{name: FIELDS[name] for name in fields}}.items():
        values = VALUES[kind]
        if name in NULLABLE or name in FIELDS:
            values = st.none() | values
        few = draw(st.lists(values, min_size=1, max_size=6))
        columns[name] = (kind, [few[(i * i + i) % len(few)] for i in range(n)])
    return columns


def expected(columns):
    """The rows as Python values."""
    plain = {}
    for name, (kind, values) in columns.items():
        plain[name] = [from_micros(v) if kind == "timestamp" and v is not None else v for v in values]
    return [dict(zip(plain, row, strict=True)) for row in zip(*plain.values(), strict=True)]


def as_rows(table):
    """Rows of an Arrow table, with ids as bytes."""
    rows = table.to_pylist()
    return [{**row, "event_id": getattr(row["event_id"], "bytes", row["event_id"])} for row in rows]


@pytest.mark.long
@LENIENT
@given(files(), st.dictionaries(st.binary(max_size=5), st.binary(max_size=300), max_size=3))
def test_pyarrow_reads_back_values_types_and_metadata(columns, metadata):
    content = encode(columns, metadata)
    with pq.ParquetFile(io.BytesIO(content), page_checksum_verification=True) as file:
        table = file.read()
        assert (file.metadata.metadata or {}) == metadata
        assert file.metadata.num_rows == len(columns["position"][1])
    assert as_rows(table) == expected(columns)
    schema = event_schema({name: kind for name, (kind, _) in columns.items() if name in FIELDS})
    for field in schema:
        found = table.schema.field(field.name)
        assert found.nullable == field.nullable
        assert found.type in (field.type, pa.decimal64(18, 4)) or field.name == "event_id"
    assert as_rows(conform(table, schema.names, schema)) == expected(columns)


@settings(LENIENT, max_examples=settings.default.max_examples // 4)
@given(columns=files())
def test_duckdb_and_polars_read_back_the_same(tmp_path, columns):
    path = tmp_path / "small.parquet"
    path.write_bytes(encode(columns, {b"k": b"v"}))
    wanted = expected(columns)
    frame = pl.read_parquet(path)
    assert [{**row, "event_id": bytes(row["event_id"])} for row in frame.to_dicts()] == wanted
    with duckdb.connect() as connection:
        names = ", ".join('"event_id"::VARCHAR AS event_id' if n == "event_id" else f'"{n}"' for n in columns)
        table = connection.sql(f"SELECT {names} FROM read_parquet('{path}')").to_arrow_table()
        found = [{**row, "event_id": bytes.fromhex(row["event_id"].replace("-", ""))} for row in table.to_pylist()]
        assert found == wanted
        least = wanted[len(wanted) // 2]["stream_id"]
        count = connection.execute(f"SELECT count(*) FROM read_parquet('{path}') WHERE stream_id = ?", [least])
        assert count.fetchone()[0] == sum(row["stream_id"] == least for row in wanted)
        where = f"SELECT count(*) FROM read_parquet('{path}') WHERE position >= ?"
        middle = wanted[0]["position"]
        assert connection.execute(where, [middle]).fetchone()[0] == sum(row["position"] >= middle for row in wanted)


@pytest.mark.parametrize("length", [63, 64, 65, 1024])
@pytest.mark.parametrize("rows", [1, 2])
def test_statistics_are_exact_where_they_are_given(length, rows):
    columns = {"stream_id": ("string", ["é" + "x" * (length - 2), "a"][:rows]), "position": ("int64", [7, -7][:rows])}
    metadata = pq.ParquetFile(io.BytesIO(encode(columns, {}))).metadata.row_group(0)
    stream, position = (metadata.column(i).statistics for i in range(2))
    assert (position.min, position.max) == ((7, 7) if rows == 1 else (-7, 7))
    if length > 64:
        assert stream is None or not stream.has_min_max
    else:
        assert stream.max == columns["stream_id"][1][0]


def test_a_damaged_page_is_noticed():
    content = bytearray(encode({"payload": ("string", ["some text that is long enough"])}, {}))
    content[content.index(b"long")] ^= 1
    with (
        pq.ParquetFile(io.BytesIO(bytes(content)), page_checksum_verification=True) as file,
        pytest.raises(OSError, match=r"(?i)checksum|crc"),
    ):
        file.read()


def test_money_is_exact_whatever_the_callers_decimal_context():
    from decimal import localcontext

    amount = Decimal("12345678901234.5678")
    with localcontext() as context:
        context.prec = 3
        content = encode({"amount": ("decimal", [amount])}, {})
    assert pq.read_table(io.BytesIO(content)).to_pylist() == [{"amount": amount}]


def test_the_envelope_here_is_that_of_the_log():
    assert list(ENVELOPE) == ENVELOPE_SCHEMA.names
    assert {f.name for f in ENVELOPE_SCHEMA if f.nullable} == NULLABLE
    assert date(1970, 1, 1).toordinal() == 719163


@pytest.mark.long
@LENIENT
@given(files())
def test_the_reader_of_small_files_reads_what_any_parquet_library_does(columns):
    data = encode(columns, {b"k": b"v"})
    schema = event_schema({name: kind for name, (kind, _) in columns.items() if name not in ENVELOPE})
    found = decode(data)
    assert found is not None
    assert table_of_files([found], schema).equals(conform(pq.read_table(io.BytesIO(data)), schema.names, schema))


@given(files(), st.data())
def test_the_reader_of_small_files_reads_no_altered_page(columns, data):
    whole = encode(columns, {})
    body = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    at = data.draw(st.integers(0, body - 1))
    altered = whole[:at] + bytes([whole[at] ^ data.draw(st.integers(1, 255))]) + whole[at + 1 :]
    assert decode(altered) is None


@given(st.binary(max_size=200) | files().map(lambda columns: encode(columns, {})[:-20] + b"12345678" + b"PAR1"))
def test_what_is_no_small_file_is_left_to_others(data):
    assert decode(data) is None
