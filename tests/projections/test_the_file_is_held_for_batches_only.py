"""A read-model file is for its readers: a batch attaches it twice at most, and a follower with nothing to do not at all."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from orders_es.log import NO_STREAM, open_log
from orders_es.orders import OrderCreated
from orders_es.projections import Handlers, Projector, lag_history, set_projections
from orders_es.projections.file import holding

EVENT = OrderCreated(currency="GBP")


@pytest.fixture
def attached(monkeypatch):
    """Whether each ATTACH was for writing, in order."""
    seen, attach = [], holding._attach

    def counted(connection, path, *, write, **rest):
        seen.append(write)
        attach(connection, path, write=write, **rest)

    monkeypatch.setattr(holding, "_attach", counted)
    return seen


@pytest.fixture
def log(tmp_path):
    with open_log(tmp_path / "log", create=True) as log:
        log.append("A-1", [EVENT], expected=NO_STREAM)
        yield log


def in_tables():
    def write(event, tables):
        tables.execute("INSERT INTO seen VALUES (?)", [event.stream_id])

    return Handlers("seen", 1, {"OrderCreated": write}, tables="CREATE TABLE seen (id TEXT)")


def elsewhere():
    return Handlers("told", 1, {"OrderCreated": lambda _event, _tables: None})


@pytest.mark.long_but_first
@pytest.mark.parametrize("made", [lambda: set_projections(["orders"])[0], in_tables, elsewhere])
def test_a_run_of_one_batch_attaches_the_file_twice_at_most_and_once_to_write(tmp_path, log, attached, made):
    models = tmp_path / "shop.duckdb"
    Projector(log, models, [made()]).run()
    for number in range(2, 5):
        log.append(f"A-{number}", [EVENT], expected=NO_STREAM)
        attached.clear()
        [ran] = Projector(log, models, [made()]).run()
        assert (ran.position, ran.batches) == (number, 1)
        assert attached == [False, True]


class Polls(threading.Event):
    """A stop that is waited for without waiting: a minute of polls goes by at once."""

    def __init__(self, clock, polls, then):
        super().__init__()
        self.clock, self.polls, self.then = clock, polls, then

    def wait(self, _timeout=None):
        self.clock.now += timedelta(seconds=1)
        self.polls -= 1
        self.then(self.polls)
        if self.polls == 0:
            self.set()
        return self.is_set()


class Clock:
    now = datetime.now(UTC)

    def __call__(self):
        return self.now


def test_a_follower_with_nothing_to_do_does_not_hold_the_file(tmp_path, log, attached):
    models, idle, clock = tmp_path / "shop.duckdb", [], Clock()

    def then(left):
        if left == 200:  # it has caught up long ago
            attached.clear()
        if left == 1:
            idle.extend(attached)

    projector = Projector(log, models, set_projections(["orders"]), clock=clock)
    [ran] = projector.follow(Polls(clock, 210, then))
    assert ran.position == 1
    assert idle == []
    samples = lag_history(models)
    assert list(samples.state.unique()) == ["caught_up"]
    assert 3 <= len(samples) <= 6, "what it took in memory meanwhile, one a minute, is written when it ends"


@pytest.mark.long
def test_samples_do_not_wait_for_a_batch_for_ever(tmp_path, log, attached):
    models, clock = tmp_path / "shop.duckdb", Clock()
    projector = Projector(log, models, set_projections(["orders"]), clock=clock)
    projector.follow(Polls(clock, 1000, lambda left: attached.clear() if left == 995 else None))
    assert 2 <= attached.count(True) <= 4, "once in five minutes, and at the end"


@pytest.mark.long
def test_each_batch_of_a_follower_takes_one_write_hold(tmp_path, log, attached):
    models, clock = tmp_path / "shop.duckdb", Clock()

    def then(left):
        if left == 60:
            attached.clear()
        if left in (50, 40, 30):
            log.append(f"A-{left}", [EVENT], expected=NO_STREAM)

    projector = Projector(log, models, set_projections(["orders"]), clock=clock)
    [ran] = projector.follow(Polls(clock, 70, then))
    assert ran.position == 4
    assert attached.count(True) <= 4, "three batches, and one hold at the end"
    assert lag_history(models).events_behind.iloc[-1] == 0
