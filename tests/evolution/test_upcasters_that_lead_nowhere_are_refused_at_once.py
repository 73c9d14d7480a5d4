"""Each mistake at the earliest moment: when the registry is made, at the first append, or at the event that shows it."""

import json
import pickle
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from importlib.metadata import version
from typing import Any

import pyarrow.parquet as pq
import pytest

from orders_es.errors import (
    BadDomain,
    InvalidEvent,
    InvalidSetting,
    ProjectionChanged,
    RegistrationClash,
    UnknownEventType,
    UpcastFailed,
)
from orders_es.log import NO_STREAM, EventRegistry, RawEvent, open_log
from orders_es.log.parquet import ParquetLog
from orders_es.orders import OrderCancelled, OrderPlaced
from orders_es.projections import Handlers, Projector
from orders_es.replay import connect, load_order
from orders_es.upcaster import Renamed, Upcaster
from tests.evolution import parcels


def same(payload):
    return payload


@dataclass(frozen=True)
class Weighed:
    grams: int

    __schema_version__ = 3


@dataclass(frozen=True)
class Noted:
    note: str


def test_a_missing_step():
    with pytest.raises(RegistrationClash, match=r"Weighed v1 → Weighed v2\), today's is v3, and there is no upcaster"):
        EventRegistry([Weighed], [Upcaster("Weighed", 1, same)])


def test_a_circle():
    there, back = (Upcaster(a, 1, same, into={b: 1}) for a, b in (("A", "B"), ("B", "A")))
    with pytest.raises(RegistrationClash, match="A v1 → B v1 → A v1"):
        EventRegistry([], [there, back])


def test_a_step_from_the_version_of_today():
    with pytest.raises(RegistrationClash, match=r"today's version is v3; register the class .* __schema_version__ = 4"):
        EventRegistry([Weighed], [Upcaster("Weighed", 3, same)])


def test_two_steps_from_one_version():
    registry = EventRegistry([Weighed], [Upcaster("Weighed", 2, same)])
    registry.upcast(Upcaster("Weighed", 2, same))
    with pytest.raises(RegistrationClash, match="two upcasters read it"):
        registry.upcast(Upcaster("Weighed", 2, lambda _: {}))


def test_what_cannot_be_called_with_one_payload():
    def nothing():
        return {}

    async def later(payload):
        return payload

    wrong: dict[str, tuple[Any, str]] = {
        "a second argument": (
            lambda payload, occurred_at: payload | {"at": occurred_at},
            "sees nothing but the payload",
        ),
        "no argument": (nothing, "cannot be called with one payload"),
        "a generator": (lambda payload: (yield payload), "gives several events. An event stays one"),
        "async": (later, "to be awaited"),
    }
    for function, says in wrong.values():
        with pytest.raises(InvalidSetting, match=says):
            Upcaster("Weighed", 2, function)
    assert Upcaster("Weighed", 2, dict).targets == (("Weighed", 3),)


def test_a_log_is_not_opened_with_such_a_registry(tmp_path):
    registry = EventRegistry([Weighed])
    registry.upcast(Upcaster("Weighed", 1, same))
    with pytest.raises(RegistrationClash):
        open_log(tmp_path, create=True, registry=registry)


RUBBISH = {
    "raises": (lambda payload: payload["kilos"], "raised KeyError: 'kilos'"),
    "none": (lambda _: None, "it gave None; return the payload, or declare may_retire"),
    "several": (lambda payload: [payload, payload], "it gave several events. An event stays one"),
    "a number": (lambda _: 7, "it gave int, not a payload"),
    "another type": (lambda payload: Renamed("Noted", payload), "'Noted', which it does not declare in `into`"),
    "a field of another type": (lambda _: {"grams": "heavy"}, "no Weighed v3"),
    "a field too few": (lambda _: {}, "missing required field `grams`"),
    "no JSON": (lambda _: {"grams": object()}, "cannot be written as JSON"),
    "more than a column holds": (lambda _: {"grams": 2**70}, "no Weighed v3"),
}


@pytest.mark.long_but_first
@pytest.mark.parametrize("case", RUBBISH)
def test_rubbish_is_named_with_position_and_payload(tmp_path, case):
    function, reason = RUBBISH[case]
    registry = EventRegistry([Weighed, Noted], [Upcaster("Weighed", 2, function)])
    older = EventRegistry([Noted])
    with open_log(tmp_path, create=True, registry=older) as log:
        log.append("A", [Noted("x"), RawEvent("Weighed", '{"g":5}', 2)], expected=NO_STREAM)
    with open_log(tmp_path, registry=registry) as log:
        with pytest.raises(UpcastFailed) as error:
            log.load("A")[1].data  # noqa: B018 - it raises
        assert (error.value.position, error.value.stream_id, error.value.payload) == (2, "A", '{"g":5}')
        assert reason in str(error.value)
        assert pickle.loads(pickle.dumps(error.value)).args == error.value.args
        assert log.load("A")[0].data == Noted("x"), "the other events can be read"
        with connect(log) as session, pytest.raises(UpcastFailed, match="position 2"):
            session.sql("SELECT * FROM events")
        with pytest.raises(UpcastFailed):
            log.append("B", [RawEvent("Weighed", '{"g":5}', 2)], expected=NO_STREAM)
        assert log.head().position == 2


def test_one_field_with_two_types_is_found_at_the_first_append(tmp_path):
    for url in (tmp_path / "log", tmp_path / "log.duckdb"):
        with open_log(url, create=True, registry=parcels.first()) as log:
            log.append("P", [parcels.Booked1(7, 1999)], expected=NO_STREAM)
        registry = EventRegistry()
        registry.register(parcels.Booked2, name="Booked", schema_version=2)
        with open_log(url, registry=registry) as log:
            with pytest.raises(RegistrationClash, match="price"):
                log.append("Q", [parcels.Booked2(7, Decimal(1))], expected=NO_STREAM)
            assert log.head().position == 1


def test_a_newer_version_than_the_program_knows(tmp_path):
    url = str(tmp_path / "log")
    parcels.write(url)
    with open_log(url, registry=parcels.second()) as log:
        assert log.load("P-1")[0].data == parcels.Booked2(7, Decimal("19.9900"))
        with pytest.raises(InvalidEvent, match="position 9 holds schema version 3, the registry knows 2"):
            log.load("P-4")[0].data  # noqa: B018 - it raises


@pytest.mark.parametrize("compacted", [False, True])
def test_what_is_newer_says_which_package_in_which_version_wrote_it(tmp_path, compacted):
    newer = EventRegistry([OrderCancelled])
    newer.register(OrderPlaced, schema_version=9)
    with open_log(tmp_path / "log", create=True, registry=newer) as log:
        log.append("A", [OrderPlaced()], expected=NO_STREAM)
        log.append("B", [OrderPlaced(), OrderCancelled(), RawEvent("Nobodys", "{}")], expected=NO_STREAM)
        assert isinstance(log, ParquetLog)
        if compacted:
            log.compact()
            log.vacuum(grace=timedelta(0))
        footers = [pq.read_metadata(file.path).metadata[b"orders_es"] for file in log.files()]
    wanted = f"orders_es {version('orders_es')}"
    told = {tuple(one) for footer in footers for one in json.loads(footer)["types"]}
    assert {(name, v, bool(digits), package) for name, v, digits, package in told} == {
        ("OrderPlaced", 9, True, wanted),
        ("OrderCancelled", 1, True, wanted),
        ("Nobodys", 1, False, wanted),
    }
    with open_log(tmp_path / "log") as log:
        # DuckDB reads files side by side: it is one of the two that SQL meets first.
        said = f"position [12] holds schema version 9, the registry knows 1 .*{wanted} wrote it; upgrade"
        with connect(log) as session, pytest.raises(InvalidEvent, match=said):
            session.sql("FROM orders")
        with pytest.raises(InvalidEvent, match=said):
            load_order(log, "A")
    with open_log(tmp_path / "log", registry=EventRegistry([OrderPlaced])) as log:
        cancelled, nobodys = log.load("B")[1:]
        with pytest.raises(UnknownEventType, match=f"{wanted} wrote it, so install that"):
            cancelled.data  # noqa: B018 - it raises
        with pytest.raises(UnknownEventType, match="its meaning is unknown; register"):
            nobodys.data  # noqa: B018 - it raises


def test_two_packages_that_claim_one_old_version():
    from orders_es.decider import Decider
    from orders_es.domains import registry_of

    def domain(name, types, step):
        return Decider(
            name=name,
            event_types=types,
            decide=lambda _command, _state: [],
            evolve=lambda state, _event: state,
            initial=lambda _stream_id: 0,
            upcasters=(step,),
        )

    one = domain("one", (Weighed,), Upcaster("Weighed", 2, same))
    other = domain("other", (Noted,), Upcaster("Weighed", 2, lambda _: {}))
    with pytest.raises(BadDomain, match="two upcasters read it"):
        registry_of([one, other])
    assert registry_of([one]).upcasts("Weighed", 2)


def test_a_projection_made_before_an_upcaster_says_that_it_needs_a_rebuild(tmp_path):
    url, file = str(tmp_path / "log"), tmp_path / "models.duckdb"
    parcels.write(url)
    shipped = Handlers("shipped", 1, {"Shipped": lambda _event, _tables: None})
    booked = Handlers("booked", 1, {"Booked": lambda _event, _tables: None})
    with open_log(url, registry=parcels.second()) as log:
        Projector(log, file, [shipped]).run()
        Projector(log, file, [booked]).run()
    with open_log(url, registry=parcels.today()) as log:
        Projector(log, file, [shipped]).run()  # of which no upcaster is new
        with pytest.raises(ProjectionChanged, match=r"reads older events otherwise .* project rebuild booked"):
            Projector(log, file, [booked]).run()
