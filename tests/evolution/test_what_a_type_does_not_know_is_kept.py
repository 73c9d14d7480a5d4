"""The rules for payloads that have more or less than their type, whatever version they are of."""

import json
import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

import duckdb
import pytest

from orders_es.errors import InvalidEvent
from orders_es.log import ANY, NO_STREAM, EventRegistry, RawEvent, open_log
from orders_es.log.relation import quoted
from orders_es.upcaster import upcaster
from tests.evolution import parcels

OLD = '{"customer":7,"price":5,"colour":"red","rate":0.1,"boxes":[{"kilos":1.50}]}'
NEW = '{"customer":"C-8","price":"1.0000","colour":"red"}'


@pytest.fixture(params=["log", "log.duckdb"])
def log(request, tmp_path):
    with open_log(tmp_path / request.param, create=True, registry=parcels.today()) as opened:
        opened.append("P-1", [RawEvent("Booked", OLD, 1), RawEvent("Booked", NEW, 3)], expected=NO_STREAM)
        yield opened


def test_fields_that_nobody_knows_stay_in_the_payload_and_are_shown(log):

    old, new = log.load("P-1")
    assert (old.payload, new.payload) == (OLD, NEW)
    assert json.loads(old.today.payload) == {
        "customer": "C-7", "price": "0.0500", "currency": "GBP", "colour": "red", "rate": 0.1, "boxes": [{"kilos": 1.5}],
    }  # fmt: skip
    with duckdb.connect() as connection:
        log.bind(connection, "mine")
        query = "SELECT payload->>'$.colour', price::VARCHAR FROM mine ORDER BY version"
        assert connection.execute(query).fetchall() == [("red", "0.0500"), ("red", "1.0000")]


def test_numbers_that_an_upcaster_does_not_touch_keep_their_digits(log):
    assert '"rate":0.1,"boxes":[{"kilos":1.50}]' in log.load("P-1")[0].today.payload


def test_optional_fields_that_are_missing_take_their_defaults(log):
    assert log.load("P-1")[1].data == parcels.Booked("C-8", Decimal(1), "EUR", None)


def test_needed_fields_that_are_missing_are_an_error(log):
    with pytest.raises(InvalidEvent, match="price"):
        log.append("P-2", [RawEvent("Booked", '{"customer":"C-1"}', 3)], expected=NO_STREAM)


@dataclass(frozen=True)
class Before:
    amount: int


@dataclass(frozen=True)
class Since:
    amount: int
    currency: str = "it's EUR"
    fee: Decimal = Decimal("0.5")
    day: date = date(2026, 1, 2)
    at: datetime = datetime(2026, 1, 2, 3, 4, 5, 6, UTC)
    paid: bool = False
    share: float = 0.25
    parts: int = 0
    note: str | None = "none"
    remark: str | None = None


NAMES = ("amount", "currency", "fee", "day", "at", "paid", "share", "parts", "note", "remark")


def one_name(cls, version=1, upcasters=()):
    registry = EventRegistry()
    registry.register(cls, name="Paid", schema_version=version)
    registry.upcast(*upcasters)
    return registry


@pytest.mark.long_but_first
@pytest.mark.parametrize("place", ["log", "log.duckdb", "postgres"])
def test_fields_that_came_later_have_their_defaults_in_sql_as_in_python(place, tmp_path, request):
    url = str(tmp_path / place)
    if place == "postgres":
        url = f"{request.getfixturevalue('postgres')}?schema=t_{uuid.uuid4().hex}"
    with open_log(url, create=True, registry=EventRegistry()) as log:
        log.append("P-1", [RawEvent("Paid", '{"amount":1}'), RawEvent("Paid", '{"amount":2, "more":3}')], expected=ANY)
    with open_log(url, registry=one_name(Before)) as log:
        log.append("P-1", [Before(3)], expected=ANY)
    with open_log(url, registry=one_name(Since)) as log:
        log.append("P-1", [Since(4), Since(5, note=None), RawEvent("Paid", '{"amount":6,"note":null}')], expected=ANY)
    for registry in (one_name(Since), one_name(Since, 2, [upcaster("Paid", 1)(lambda payload: payload)])):
        with open_log(url, registry=registry) as log, duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            log.bind(connection, "mine")
            found = connection.execute(f"SELECT {', '.join(map(quoted, NAMES))} FROM mine ORDER BY version").fetchall()
            data = [event.data for event in log.load("P-1")]
            assert [tuple(row) for row in found] == [tuple(getattr(one, name) for name in NAMES) for one in data]
            assert [one.note for one in data] == ["none"] * 4 + [None] * 2
