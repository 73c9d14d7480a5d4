"""Files on disk, by either writer, against the tables of docs/format.md."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from xxhash import xxh3_128_digest, xxh3_128_hexdigest

from orders_es.log import NO_STREAM, NewEvent, open_log, order_registry
from orders_es.log.parquet import ParquetLog
from orders_es.orders import ItemAdded, OrderCreated

PAGE = (Path(__file__).parents[2] / "docs" / "format.md").read_text(encoding="utf-8")
COLUMN = re.compile(r"^\| `(\w+)` \| (\w+)(?:\(16\))?(?:, ([A-Z]+)\S*(?: UTC\))?)? \| (no|yes) \|", re.MULTILINE)
ENVELOPE = COLUMN.findall(PAGE)
LOGICAL = {"STRING": "String", "UUID": "UUID", "TIMESTAMP": "Timestamp(isAdjustedToUTC=true, timeUnit=microseconds"}


def write(folder, how, entered_at=None):
    log = open_log(folder, create=True)
    assert isinstance(log, ParquetLog)
    event = NewEvent(
        data=ItemAdded(item_id="A", quantity=2, price=Decimal("2.55")),
        occurred_at=datetime(2026, 1, 1, tzinfo=UTC),
        entered_at=entered_at,
    )
    sizes = {"one row": [1], "a few rows": [5], "many rows": [200], "segment": [1, 5, 200]}[how]
    for i, size in enumerate(sizes):
        log.append(f"order-{i}", [event] * size, expected=NO_STREAM)
    if how == "segment":
        log.compact()
    return log


@pytest.mark.parametrize("entered_at", [None, datetime(2026, 1, 2, tzinfo=UTC)])
@pytest.mark.parametrize("how", ["one row", "a few rows", "many rows", "segment"])
def test_columns_have_the_types_of_the_page(tmp_path, how, entered_at):
    assert len(ENVELOPE) == 14
    absent = {"personal"} if entered_at is not None else {"personal", "entered_at"}
    expected = [row for row in ENVELOPE if row[0] not in absent]
    for file in write(tmp_path / "log", how, entered_at).files():
        parquet = pq.ParquetFile(file.path)
        schema = parquet.schema
        assert [schema.column(i).name for i in range(len(expected))] == [name for name, *_ in expected]
        for i, (_, physical, logical, null) in enumerate(expected):
            column = schema.column(i)
            assert column.physical_type == {"FIXED_LEN_BYTE_ARRAY": "FIXED_LEN_BYTE_ARRAY"}.get(physical, physical)
            assert str(column.logical_type).startswith(LOGICAL.get(logical, "None"))
            assert column.max_definition_level == (null == "yes")
        shredded = {schema.column(i).name: schema.column(i) for i in range(len(expected), len(schema.names))}
        assert set(shredded) == {"item_id", "quantity", "price"}
        assert shredded["price"].physical_type == "INT64"
        assert str(shredded["price"].logical_type) == "Decimal(precision=18, scale=4)"
        assert json.loads(pq.read_metadata(file.path).metadata[b"orders_es"])["format"] == (
            1 if entered_at is None else 2
        )


@pytest.mark.parametrize("rows", [1, 200])
def test_a_file_with_personal_data_has_the_column_and_the_format_of_the_page(tmp_path, rows):
    registry = order_registry()
    registry.mark_personal("OrderCreated", "customer_id")
    log = open_log(tmp_path / "log", create=True, registry=registry)
    assert isinstance(log, ParquetLog)
    log.append("A", [OrderCreated(currency="EUR", customer_id="C-1")] * rows, expected=NO_STREAM)
    [file] = log.files()
    parquet = pq.ParquetFile(file.path)
    expected = [row for row in ENVELOPE if row[0] != "entered_at"]
    assert parquet.schema.names[: len(expected)] == [name for name, *_ in expected]
    column = parquet.schema.column(parquet.schema.names.index("personal"))
    assert (column.physical_type, str(column.logical_type), column.max_definition_level) == ("BYTE_ARRAY", "String", 1)
    assert json.loads(parquet.metadata.metadata[b"orders_es"])["format"] == 3


@pytest.mark.parametrize("how", ["one row", "a few rows", "many rows", "segment"])
def test_the_footer_has_the_fields_of_the_page(tmp_path, how):
    log = write(tmp_path / "log", how)
    for file in log.files():
        footer = json.loads(pq.read_metadata(file.path).metadata[b"orders_es"])
        section = PAGE.partition("## The footer")[2].partition("## Hashes")[0]
        named = {
            name for row in re.findall(r"^\| (`.+?) \|", section, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)
        }
        left_out = {"streams"} if file.kind == "segment" else {"pieces"} if how.endswith(("row", "few rows")) else set()
        assert set(footer) == named - left_out
        assert (footer["format"], footer["log_id"], footer["kind"]) == (1, str(log.log_id), file.kind)
        assert (footer["first"], footer["last"], footer["tree_size"]) == (file.first, file.last, file.last)
        assert footer["last"] - footer["first"] + 1 == pq.read_metadata(file.path).num_rows
    assert footer["tree_root"] == log.head().root.hex()


@pytest.mark.parametrize("how", ["one row", "a few rows", "many rows", "segment"])
def test_every_byte_is_under_a_digest_of_the_page(tmp_path, how):
    """The page's rule, read once more without the package."""
    for file in write(tmp_path / "log", how).files():
        data = Path(file.path).read_bytes()
        footer = json.loads(pq.read_metadata(file.path).metadata[b"orders_es"])
        raw = bytes.fromhex(footer.get("pieces", ""))
        start = 0
        for entry in (raw[i : i + 24] for i in range(0, len(raw), 24)):
            end = int.from_bytes(entry[:8], "big")
            assert xxh3_128_digest(data[start:end]) == entry[8:]
            start = end
        assert data.count(footer["check"].encode()) == 1
        assert xxh3_128_hexdigest(data[start:].replace(footer["check"].encode(), b"0" * 32)) == footer["check"]


def test_the_identity_has_the_fields_of_the_page(tmp_path):
    log = write(tmp_path / "log", "one row")
    identity = json.loads((tmp_path / "log" / "log.json").read_text(encoding="utf-8"))
    example = json.loads(re.search(r"## log\.json\n\n```json\n(.+?)```", PAGE, re.DOTALL)[1])
    assert set(identity) == set(example)
    assert identity["log_id"] == str(log.log_id)
    assert identity["origin"] == "log"
