"""Logs to sign, and logs with another past."""

import json
import shutil
from decimal import Decimal

import pyarrow as pa
import pytest

from orders_es.audit import generate_key, write_key
from orders_es.log import ANY, open_log
from orders_es.log.restoring import Restorable
from orders_es.orders import DiscountApplied, OrderCreated, OrderPlaced


def fill(log, orders=4):
    """More than 256 events, so that hashes are kept for proofs to come."""
    for n in range(orders):
        log.append(f"o-{n % 2}", [OrderCreated(currency="GBP"), DiscountApplied(amount=Decimal(n + 1))], expected=ANY)
    log.append("many", [OrderPlaced()] * 300, expected=ANY)


@pytest.fixture
def log(tmp_path):
    with open_log(tmp_path / "log", create=True, origin="shop") as opened:
        fill(opened)
        yield opened


@pytest.fixture(params=["log", "log.duckdb"])
def any_log(request, tmp_path):
    with open_log(tmp_path / request.param, create=True, origin="shop") as opened:
        fill(opened)
        yield opened


@pytest.fixture
def key(tmp_path):
    path = tmp_path / "keys" / "shop.key"
    path.parent.mkdir()
    write_key(generate_key("example.com/shop"), path)
    return path


@pytest.fixture
def public(key):
    return f"{key}.pub"


def rewritten(folder, change):
    """Put in a log's place one of the same identity with another past, sound in itself; what lies beside stays."""
    with open_log(folder) as log:
        events = pa.Table.from_batches(log.read())
    other = folder.with_name("other")
    for part in ("commits", "segments"):
        (other / part).mkdir(parents=True)
    shutil.copy(folder / "log.json", other / "log.json")
    with open_log(other) as log:
        assert isinstance(log, Restorable)
        log.append_restored(change(events))
    for part in ("commits", "segments"):
        shutil.rmtree(folder / part)
        shutil.move(other / part, folder / part)
    shutil.rmtree(other)


def with_payload(events, row, **fields):
    payloads = events.column("payload").to_pylist()
    payloads[row] = json.dumps(json.loads(payloads[row]) | fields)
    envelope = events.select(events.column_names[: events.column_names.index("payload") + 1])
    at = envelope.schema.get_field_index("payload")
    return envelope.set_column(at, envelope.schema.field(at), pa.array(payloads, envelope.schema.field(at).type))


def renumbered(rows):
    """Rows as a log would have recorded them in this order: positions and versions without gaps, `recorded_at` that never falls."""
    versions, latest = {}, rows[0]["recorded_at"]
    for position, row in enumerate(rows, start=1):
        versions[row["stream_id"]] = versions.get(row["stream_id"], 0) + 1
        latest = max(latest, row["recorded_at"])
        row |= {"position": position, "version": versions[row["stream_id"]], "recorded_at": latest}
    return rows


def by_rows(change):
    """A change of a list of rows as one of a table of events."""

    def changed(events):
        envelope = events.select(events.column_names[: events.column_names.index("payload") + 1])
        rows = [dict(row) for row in envelope.to_pylist()]
        return pa.Table.from_pylist(renumbered(change(rows)), schema=envelope.schema)

    return changed
