"""Histories of every kind of event, odd ones included: shipped before placed, removed before added, several currencies."""

import dataclasses
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import strategies as st

from orders_es import orders

START = datetime(2011, 1, 1, tzinfo=UTC)
FIELDS = {
    "currency": st.sampled_from(["GBP", "EUR"]),
    "customer_id": st.sampled_from(["1", "2", "3"]),
    "country": st.sampled_from(["UK", "France"]),
    "channel": st.sampled_from(["web", "shop"]),
    "item_id": st.sampled_from(["mug", "cup", "jug"]),
    "quantity": st.one_of(st.integers(-5, 5), st.integers(-(2**63), 2**63 - 1)),
    "difference": st.integers(-5, 5),
    "price": st.decimals(Decimal("-99999999999999.9999"), Decimal("99999999999999.9999"), places=4),
    "amount": st.decimals(-1000, 1000, places=4),
    "description": st.sampled_from(["A mug", "A cup"]),
    "reason": st.sampled_from(["late", "broken"]),
    "time_estimated": st.booleans(),
    "promised_at": st.just(START),
    "installments": st.integers(0, 12),
}
NULLABLE = {"customer_id", "country", "channel", "description", "reason", "time_estimated"}


def events_of(kind: type) -> st.SearchStrategy:
    fields = {}
    for field in dataclasses.fields(kind):
        optional = "None" in str(field.type)
        values = FIELDS.get(field.name, st.just("x"))
        fields[field.name] = st.one_of(st.none(), values) if optional else values
    return st.builds(kind, **fields)


def history_of(events: list, offsets: list) -> list:
    return [
        orders.Happened(event, START + timedelta(hours=offset), version, 10 * version)
        for version, (event, offset) in enumerate(zip(events, offsets, strict=True), 1)
    ]


HISTORIES = st.lists(
    st.tuples(st.one_of([events_of(kind) for kind in orders.EVENT_TYPES]), st.integers(0, 20)), max_size=30
).map(lambda pairs: history_of([event for event, _ in pairs], [offset for _, offset in pairs]))


@pytest.fixture(scope="session")
def histories() -> st.SearchStrategy:
    return HISTORIES
