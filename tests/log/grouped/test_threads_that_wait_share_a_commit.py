"""Appends of threads that wait for one another go into one commit, and each is checked and answered as if it had been alone."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from orders_es.errors import StorageError, UnconfirmedWrite, VersionConflict
from orders_es.log import ANY, NO_STREAM, STREAM_EXISTS, NewEvent, StreamAppend, open_log
from orders_es.log.parquet.storage import publish
from orders_es.orders import OrderCreated, OrderPlaced

CREATED = OrderCreated(currency="GBP")


@pytest.fixture
def log(tmp_path, monkeypatch):
    monkeypatch.setenv("ORDERS_ES_UPKEEP", "off")
    with open_log(tmp_path / "log", create=True) as log:
        log.append("old", [CREATED], expected=NO_STREAM)
        yield log


class Gate:
    """Publishing that waits until it is let go; what it does then can be said."""

    def __init__(self, monkeypatch):
        self.reached, self.open = threading.Event(), threading.Event()
        self.then = lambda: None
        monkeypatch.setattr("orders_es.log.parquet.log.publish", self)

    def __call__(self, *arguments, **options):
        first = not self.reached.is_set()
        self.reached.set()
        assert self.open.wait(600)
        if not first:
            self.then()
        return publish(*arguments, **options)


def together(log, gate, appends):
    """The outcomes of some appends that came to wait while another one was being written: what `append` gave, or raised."""
    with ThreadPoolExecutor(len(appends) + 1) as pool:
        before = pool.submit(log.append, "first", [CREATED], expected=NO_STREAM)
        assert gate.reached.wait(600)
        waiting = []
        for number, append in enumerate(appends, 1):
            waiting.append(pool.submit(append, log))
            while len(log._group._waiting) < number:  # the order in which they wait is the order given
                os.sched_yield()
        gate.open.set()
        assert before.result(60).versions == {"first": 1}
        return [future.exception(60) or future.result() for future in waiting]


def appending(stream_id, events, expected):
    return lambda log: log.append(stream_id, events, expected=expected)


def test_those_that_wait_share_a_commit_and_each_has_its_own_answer(log, monkeypatch):
    two = [OrderCreated(currency="EUR"), OrderPlaced()]
    done = together(
        log,
        Gate(monkeypatch),
        [
            appending("a", two, NO_STREAM),
            appending("old", [OrderPlaced()], 1),
            lambda log: log.append_batch([StreamAppend("b", two, ANY), StreamAppend("c", [CREATED], NO_STREAM)]),
        ],
    )
    assert [(each.first_position, each.last_position, each.count) for each in done] == [(3, 4, 2), (5, 5, 1), (6, 8, 3)]
    assert [each.versions for each in done] == [{"a": 2}, {"old": 2}, {"b": 2, "c": 1}]
    assert len({each.commit_id for each in done}) == 1
    assert [file.count for file in log.files()] == [1, 1, 6]
    with open_log(log.url) as afresh:
        for each in done:
            read = [
                e for stream_id in each.versions for e in afresh.load(stream_id) if e.position >= each.first_position
            ]
            assert sorted(read, key=lambda e: e.position) == list(each.events)
            assert read == [e for s in each.versions for e in log.load(s) if e.position >= each.first_position]


def test_whoever_expects_wrongly_is_refused_and_nobody_else(log, monkeypatch):
    done = together(
        log,
        Gate(monkeypatch),
        [
            appending("a", [CREATED], NO_STREAM),
            appending("old", [OrderPlaced()], 7),
            appending("missing", [OrderPlaced()], STREAM_EXISTS),
            appending("b", [CREATED], NO_STREAM),
        ],
    )
    assert [type(each) for each in done[1:3]] == [VersionConflict, VersionConflict]
    assert (done[1].expected, done[1].actual) == (7, 1)
    assert [done[0].versions, done[3].versions] == [{"a": 1}, {"b": 1}]
    assert log.head().position == 4


def test_two_that_want_one_stream_come_one_after_the_other(log, monkeypatch):
    done = together(log, Gate(monkeypatch), [appending("a", [CREATED], NO_STREAM) for _ in range(2)])
    assert sorted(type(each).__name__ for each in done) == ["Appended", "VersionConflict"]
    assert [event.version for event in log.load("a")] == [1]


def test_a_retry_with_ids_of_its_own_is_known_as_one(log, monkeypatch):
    first = log.append("a", [CREATED], expected=NO_STREAM)
    again = [NewEvent(data=CREATED, event_id=first.events[0].event_id)]
    gate = Gate(monkeypatch)
    gate.open.set()
    assert log.append("a", again, expected=NO_STREAM).duplicate


def test_where_the_disk_refuses_all_of_them_hear_of_it_and_nothing_is_there(log, monkeypatch):
    gate = Gate(monkeypatch)

    def full():
        raise StorageError(log.url, "No space left on device")

    gate.then = full
    done = together(log, gate, [appending(name, [CREATED], NO_STREAM) for name in "abc"])
    assert [type(each) for each in done] == 3 * [StorageError]
    assert log.stream_ids() == ["first", "old"]


def test_what_is_not_confirmed_is_acknowledged_to_nobody(log, monkeypatch):
    gate = Gate(monkeypatch)

    def unconfirmed():
        raise UnconfirmedWrite(log.url, "Input/output error")

    gate.then = unconfirmed
    done = together(log, gate, [appending(name, [CREATED], NO_STREAM) for name in "abc"])
    assert [type(each) for each in done] == 3 * [UnconfirmedWrite]
    assert len({id(each) for each in done}) == 3


def test_what_is_more_than_a_small_commit_holds_waits_for_the_next(log, monkeypatch):
    done = together(log, Gate(monkeypatch), [appending(name, 30 * [CREATED], NO_STREAM) for name in "abc"])
    assert [each.count for each in done] == [30, 30, 30]
    assert [file.count for file in log.files()] == [1, 1, 60, 30]
