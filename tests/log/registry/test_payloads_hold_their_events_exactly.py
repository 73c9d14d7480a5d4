import json
import typing
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders_es.errors import InvalidEvent, UnknownEventType
from orders_es.log import EventRegistry, order_registry
from orders_es.log.bulk import table_batch
from orders_es.log.event import from_micros
from orders_es.log.limits import FIRST_MOMENT, LAST_MOMENT
from orders_es.orders import EVENT_TYPES, MOST_PIECES, ItemAdded, OrderCancelled, ShippingCharged
from orders_es.testing.log_contract.basis import MOMENT, Measured, event, table_of

REGISTRY = order_registry()
AMOUNTS = st.integers(-(10**18) + 1, 10**18 - 1).map(lambda digits: Decimal(digits).scaleb(-4))
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)
VALUES = {str: TEXTS, int: st.integers(-MOST_PIECES, MOST_PIECES), Decimal: AMOUNTS, bool: st.booleans()}
VALUES[datetime] = st.integers(FIRST_MOMENT, LAST_MOMENT).map(from_micros)


def strategy_for(cls):
    fields = {}
    for name, hint in typing.get_type_hints(cls).items():
        arms = typing.get_args(hint) or (hint,)
        fields[name] = st.one_of([st.none() if arm is type(None) else VALUES[arm] for arm in arms])
    if "currency" in fields:
        fields["currency"] = st.text("ABCXYZ", min_size=3, max_size=3)
    return st.builds(cls, **fields)


ORDER_EVENTS = st.one_of([strategy_for(cls) for cls in EVENT_TYPES])


@given(ORDER_EVENTS)
def test_every_order_event_comes_back_as_it_was(data):
    event_type, payload, shredded = REGISTRY.encode(data)
    assert REGISTRY.decode(event_type.name, event_type.schema_version, payload) == data
    assert shredded == {f.name: getattr(data, f.name) for f in event_type.fields if getattr(data, f.name) is not None}
    assert list(json.loads(payload)) == [f.name for f in event_type.fields if f.name in shredded]


@pytest.mark.long
@given(st.lists(ORDER_EVENTS, max_size=12))
def test_many_decoded_at_once_are_as_each_alone(data):
    names, versions, payloads = [], [], []
    for one in data:
        event_type, payload, _ = REGISTRY.encode(one)
        names.append(event_type.name)
        versions.append(event_type.schema_version)
        payloads.append(payload)
    places = range(1, len(data) + 1)
    assert REGISTRY.decode_many(names, versions, payloads, places, ["A"] * len(data)) == data


@pytest.mark.parametrize(
    ("name", "schema_version", "payload", "says"),
    [
        ("OrderShiped", 1, "{}", "OrderShiped"),
        ("OrderShipped", 2, "{}", "position 8 holds schema version 2"),
        ("ShippingCharged", 1, '{"amount":true}', "the payload at position 8 does not fit"),
        ("OrderShipped", 1, "{", "the payload at position 8 does not fit"),
    ],
)
def test_the_bad_one_among_many_is_named_with_its_place(name, schema_version, payload, says):
    with pytest.raises((InvalidEvent, UnknownEventType), match=says) as refused:
        REGISTRY.decode_many(
            ["OrderPlaced", name], [1, schema_version], ["{}", payload], positions=[7, 8], stream_ids=["A", "B"]
        )
    if isinstance(refused.value, UnknownEventType):
        assert (refused.value.position, refused.value.stream_id) == (8, "B")


@given(st.lists(ORDER_EVENTS, min_size=1, max_size=12))
def test_typed_columns_give_the_payloads_that_single_events_have(data):
    given_table = table_of(REGISTRY, [("A", event(one)) for one in data], typed=True)
    batch = table_batch(REGISTRY, given_table, 0)
    payloads = batch.place(1, 0, [0]).column("payload").to_pylist()
    singles = [REGISTRY.encode(one)[1] for one in data]
    assert [json.loads(payload) for payload in payloads] == [json.loads(single) for single in singles]
    if not any("\\u" in single for single in singles):  # control characters may be escaped in either case of letters
        assert payloads == singles


@given(
    st.builds(
        Measured,
        ratio=st.floats(allow_nan=False, allow_infinity=False),
        taken_at=st.none() | st.integers(FIRST_MOMENT, LAST_MOMENT).map(from_micros),
        day=st.none() | st.dates(date(1, 1, 2), date(9999, 12, 30)),
        valid=st.none() | st.booleans(),
        pieces=st.none() | st.integers(-(2**63), 2**63 - 1),
        worth=st.none() | AMOUNTS,
        note=st.none() | TEXTS,
    )
)
def test_every_kind_of_field_comes_back_as_it_was_from_single_events_and_from_tables(data):
    registry = EventRegistry([Measured])
    batch = table_batch(registry, table_of(registry, [("A", event(data))], typed=True), 0)
    for payload in (registry.encode(data)[1], batch.place(1, 0, [0]).column("payload")[0].as_py()):
        assert registry.decode("Measured", 1, payload) == data


def test_money_stands_in_a_payload_as_digits_in_text():
    payload = REGISTRY.encode(ShippingCharged(amount=Decimal("4.5")))[1]
    assert payload == '{"amount":"4.5000"}'


def test_money_does_not_depend_on_the_callers_decimal_context():
    amount = Decimal("-12345678901234.5678")
    with localcontext() as context:
        context.prec = 3
        _, payload, shredded = REGISTRY.encode(ShippingCharged(amount=amount))
    assert (payload, shredded) == ('{"amount":"-12345678901234.5678"}', {"amount": amount})


@pytest.mark.parametrize(
    ("amount", "says"),
    [
        (4.95, r"Decimal\('4.95'\)"),
        ("4.95", "exact amounts are Decimal"),
        (True, "exact amounts are Decimal"),
        (Decimal("0.00001"), "more than 4 decimals"),
        (Decimal("1E+14"), "14 digits"),
        (Decimal("-1E+14"), "14 digits"),
        (Decimal("NaN"), "14 digits"),
        (Decimal("Infinity"), "14 digits"),
    ],
)
def test_an_amount_that_is_not_exact_is_refused(amount, says):
    with pytest.raises(InvalidEvent, match=says) as caught:
        REGISTRY.encode(ShippingCharged(amount=amount))
    assert (caught.value.type, caught.value.field) == ("ShippingCharged", "amount")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("taken_at", datetime(2026, 6, 3)),  # noqa: DTZ001 - that is the point
        ("taken_at", date(2026, 6, 3)),
        ("day", MOMENT),
        ("valid", 1),
        ("pieces", True),
        ("pieces", 2**63),
        ("pieces", -(2**63) - 1),
        ("ratio", float("nan")),
        ("ratio", float("inf")),
        ("ratio", True),
        ("ratio", None),
        ("note", 7),
        ("note", "\ud800"),
    ],
)
def test_a_value_of_another_kind_is_refused(field, value):
    with pytest.raises(InvalidEvent) as caught:
        EventRegistry([Measured]).encode(Measured(**{"ratio": 1.0, field: value}))
    assert caught.value.field == field


def test_a_moment_of_any_zone_is_recorded_in_utc():
    there = datetime(2026, 6, 3, 15, tzinfo=timezone(timedelta(hours=5, minutes=45)))
    registry = EventRegistry([Measured])
    _, payload, shredded = registry.encode(Measured(ratio=1, taken_at=there))
    assert json.loads(payload)["taken_at"] == "2026-06-03T09:15:00Z"
    assert shredded["taken_at"].utcoffset() == timedelta(0)


def test_a_whole_number_is_an_exact_amount():
    assert REGISTRY.encode(ShippingCharged(amount=3))[1] == '{"amount":"3.0000"}'  # type: ignore[arg-type]


def test_what_is_none_is_left_out():
    assert REGISTRY.encode(OrderCancelled())[1:] == ("{}", {})


def test_a_field_that_must_be_there_is_missed():
    with pytest.raises(InvalidEvent, match="None") as caught:
        REGISTRY.encode(ItemAdded(item_id=None, quantity=1, price=Decimal(1)))
    assert caught.value.field == "item_id"
