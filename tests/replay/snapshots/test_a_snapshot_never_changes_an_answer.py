"""With snapshots and without them, an order is the same at every moment; and only snapshots that fit are used."""

import dataclasses
import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orders_es.errors import CommandRejected, InvalidSetting, OrderNotFound
from orders_es.log import ANY, EventRegistry, NewEvent, open_log
from orders_es.log.parquet import ParquetLog
from orders_es.orders import (
    EVENT_TYPES,
    ORDERS,
    AddItem,
    AsOf,
    CreateOrder,
    DiscountApplied,
    ItemAdded,
    OrderCreated,
    PaymentReceived,
)
from orders_es.replay import Snapshots, load_order, snapshot_file, snapshots
from orders_es.service import handle

START = datetime(2011, 6, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True, scope="module")
def small_steps():
    """The earliest times of a few events each: there are many such steps in short histories."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(snapshot_file, "STEP", 3)
        patched.setattr(snapshots, "STEP", 3)
        yield


def event(kind, number):
    return {
        0: OrderCreated(
            currency=f"A{chr(65 + number // 26)}{chr(65 + number % 26)}", customer_id=f"c-{number}", country="UK"
        ),
        1: ItemAdded(item_id=f"i-{number % 3}", quantity=number, price=Decimal(number) / 4, description=f"d-{number}"),
        2: PaymentReceived(amount=Decimal(number)),
        3: DiscountApplied(amount=Decimal("0.01") * number),
    }[kind]


HISTORIES = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 20), st.none() | st.integers(-1, 41)), min_size=1, max_size=40
)
"""The kind of each event, the hour at which it occurred, and the one at which it was entered if its source says so."""


def record(folder, history):
    clock = [START]
    log = open_log(folder, create=True, clock=lambda: clock[0])
    for number, (kind, hour, entered) in enumerate(history):
        clock[0] = START + number * HOUR
        at = None if entered is None else START + entered * HOUR
        new = NewEvent(data=event(kind, number), occurred_at=START + hour * HOUR, entered_at=at)
        log.append("A", [new], expected=ANY)
    return log


def outcome(log, **asked):
    try:
        return load_order(log, "A", **asked).as_dict()
    except OrderNotFound as error:
        return str(error).replace(log.url, "log")


@given(
    history=HISTORIES,
    every=st.integers(2, 6),
    at=st.none() | st.integers(-1, 21),
    known_at=st.none() | st.integers(-1, 41),
    version=st.none() | st.integers(0, 41),
    position=st.none() | st.integers(0, 41),
    recorded_by=st.none() | st.integers(-1, 41),
)
@settings(max_examples=settings.default.max_examples // 2)
def test_every_moment_is_the_same_with_snapshots_and_without(
    history, every, at, known_at, version, position, recorded_by
):
    asked = {
        "at": None if at is None else START + at * HOUR,
        "known_at": None if known_at is None else START + known_at * HOUR,
        "recorded_by": None if recorded_by is None else START + recorded_by * HOUR,
        "version": version,
        "position": position,
    }
    with tempfile.TemporaryDirectory() as folder, record(folder + "/log", history) as log:
        plain = outcome(log, **asked)
        Snapshots(log, every=every).take("A")
        assert outcome(log, **asked) == plain


@given(history=HISTORIES, tail=HISTORIES, every=st.integers(2, 6))
@settings(max_examples=settings.default.max_examples // 2)
def test_events_after_the_last_snapshot_count(history, tail, every):
    with tempfile.TemporaryDirectory() as folder, record(folder + "/log", history) as log:
        Snapshots(log, every=every).take("A")
        for number, (kind, hour, _) in enumerate(tail):
            log.append("A", [NewEvent(data=event(kind, number), occurred_at=START + hour * HOUR)], expected=ANY)
        with_them = load_order(log, "A")
        Snapshots(log).drop()
        assert with_them == load_order(log, "A")


@pytest.fixture(params=["folder", "duckdb"])
def log(request, tmp_path):
    place = tmp_path / ("log" if request.param == "folder" else "log.duckdb")
    with open_log(place, create=True) as opened:
        opened.append("A", [event(n % 4, n) for n in range(40)], expected=ANY)
        yield opened


def used(log):
    """The version of the snapshot that a load begins with; None if it reads the whole stream."""
    found = Snapshots(log).best("A", load_order(log, "A").as_of)
    return None if found is None else found.version


def test_they_are_taken_every_n_events_and_once(log):
    snapshots = Snapshots(log, every=9)
    assert used(log) is None
    assert (snapshots.take("A"), snapshots.take("A")) == (4, 0)
    assert [file.version for file in snapshots.files()] == [9, 18, 27, 36]
    assert used(log) == 36


def test_an_order_below_the_step_has_none(log):
    assert Snapshots(log, every=41).take("A") == 0


@pytest.mark.long
def test_a_very_long_order_keeps_at_most_sixteen_and_the_newest(log):
    Snapshots(log, every=2).take("A")
    assert [file.version for file in Snapshots(log).files()] == [4, 8, 12, 16, 20, 24, 28, 32, 36, 40]
    for _ in range(30):
        log.append("A", [event(1, n) for n in range(40)], expected=ANY)
        Snapshots(log, every=2).take("A")
        kept = [file.version for file in Snapshots(log).files()]
        assert len(kept) <= 16
        assert kept[-1] == log.stream_version("A")


@pytest.mark.parametrize(("late", "read"), [((), 12), ((90, 120), 18)])
def test_at_a_past_moment_events_are_not_read_that_are_too_late(tmp_path, monkeypatch, late, read):
    """Snapshots are at 50, 100 and 150; of the events behind the one at 50 those count that occurred within some hours."""
    with open_log(tmp_path / "log", create=True) as log:
        data = [NewEvent(data=event(1, n), occurred_at=START + (50 if n in late else n) * HOUR) for n in range(153)]
        log.append("A", data, expected=ANY)
        moments = [{"at": START + hour * HOUR} for hour in (-1, 1, 30, 55, 155)]
        plain = [outcome(log, **moment) for moment in moments]
        Snapshots(log, every=50).take("A")
        assert [outcome(log, **moment) for moment in moments] == plain
        loaded = []
        whole = type(log).load

        def noted(*given, **asked):
            found = whole(*given, **asked)
            loaded.extend(found)
            return found

        monkeypatch.setattr(type(log), "load", noted)
        load_order(log, "A", at=START + 55 * HOUR)
        assert len(loaded) == read


@pytest.mark.long_but_first
@pytest.mark.parametrize("at", range(0, 2000, 97))
def test_a_flipped_byte_makes_a_snapshot_useless_and_nothing_wrong(log, at):
    expected = load_order(log, "A")
    Snapshots(log, every=20).take("A")
    for file in Snapshots(log).files():
        data = bytearray(file.path.read_bytes())
        data[at % len(data)] ^= 0x10
        file.path.write_bytes(data)
    assert used(log) is None
    assert load_order(log, "A") == expected


def test_a_snapshot_of_another_fold_is_not_used(log):
    Snapshots(log, every=20).take("A")
    place = log.derived / "snapshots"
    [fold] = place.iterdir()
    fold.rename(place / "0123456789abcdef")
    assert used(log) is None


def test_rules_of_another_version_have_snapshots_of_their_own(log):
    Snapshots(log, every=20).take("A")
    changed = dataclasses.replace(ORDERS, version=ORDERS.version + 1)
    assert Snapshots(log, decider=changed).best("A", AsOf()) is None
    assert all(map(Snapshots(log, decider=changed).stale, Snapshots(log).files()))


def test_event_types_of_another_shape_have_snapshots_of_their_own(log):
    registry = EventRegistry()
    for cls in EVENT_TYPES:
        registry.register(cls, schema_version=2)
    assert snapshot_file.made_by(ORDERS, registry) != snapshot_file.made_by(ORDERS, log.registry)


def test_a_snapshot_ahead_of_the_log_or_of_another_past_is_not_used(tmp_path):
    with open_log(tmp_path / "log", create=True) as log:
        assert isinstance(log, ParquetLog)
        log.append("A", [event(1, n) for n in range(10)], expected=ANY)
        shutil.copytree(tmp_path / "log", tmp_path / "fork")
        log.append("A", [event(1, n) for n in range(10)], expected=ANY)
        Snapshots(log, every=20).take("A")
        shutil.copytree(log.derived, tmp_path / "fork" / "derived")
    with open_log(tmp_path / "fork") as fork:
        assert used(fork) is None  # version 20 is not there yet
        fork.append("A", [event(2, n) for n in range(10)], expected=ANY)
        assert used(fork) is None  # and now it is another event
        assert load_order(fork, "A").paid == 45


def test_a_snapshot_of_another_order_is_not_used(log):
    log.append("B", [event(2, n) for n in range(40)], expected=ANY)
    Snapshots(log, every=40).take("A")
    Snapshots(log, every=40).take("B")
    first, second = (file.path for file in Snapshots(log).files())
    shutil.copy(first, second)
    assert load_order(log, "B").paid == 780
    assert used(log) in (40, None)


def test_a_log_in_memory_has_no_snapshots_and_works():
    with open_log(":memory:") as log:
        log.append("A", [event(1, n) for n in range(10)], expected=ANY)
        assert Snapshots(log, every=2).take("A") == 0
        assert list(Snapshots(log).files()) == []
        assert load_order(log, "A").version == 10


def test_dropping_removes_all_of_them(log):
    Snapshots(log, every=10).take("A")
    assert Snapshots(log).drop() == 4
    assert not (log.derived / "snapshots").exists()
    assert load_order(log, "A").version == 40


def test_the_step_has_to_be_sensible(log):
    with pytest.raises(InvalidSetting, match="2 or more"):
        Snapshots(log, every=1)


class TestTheCommandService:
    def test_takes_one_when_an_order_passes_a_step(self, log):
        handle(log, "O", CreateOrder(currency="GBP"), snapshot_every=5)
        for n in range(11):
            handle(log, "O", AddItem(item_id=f"i-{n}", quantity=1, price=Decimal(1)), snapshot_every=5)
        assert [file.version for file in Snapshots(log).files()] == [5, 10]
        assert load_order(log, "O").gross == 11

    def test_decides_the_same_and_repeats_are_harmless(self, log):
        results = {}
        for every in (None, 3):
            order = f"O-{every}"
            handle(log, order, CreateOrder(currency="GBP"), command_id="create", snapshot_every=every)
            for n in range(10):
                add = AddItem(item_id="i", quantity=1, price=Decimal(2))
                for _ in range(2):
                    handle(log, order, add, command_id=f"add {n}", snapshot_every=every)
            again = handle(log, order, CreateOrder(currency="GBP"), command_id="create", snapshot_every=every)
            assert again.duplicate
            with pytest.raises(CommandRejected):
                handle(log, order, CreateOrder(currency="GBP"), snapshot_every=every)
            results[every] = (load_order(log, order).total, log.stream_version(order), again.state.version)
        assert results[None] == results[3] == (Decimal(20), 11, 1)

    def test_is_not_stopped_by_a_place_that_cannot_be_written(self, tmp_path):
        with open_log(tmp_path / "log", create=True) as log:
            (tmp_path / "log" / "derived").write_text("in the way")
            handle(log, "O", CreateOrder(currency="GBP"), snapshot_every=2)
            handle(log, "O", AddItem(item_id="i", quantity=1, price=Decimal(1)), snapshot_every=2)
            assert load_order(log, "O").version == 2
