"""A currency has one spelling in every way in: `eur` beside `EUR` would be two currencies, and an empty one none."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from orders_es.errors import BadSource, CommandRejected, InvalidEvent
from orders_es.log import NO_STREAM, EventRegistry, RawEvent, StreamAppend, open_log
from orders_es.orders import ORDERS, CreateOrder, OrderCreated
from orders_es.service import handle
from orders_es.sources.jsonl import import_jsonl

WRONG = ["eur", "Eur", "", "EU", "EURO", "EUR ", " EUR", "EUR\n", "\u0415UR", "€", "978"]
MOMENT = datetime(2026, 6, 3, tzinfo=UTC)


@pytest.fixture
def log():
    with open_log("memory:") as log:
        yield log
        assert log.head().position == 0


def table(**columns):
    given = {"stream_id": ["A-1"], "type": ["OrderCreated"], "occurred_at": [MOMENT], **columns}
    return pa.table(given).set_column(2, "occurred_at", pa.array([MOMENT], pa.timestamp("us", "UTC")))


WAYS = {
    "append": lambda log, text: log.append("A-1", [OrderCreated(currency=text)], expected=NO_STREAM),
    "append_batch": lambda log, text: log.append_batch([StreamAppend("A-1", [OrderCreated(currency=text)], NO_STREAM)]),
    "payload text": lambda log, text: log.append(
        "A-1", [RawEvent("OrderCreated", json.dumps({"currency": text}))], expected=NO_STREAM
    ),
    "append_table": lambda log, text: log.append_table(table(currency=[text]), expected=NO_STREAM),
    "append_table of payloads": lambda log, text: log.append_table(
        table(payload=[json.dumps({"currency": text})]), expected=NO_STREAM
    ),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_the_log_refuses_another(log, way):
    for text in WRONG:
        with pytest.raises(InvalidEvent, match=r"empty|three capital letters, such as EUR"):
            way(log, text)


def test_a_command_with_another_is_refused_by_its_rule(log):
    for text in WRONG:
        with pytest.raises(CommandRejected, match="three capital letters"):
            handle(log, "A-1", CreateOrder(currency=text), decider=ORDERS)


def test_a_line_with_another_is_named(log, tmp_path):
    path = tmp_path / "lines.jsonl"
    for text in WRONG:
        line = {
            "stream_id": "A-1",
            "version": 1,
            "event_id": "00000000-0000-4000-8000-000000000001",
            "type": "OrderCreated",
            "schema_version": 1,
            "occurred_at": "2026-06-03T00:00:00Z",
            "payload": {"currency": text},
        }
        path.write_text(json.dumps(line) + "\n", encoding="utf-8")
        with pytest.raises(BadSource, match=r"line 1.*(empty|three capital letters)"):
            import_jsonl(log, path)


def test_a_type_of_ones_own_may_ask_for_a_form_and_binds_no_other():
    @dataclass(frozen=True)
    class Sent:
        code: str = field(metadata={"pattern": ("[0-9]+", "digits")})

    @dataclass(frozen=True)
    class Noted:
        code: str | None = None

    with open_log("memory:", registry=EventRegistry([Sent, Noted])) as log:
        both = {
            "stream_id": ["A", "A"],
            "type": ["Noted", "Sent"],
            "occurred_at": pa.array([MOMENT] * 2, pa.timestamp("us", "UTC")),
        }
        with pytest.raises(InvalidEvent, match="row 1: '7a' is not digits"):
            log.append_table(pa.table({**both, "code": ["x", "7a"]}), expected=NO_STREAM)
        with pytest.raises(InvalidEvent, match="'7a' is not digits"):
            log.append("A", [Sent("7a")], expected=NO_STREAM)
        log.append_table(pa.table({**both, "code": [None, "7"]}), expected=NO_STREAM)
        log.append("B", [Noted("7a"), Sent("77")], expected=NO_STREAM)
