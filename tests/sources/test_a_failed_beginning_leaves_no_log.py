"""Whoever fails, or is interrupted, before the first event finds the place as it was."""

from datetime import UTC, datetime

import pytest

from orders_es.errors import BadSource, InvalidSetting, NotALog
from orders_es.log import NO_STREAM, open_log
from orders_es.log.undo_creation import removed_if_empty
from orders_es.orders import OrderCreated
from orders_es.sources.jsonl import import_jsonl
from orders_es.sources.online_retail import import_online_retail
from orders_es.sources.simulator import simulate_into
from orders_es.sources.target import target_of

PLACES = ["log", "log.duckdb"]


def _append_and_fail(place, error, *events):
    with target_of(place) as target:
        log = target.log()
        if events:
            log.append("A-1", list(events), expected=NO_STREAM)
        raise error


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("run", [import_online_retail, import_jsonl])
def test_an_import_that_stops(tmp_path, place, run):
    source = tmp_path / "bad.csv"
    source.write_text("nothing,of,use\n1,2,3\n")
    with pytest.raises(BadSource):
        run(tmp_path / place, source)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.csv"]


def test_a_simulation_that_stops(tmp_path):
    with pytest.raises(InvalidSetting):
        simulate_into(tmp_path / "log", orders=5, seed=1, start=datetime(2999, 1, 1, tzinfo=UTC), days=5)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_an_interruption_after_the_log_was_made(tmp_path, place, error):
    with pytest.raises(error):
        _append_and_fail(tmp_path / place, error)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("place", PLACES)
def test_what_was_appended_stays(tmp_path, place):
    with pytest.raises(KeyboardInterrupt):
        _append_and_fail(tmp_path / place, KeyboardInterrupt, OrderCreated(currency="EUR"))
    with open_log(tmp_path / place) as log:
        assert log.head().position == 1


def test_an_empty_log_that_was_there_stays(tmp_path):
    open_log(tmp_path / "log", create=True).close()
    with target_of(tmp_path / "log"), removed_if_empty(tmp_path / "log"):
        pass
    assert open_log(tmp_path / "log").head().position == 0


def test_a_place_that_holds_something_else_is_refused_before_anything_is_read(tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "todo.txt").write_text("x")
    with pytest.raises(NotALog):
        import_online_retail(tmp_path / "notes", tmp_path / "missing.csv")
    assert [path.name for path in (tmp_path / "notes").iterdir()] == ["todo.txt"]
