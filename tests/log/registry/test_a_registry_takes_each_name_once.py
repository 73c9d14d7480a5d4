import dataclasses
import pickle
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Optional

import pytest

from orders_es.errors import InvalidEvent, RegistrationClash, UnknownEventType
from orders_es.log import EventRegistry, order_registry
from orders_es.log.envelope import ENVELOPE
from orders_es.orders import EVENT_TYPES, OrderPlaced


def event_type(name, **fields):
    return dataclasses.make_dataclass(name, fields.items(), frozen=True)


@dataclass(frozen=True)
class Everything:
    text: str
    whole: int
    truth: bool
    amount: Decimal
    moment: datetime
    day: date
    ratio: float
    deep: list[int]
    maybe: int | None = None
    perhaps: Optional[str] = None  # noqa: UP045 - the older spelling counts too
    either: int | str = 0


def test_every_type_has_its_kind():
    fields = {f.name: (f.kind, f.optional, f.required) for f in EventRegistry([Everything])["Everything"].fields}
    assert fields == {
        "text": ("string", False, True),
        "whole": ("int64", False, True),
        "truth": ("bool", False, True),
        "amount": ("decimal", False, True),
        "moment": ("timestamp", False, True),
        "day": ("date", False, True),
        "ratio": ("float64", False, True),
        "deep": ("json", False, True),
        "maybe": ("int64", True, False),
        "perhaps": ("string", True, False),
        "either": ("json", False, False),
    }


def test_what_is_deeper_than_a_value_has_no_column():
    assert list(EventRegistry([Everything]).columns) == [
        f.name for f in dataclasses.fields(Everything) if f.name not in ("deep", "either")
    ]


def test_a_field_has_one_type_in_the_whole_registry():
    registry = EventRegistry([event_type("A", pieces=int)])
    with pytest.raises(RegistrationClash, match=r"string here and int64 in A") as caught:
        registry.register(event_type("B", pieces=str))
    assert caught.value.name == "B.pieces"
    assert "B" not in registry
    registry.register(event_type("C", pieces=int | None))


@pytest.mark.parametrize("name", [*ENVELOPE, "Position", "PAYLOAD"])
def test_a_field_has_no_name_of_the_envelope(name):
    with pytest.raises(RegistrationClash, match="envelope"):
        EventRegistry([event_type("A", **{name: str})])


def test_two_fields_do_not_differ_in_case_alone():
    with pytest.raises(RegistrationClash, match="'pieces'"):
        EventRegistry([event_type("A", pieces=int), event_type("B", Pieces=int)])


def test_a_type_name_is_taken_once():
    registry = EventRegistry([OrderPlaced])
    with pytest.raises(RegistrationClash, match="registered already"):
        registry.register(event_type("OrderPlaced"))
    with pytest.raises(RegistrationClash, match="registered already"):
        registry.register(OrderPlaced, schema_version=2)


def test_registering_the_same_again_changes_nothing():
    registry = order_registry()
    assert registry.register(OrderPlaced) is OrderPlaced
    assert len(registry) == len(EVENT_TYPES)


def test_a_type_may_have_another_name_and_version_in_storage():
    registry = EventRegistry()
    registry.register(OrderPlaced, name="placed", schema_version=3)
    assert registry.type_of(OrderPlaced()).name == "placed"
    assert (registry["placed"].schema_version, registry.encode(OrderPlaced())[0].name) == (3, "placed")


@pytest.mark.parametrize("cls", [int, object])
def test_only_dataclasses_are_event_types(cls):
    with pytest.raises(RegistrationClash, match="not a dataclass"):
        EventRegistry([cls])


def test_a_schema_version_starts_at_1():
    with pytest.raises(RegistrationClash, match="start at 1"):
        EventRegistry().register(OrderPlaced, schema_version=0)


def test_what_is_not_registered_is_unknown():
    registry = EventRegistry()
    for ask in (
        lambda: registry["OrderPlaced"],
        lambda: registry.type_of(OrderPlaced()),
        lambda: registry.encode(OrderPlaced()),
        lambda: registry.decode("OrderPlaced", 1, "{}", 7, "A"),
    ):
        with pytest.raises(UnknownEventType) as caught:
            ask()
        assert caught.value.type == "OrderPlaced"
    assert (caught.value.position, caught.value.stream_id) == (7, "A")


@pytest.mark.parametrize(("version", "payload"), [(2, "{}"), (1, "{"), (1, '{"currency":7}'), (1, "{}"), (1, "[]")])
def test_a_payload_that_does_not_fit_is_an_error_with_its_place(version, payload):
    with pytest.raises(InvalidEvent, match="position 7") as caught:
        order_registry().decode("OrderCreated", version, payload, 7, "A")
    assert caught.value.type == "OrderCreated"


def test_a_registry_survives_pickling():
    registry = EventRegistry([*EVENT_TYPES, Everything])
    registry.register(Renamed, name="Other", schema_version=2)
    again = pickle.loads(pickle.dumps(registry))
    assert [dataclasses.astuple(t) for t in again] == [dataclasses.astuple(t) for t in registry]
    assert again.columns == registry.columns


@dataclass(frozen=True)
class Renamed:
    since: datetime = datetime(2026, 1, 1, tzinfo=UTC)
