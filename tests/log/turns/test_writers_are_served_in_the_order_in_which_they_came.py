"""Turns are politeness; these are its rules. None of them waits for time to pass, but for locks."""

import multiprocessing
import os
import signal
import threading

import pytest

from orders_es.log import ANY, NewEvent, open_log
from orders_es.log.parquet import ParquetLog, ticket_queue, turns
from orders_es.log.parquet.ticket_queue import Tickets
from orders_es.log.parquet.turns import Turns
from orders_es.orders import OrderPlaced

processes = multiprocessing.get_context("fork")


@pytest.fixture
def path(tmp_path):
    made = tmp_path / "log.json"
    made.write_text("{}")
    return str(made)


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(turns, "_PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(turns, "_LOOK_SECONDS", 0.001)


def nothing():
    pass


def queued(path, called, name):
    """Somebody who is in the queue by now."""
    waiting = Tickets(path)
    waiting.wait(lambda: called.put(name))
    while not waiting.number:
        os.sched_yield()
    return waiting


def hold(path, held, end):
    with Turns(path).take(nothing) as mine:
        held.put(mine)
        end.wait()


def stand_in_the_queue(path, drawn):
    queued(path, processes.SimpleQueue(), "killed")
    drawn.put(1)
    signal.pause()


@pytest.fixture
def holder(path):
    """Another process, whose turn it is."""
    held, end = processes.SimpleQueue(), processes.Event()
    process = processes.Process(target=hold, args=(path, held, end))
    process.start()
    assert held.get()
    yield process
    process.kill()
    process.join()


def test_whoever_came_first_is_served_first(path):
    called = processes.SimpleQueue()
    holder = Tickets(path)
    assert holder.at_once()
    line = [queued(path, called, i) for i in range(5)]
    order = []
    for earlier in [holder, *line[:-1]]:
        assert called.empty()
        earlier.give_back()
        order.append(called.get())
    assert order == list(range(5))
    line[-1].give_back()
    assert holder.at_once()
    for one in (holder, *line):
        one.leave()


def test_who_has_just_had_a_turn_stands_behind_those_who_wait(path):
    called = processes.SimpleQueue()
    holder = Tickets(path)
    assert holder.at_once()
    waiting = queued(path, called, "first")
    holder.give_back()
    assert not holder.at_once()
    assert called.get() == "first"
    waiting.leave()
    holder.leave()


def test_one_killed_in_the_queue_keeps_nobody_waiting(path):
    called, drawn = processes.SimpleQueue(), processes.SimpleQueue()
    holder = Tickets(path)
    assert holder.at_once()
    killed = processes.Process(target=stand_in_the_queue, args=(path, drawn))
    killed.start()
    drawn.get()
    behind = queued(path, called, "behind")
    killed.kill()
    killed.join()
    assert called.empty()
    holder.give_back()
    assert called.get() == "behind"
    behind.leave()
    holder.leave()


def test_one_killed_in_its_turn_ends_it(path, holder):
    called = processes.SimpleQueue()
    waiting = queued(path, called, "next")
    holder.kill()
    assert called.get() == "next"
    waiting.leave()


def test_one_that_leaves_the_queue_keeps_nobody_waiting(path):
    called = processes.SimpleQueue()
    holder = Tickets(path)
    assert holder.at_once()
    gone, behind = queued(path, called, "gone"), queued(path, called, "behind")
    gone.leave()
    holder.give_back()
    assert {called.get(), called.get()} == {"gone", "behind"}
    behind.leave()
    holder.leave()


@pytest.mark.usefixtures("impatient")
def test_one_that_stopped_in_its_turn_holds_the_others_up_once(path, holder):
    os.kill(holder.pid, signal.SIGSTOP)
    writer = Turns(path)
    with writer.take(nothing) as mine:
        assert not mine
    looks = []
    with writer.take(lambda: looks.append(1)) as mine:
        assert not mine
    assert not looks  # it did not wait at all
    holder.kill()
    holder.join()
    with writer.take(nothing) as mine:
        assert mine


def test_a_holder_shows_signs_of_life_as_long_as_its_turn_lasts(path, monkeypatch):
    monkeypatch.setattr(turns, "_PULSE_SECONDS", 0.0)
    holder, other = Turns(path), Tickets(path)
    with holder.take(nothing):
        quiet = other.in_front()
        assert other.in_front() == quiet
        holder.lasts()
        first = quiet
        for _ in range(3):
            while (sign := other.in_front()) == first:
                os.sched_yield()
            first = sign
    assert other.at_once()
    other.leave()


def test_a_wait_that_is_interrupted_leaves_the_queue(path, holder):
    writer = Turns(path)

    def interrupt():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), writer.take(interrupt):
        pass
    holder.kill()
    holder.join()
    with Turns(path).take(nothing) as mine:
        assert mine


def test_without_such_locks_the_systems_queue_stands_in(path, monkeypatch):
    for name in ("_SET", "_WAIT", "_ASK"):
        monkeypatch.setattr(ticket_queue, name, None)
    called = threading.Event()
    holder, waiting = Tickets(path), Tickets(path)
    assert holder.at_once()
    waiting.wait(called.set)
    assert waiting.in_front() == (0, 0)
    holder.give_back()
    called.wait()
    assert waiting.number
    waiting.leave()
    holder.leave()


def test_a_file_system_without_locks_is_asked_once(tmp_path, monkeypatch):
    with open_log(str(tmp_path / "log"), create=True) as log:
        monkeypatch.setattr(ticket_queue, "_SET", -1)
        monkeypatch.setattr(ticket_queue, "_WAIT", -1)
        for i in range(3):
            log.append(f"order-{i}", [NewEvent(data=OrderPlaced())], expected=ANY)
        assert log.head().position == 3
        assert isinstance(log, ParquetLog)
        assert not log._turns._tickets
