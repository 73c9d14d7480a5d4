"""The rules for payloads that have more or less than their type, whatever version they are of."""

import json
from decimal import Decimal

import duckdb
import pytest

from orders_es.errors import InvalidEvent
from orders_es.log import NO_STREAM, RawEvent, open_log
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
