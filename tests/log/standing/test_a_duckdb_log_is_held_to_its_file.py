"""The file of a DuckDB log, removed or exchanged under an open handle: nothing is acknowledged into it, nothing answered."""

import shutil

import pytest

from orders_es.errors import LogChanged
from orders_es.log import ANY, open_log
from orders_es.log.duckdb import DuckDBLog
from orders_es.orders import OrderPlaced


def removed(path):
    path.unlink()


def moved_away(path):
    path.rename(path.with_name("away.duckdb"))


def replaced(path):
    shutil.copy(path, path.with_name("copy.duckdb"))
    path.with_name("copy.duckdb").replace(path)


def without_its_write_ahead_log(path):
    path.with_name(path.name + ".wal").unlink()


def with_another_write_ahead_log(path):
    wal = path.with_name(path.name + ".wal")
    shutil.copy(wal, path.with_name("copy.wal"))
    path.with_name("copy.wal").replace(wal)


@pytest.mark.parametrize("change", [removed, moved_away, replaced])
def test_the_file_is_gone_or_another_one(tmp_path, change):
    path = tmp_path / "log.duckdb"
    log = open_log(path, create=True)
    assert isinstance(log, DuckDBLog)
    log.append("A-1", [OrderPlaced()], expected=ANY)
    change(path)
    for ask in (
        lambda: log.append("A-1", [OrderPlaced()], expected=ANY),
        lambda: log.load("A-1"),
        log.head,
        lambda: list(log.read()),
        log.compact,
    ):
        with pytest.raises(LogChanged, match="Open it again"):
            ask()


@pytest.mark.parametrize("change", [without_its_write_ahead_log, with_another_write_ahead_log])
def test_what_was_committed_last_is_gone(tmp_path, change):
    path = tmp_path / "log.duckdb"
    log = open_log(path, create=True)
    log.append("A-1", [OrderPlaced()], expected=ANY)
    change(path)
    with pytest.raises(LogChanged, match="write-ahead log"):
        log.append("A-1", [OrderPlaced()], expected=ANY)


def test_a_checkpoint_is_no_change(tmp_path):
    path = tmp_path / "log.duckdb"
    log = open_log(path, create=True)
    assert isinstance(log, DuckDBLog)
    for number in range(3):
        assert log.append("A-1", [OrderPlaced()], expected=ANY).first_position == number + 1
        log.compact()
    assert log.append("A-1", [OrderPlaced()], expected=ANY).first_position == 4
    assert log.append("A-1", [OrderPlaced()], expected=ANY).first_position == 5
