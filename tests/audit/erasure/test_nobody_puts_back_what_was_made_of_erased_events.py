import os
import signal
import threading
from pathlib import Path

import pytest
from erasable import SECRETS, fill, places_of, registry

from orders_es import audit
from orders_es.errors import ErasureUnfinished
from orders_es.log import ANY, open_log
from orders_es.log.derived_lock import making, nobody_making
from orders_es.log.duckdb import store
from orders_es.log.parquet import ParquetLog, by_stream_build, compaction, erasing
from orders_es.orders import OrderCreated, OrderPlaced
from orders_es.replay import Snapshots
from orders_es.replay.states import build
from orders_es.replay.states.files import States


@pytest.fixture
def log(tmp_path, monkeypatch):
    monkeypatch.setenv("ORDERS_ES_UPKEEP", "off")
    with open_log(tmp_path / "log", create=True, registry=registry()) as opened:
        assert isinstance(opened, ParquetLog)
        fill(opened)
        yield opened


def erasing_meanwhile(monkeypatch, module, name, url):
    """Have somebody else erase at the moment before a function is called for the first time; what came of it."""
    real, outcome = getattr(module, name), []

    def call(*args, **options):
        if not outcome:
            outcome.append("begun")
            with open_log(url, registry=registry()) as other:
                try:
                    audit.erase(other, customer=SECRETS[0], why="request")
                    outcome[:] = ["done"]
                except ErasureUnfinished as error:
                    outcome[:] = [str(error)]
        return real(*args, **options)

    monkeypatch.setattr(module, name, call)
    return outcome


def nothing_is_left(url):
    with open_log(url, registry=registry()) as again:
        audit.erase(again, customer=SECRETS[0], why="once more")
        assert audit.verify(again).ok
        assert again.load("A-1")[0].data.customer_id == "erased"
    assert places_of(url, SECRETS[0]) == set()


def test_a_snapshot_of_events_that_were_read_before_is_not_kept(log, monkeypatch):
    from orders_es.replay import snapshots

    outcome = erasing_meanwhile(monkeypatch, snapshots, "snapshot_bytes", log.url)
    Snapshots(log, every=50).take("A-1")
    assert outcome == ["done"]
    assert places_of(log.url, SECRETS[0]) == set()
    nothing_is_left(log.url)


def test_a_compaction_in_between_puts_no_segment_in_place(log, monkeypatch):
    outcome = erasing_meanwhile(monkeypatch, compaction, "publish", log.url)
    log.compact(target_events=200)
    assert outcome == ["done"]
    assert places_of(log.url, SECRETS[0]) == set()
    nothing_is_left(log.url)


def test_sorted_copies_are_waited_for(log, monkeypatch):
    monkeypatch.setattr(erasing, "_PATIENCE_SECONDS", 0.1)
    outcome = erasing_meanwhile(monkeypatch, by_stream_build, "publish", log.url)
    log.compact(target_events=200)
    assert "making copies, states or snapshots" in outcome[0]
    nothing_is_left(log.url)


@pytest.mark.long
def test_states_are_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(erasing, "_PATIENCE_SECONDS", 0.1)
    monkeypatch.setattr(build, "SPAN", 50)
    monkeypatch.setenv("ORDERS_ES_UPKEEP", "off")
    known = registry()
    with open_log(tmp_path / "log", create=True, registry=known) as log:
        for number in range(60):
            created = OrderCreated(currency="EUR", customer_id=SECRETS[0] if number < 3 else "C-other")
            log.append(f"A-{number}", [created, OrderPlaced()], expected=ANY)
        assert isinstance(log, ParquetLog)
        log.compact()
        outcome = erasing_meanwhile(monkeypatch, States, "put", log.url)
        build.make_states(log)
        assert "making copies, states or snapshots" in outcome[0]
        nothing_is_left(log.url)


def test_in_a_duckdb_file_as_well(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "_PATIENCE_SECONDS", 0.1)
    place = tmp_path / "log.duckdb"
    with open_log(place, create=True, registry=registry()) as log:
        fill(log)
        with making(f"{place}.derived"), pytest.raises(ErasureUnfinished, match="making copies or snapshots"):
            audit.erase(log, customer=SECRETS[0], why="request")
        assert log.load("A-1")[0].data.customer_id == "erased"
    nothing_is_left(place)
    assert places_of(tmp_path, SECRETS[0]) == set()


def test_whoever_dies_while_making_lets_go(tmp_path):
    began = Path(tmp_path, "began")
    pid = os.fork()
    if not pid:
        with making(tmp_path / "derived"):
            began.touch()
            signal.pause()
    while not began.exists():
        threading.Event().wait(0.01)
    with nobody_making(tmp_path / "derived", 0.05) as free:
        assert not free
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    with nobody_making(tmp_path / "derived", 5) as free:
        assert free
    with making(tmp_path / "derived"), making(tmp_path / "derived"):  # many at a time
        pass
