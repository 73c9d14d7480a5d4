"""Logs with every oddity that a line must carry, and lines of another shape."""

import io
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from orders_es import orders as o
from orders_es.log import ANY, NO_STREAM, EventRegistry, NewEvent, RawEvent, open_log
from orders_es.sources.jsonl import export_jsonl, import_jsonl

START = datetime(2026, 6, 1, 10, 0, tzinfo=UTC)


@pytest.fixture
def log(tmp_path):
    """An empty log."""
    with open_log(tmp_path / "log", create=True) as log:
        yield log


class Clock:
    """Record time; each look at it is a second and a microsecond later."""

    def __init__(self):
        self.now = START

    def __call__(self):
        self.now += timedelta(seconds=1, microseconds=1)
        return self.now


@pytest.fixture
def shop(tmp_path):
    """A log of three orders: late events, odd texts, every part of the envelope."""
    with open_log(tmp_path / "shop", create=True, clock=Clock()) as log:
        opened = NewEvent(
            data=o.OrderCreated(currency="EUR", customer_id='"Käthe"\n\\ \u2028 £'),
            occurred_at=START,
            event_id=UUID(int=7),
            actor="web \t user",
            correlation_id="cart-1",
            causation_id="click",
        )
        log.append("A/1", [opened], expected=NO_STREAM)
        log.append("A/1", [o.ItemAdded(item_id="mug", quantity=2, price=Decimal("9.9"))], expected=1)
        log.append("B", [o.OrderCreated(currency="GBP"), o.OrderPlaced()], expected=NO_STREAM)
        late = NewEvent(data=o.DiscountApplied(amount=Decimal("0.5050")), occurred_at=datetime(5, 1, 1, tzinfo=UTC))
        log.append("A/1", [late], expected=2)
        odd = ' {"currency": "EUR",\n  "country": null }'
        log.append("C", [RawEvent("OrderCreated", odd), RawEvent("OrderPlaced", '{ "more" : 1.0e2}')], expected=ANY)
        yield log


@pytest.fixture
def exported(tmp_path):
    """Write a log to a file."""

    def exported(log, name="events.jsonl"):
        export_jsonl(log, tmp_path / name)
        return tmp_path / name

    return exported


@pytest.fixture
def events():
    """All that a log holds, row by row, but for the time of recording."""

    def events(log, *, without=("recorded_at",)):
        names = [
            "position",
            "stream_id",
            "version",
            "event_id",
            "type",
            "schema_version",
            "occurred_at",
            "recorded_at",
            "actor",
            "correlation_id",
            "causation_id",
            "payload",
        ]
        columns = [name for name in names if name not in without]
        return [row for batch in log.read(columns=columns) for row in batch.to_pylist()]

    return events


@pytest.fixture
def lines_of():
    """A log's export as objects."""

    def lines_of(log):
        out = io.BytesIO()
        export_jsonl(log, out)
        return [json.loads(line) for line in out.getvalue().decode().split("\n")[:-1]]

    return lines_of


def foreign(version, kind="item_added", stream="order-1", **changes):
    """A line of an order service's events table."""
    payloads = {
        "order_created": {"customer_id": "c-1", "currency": "EUR"},
        "item_added": {"product_id": "mug", "quantity": 2, "unit_price": 1250},
    }
    row = {
        "id": f"{stream}-{version}",
        "aggregate_id": stream,
        "type": kind,
        "payload": payloads.get(kind, {}),
        "timestamp": (START + timedelta(minutes=version)).isoformat(),
        "version": version,
    }
    return row | changes


@pytest.fixture(name="foreign")
def _foreign():
    return foreign


@pytest.fixture
def write(tmp_path):
    """Write objects, or text, one a line."""

    def write(rows, name="events.jsonl"):
        path = tmp_path / name
        path.write_text(
            "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows), encoding="utf-8"
        )
        return path

    return write


@pytest.fixture
def service(log, write):
    """Import lines of an order service with the shipped mapping."""

    def service(rows, **options):
        return import_jsonl(log, write(rows), mapping="order-service", **options)

    return service


@pytest.fixture
def no_types(tmp_path):
    """A log that knows no event types at all."""
    with open_log(tmp_path / "strange", create=True, registry=EventRegistry()) as log:
        yield log
