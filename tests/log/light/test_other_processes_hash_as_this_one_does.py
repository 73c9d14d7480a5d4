"""Leaf hashes from other processes: the same, whatever becomes of those; and none for tables that are not large."""

import os
import signal
import subprocess
import sys
import time

import pyarrow as pa
import pytest

from orders_es.audit import verify
from orders_es.log import hashing, open_log
from orders_es.log.hashing import range_beside, range_of
from orders_es.log.leaf import leaf_hashes
from orders_es.log.merkle import CompactRange
from orders_es.orders import OrderPlaced


def wait_until_ready():
    deadline = time.monotonic() + 600
    while True:
        hashing._pool.start()
        if all(each.ready() for each in hashing._pool._hashers):
            return
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def others(monkeypatch):
    """Two other processes that are ready, and tables of a hundred events that are large."""
    hashing._pool.end()
    monkeypatch.setenv(hashing.SWITCH, "2")
    monkeypatch.setattr(hashing, "LARGE", 100)
    monkeypatch.setattr(hashing, "_STEP", 64)
    hashing.warm_up(100)
    wait_until_ready()
    yield hashing._pool._hashers
    hashing._pool.end()


@pytest.fixture(scope="module")
def events():
    with open_log(":memory:") as log:
        for i in range(8):
            log.append(f"A-{i}", [OrderPlaced()] * 150, expected=0)
        return pa.Table.from_batches(log.read()).combine_chunks()


@pytest.fixture(scope="module")
def right(events):
    return CompactRange.of_leaves(6, leaf_hashes(events))


@pytest.mark.long
def test_a_large_table_has_the_same_range(others, events, right):
    assert len(others) == 2
    for _ in range(3):
        assert range_of(events, 7) == right


@pytest.mark.long
def test_one_that_was_killed_or_says_nothing_costs_nothing_but_time(others, events, right, monkeypatch):
    os.kill(others[0]._process.pid, signal.SIGKILL)
    assert range_of(events, 7) == right
    monkeypatch.setattr(hashing, "_PATIENCE_SECONDS", 0.1)
    wait_until_ready()
    for each in others:
        os.kill(each._process.pid, signal.SIGSTOP)
    assert range_of(events, 7) == right
    assert range_of(events, 7) == right


@pytest.mark.long
@pytest.mark.usefixtures("others")
def test_what_nobody_asked_for_is_never_taken_for_something_else(events, right):
    (batch,) = events.to_batches()
    begun = [range_beside(batch, 1), range_beside(batch, 1)]
    assert None not in begun
    assert range_beside(batch, 7) is None  # none has time
    del begun
    assert range_of(events, 7) == right


@pytest.mark.long
@pytest.mark.usefixtures("others")
def test_after_a_fork_both_hash_alike(events, right):
    child = os.fork()
    if not child:
        os._exit(0 if range_of(events, 7) == right else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert range_of(events, 7) == right


def test_small_tables_start_nothing_and_neither_does_anything_where_it_is_turned_off(events, right, monkeypatch):
    hashing._pool.end()
    monkeypatch.setenv(hashing.SWITCH, "2")
    assert range_of(events, 7) == right
    assert not hashing._pool._hashers
    monkeypatch.setenv(hashing.SWITCH, "0")
    monkeypatch.setattr(hashing, "LARGE", 1)
    assert range_of(events, 7) == right
    assert not hashing._pool._hashers


@pytest.mark.long
@pytest.mark.usefixtures("others")
def test_a_log_is_verified_by_them(tmp_path, monkeypatch):
    monkeypatch.setattr("orders_es.audit.recomputing._WORTH_IT", 1)
    with open_log(tmp_path / "log", create=True) as log:
        log.append_table(
            pa.table(
                {
                    "stream_id": [f"A-{i}" for i in range(900)],
                    "type": ["OrderPlaced"] * 900,
                    "occurred_at": pa.array([0] * 900, pa.timestamp("us", "UTC")),
                }
            )
        )
        assert verify(log).ok


def test_a_program_without_a_main_guard_is_run_once_and_ends(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        "from orders_es.log import hashing\nprint('once')\nhashing.warm_up(hashing.LARGE)\n"
        "import time\nwhile not hashing._pool._hashers[0].ready(): time.sleep(0.01)\n"
        "print(hashing._pool._hashers[0]._process.pid)\n"
    )
    settings = {**os.environ, hashing.SWITCH: "1"}
    ran = subprocess.run(
        [sys.executable, str(program)], env=settings, capture_output=True, text=True, timeout=120, check=True
    )
    once, pid = ran.stdout.split()
    assert (once, ran.stderr) == ("once", "")
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid), 0)
