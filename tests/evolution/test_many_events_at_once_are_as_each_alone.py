"""Whole columns of old events become today's by type; what comes out is what the rule for one event gives, and so are the errors."""

import json
from dataclasses import dataclass

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders_es.errors import OrdersEsError, UpcastFailed
from orders_es.log import EventRegistry, order_registry
from orders_es.log.upcast_tables import upcast_table
from orders_es.upcaster import upcaster
from tests.evolution import parcels

PADDING = [("OrderPlaced", 1, "{}")] * 40
EARLY = st.sampled_from(
    [
        ("OrderCreated", 1, '{"order_id":"A","customer_id":7}'),
        ("OrderCreated", 1, '{"customer_id":"C","currency":"EUR"}'),
        ("OrderCreated", 1, '{"customer_id":null, "currency":"EUR","tag":[1]}'),
        ("OrderCreated", 2, '{"currency":"GBP"}'),
        ("OrderCreated", 1, '{"country":"DE"}'),
        ("ItemAdded", 1, '{"sku":"M","quantity":2,"price":1999}'),
        ("ItemAdded", 1, '{"sku":"M\\u000a","quantity":2,"price":-5,"more":null,"deep":{"a":1.50}}'),
        ("ItemAdded", 1, '{"item_id":"M","quantity":1,"price":2}'),
        ("ItemAdded", 1, '{"item_id":"M",\n"quantity":1,"price":"2"}'),
        ("StatusChanged", 1, '{"status":"new"}'),
        ("StatusChanged", 1, '{"status":"shipped","time_estimated":true}'),
        ("StatusChanged", 1, '{"reason":"late","status":"cancelled"}'),
        ("Nobodys", 3, "[]"),
    ]
)
WRONG = st.sampled_from(
    [
        ("ItemAdded", 1, '{"sku":"M","quantity":"two","price":1999}'),
        ("ItemAdded", 1, '{"sku":"M","quantity":1,"price":"1.00"}'),
        ("StatusChanged", 1, '{"status":"lost"}'),
        ("StatusChanged", 1, "{"),
    ]
)


def table(rows):
    names, versions, payloads = zip(*rows, strict=True)
    return pa.table(
        {
            "position": pa.array(range(1, len(rows) + 1), pa.int64()),
            "stream_id": pa.array(["A"] * len(rows)),
            "type": pa.array(names),
            "schema_version": pa.array(versions, pa.int32()),
            "payload": pa.array(payloads),
        }
    )


def said(registry, rows):
    names = ("position", "type", "schema_version", "payload")
    try:
        return list(zip(*(upcast_table(registry, table(rows)).column(n).to_pylist() for n in names), strict=True))
    except OrdersEsError as error:
        return type(error), str(error)


def each_alone(registry, rows):
    try:
        for place, (name, version, payload) in enumerate(rows, 1):
            if registry.upcasts(name, version):
                today = registry.today(name, version, payload, place, "A")
                if today is not None and today.payload is not payload:
                    registry.decode(name, version, payload, place, "A")
        found = [(place, registry.today(*row)) for place, row in enumerate(rows, 1)]
    except OrdersEsError as error:
        return type(error), str(error)
    return [(place, *today) for place, today in found if today is not None]


@given(st.lists(EARLY, min_size=1), st.lists(WRONG, max_size=1), st.randoms())
def test_of_orders(rows, wrong, random):
    rows = [*rows, *wrong, *PADDING]
    random.shuffle(rows)
    assert said(order_registry(), rows) == each_alone(order_registry(), rows)


@given(st.lists(st.sampled_from(["shipped", "lost", "seen", 1999]), min_size=1))
def test_of_chains(kinds):
    rows = [
        ("Booked", 1, json.dumps({"customer": 7, "price": kind}))
        if kind == 1999
        else ("StatusChanged", 1, json.dumps({"status": kind}))
        for kind in kinds
    ] + [("LabelPrinted", 1, "{}"), ("Shipped", 1, "{}")] * 20
    assert said(parcels.today(), rows) == each_alone(parcels.today(), rows)


def test_one_that_fails_among_many_is_named():
    rows = [*PADDING, ("StatusChanged", 1, '{"status":"lost"}')]
    with pytest.raises(UpcastFailed, match="position 41, stream 'A'"):
        upcast_table(order_registry(), table(rows))


@dataclass(frozen=True)
class Weighed:
    grams: int
    exact: float | None = None

    __schema_version__ = 2


def one_dict_for_all(payload, given={}):  # noqa: B006 - that is what is wrong with it
    given.clear()
    given.update(payload)
    return given


def one_list_for_all(payload, given=[]):  # noqa: B006 - as above
    given.clear()
    given.append(payload["grams"])
    return payload | {"all": given}


def what_it_gave_before(payload, given=[]):  # noqa: B006 - as above
    if given:
        given.pop()["grams"] = 0
    given.append(payload)
    return payload


@pytest.mark.parametrize("careless", [one_dict_for_all, one_list_for_all, what_it_gave_before])
def test_of_a_function_that_changes_what_it_gave(careless):
    registry = EventRegistry([Weighed], [upcaster("Weighed", 1)(careless)])
    rows = [("Weighed", 1, f'{{"grams":{n}}}') for n in range(100)]
    found = [json.loads(payload)["grams"] for _, _, _, payload in said(registry, rows)]
    assert found == list(range(100))


def test_what_python_has_no_json_for_or_no_end_of_is_refused():
    def stops(payload):
        if payload["grams"] == 50:
            raise StopIteration
        return payload

    rows = [("Weighed", 1, f'{{"grams":{n}}}') for n in range(100)]
    for wrong, says in (
        (stops, "position 51.*StopIteration"),
        (lambda payload: payload | {"exact": float("nan")}, "position 1,.*exact is nan"),
        (lambda payload: payload | {"exact": float("inf")}, "position 1,.*exact is inf"),
    ):
        with pytest.raises(UpcastFailed, match=says):
            upcast_table(EventRegistry([Weighed], [upcaster("Weighed", 1)(wrong)]), table(rows))
