import os
import threading
from dataclasses import dataclass

import pytest

from orders_es.errors import DamagedLog
from orders_es.log import ANY, open_log, order_registry
from orders_es.log.duckdb import opening
from orders_es.orders import OrderPlaced
from orders_es.testing.log_contract.basis import assert_sound, events


@dataclass(frozen=True, slots=True)
class Weighed:
    grams: int


@pytest.mark.long
def test_threads_with_a_handle_each_make_one_line_of_commits(tmp_path):
    path = tmp_path / "log.duckdb"
    open_log(path, create=True).close()

    def work(name):
        with open_log(path) as log:
            for _ in range(15):
                log.append("shared", events(1), expected=ANY)
                log.append(name, events(2), expected=ANY)

    threads = [threading.Thread(target=work, args=(f"own-{i}",)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with open_log(path) as log:
        assert log.stream_version("shared") == 60
        assert_sound(log)


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_a_file_under_two_names_is_one_log(tmp_path, link):
    one = open_log(tmp_path / "log.duckdb", create=True)
    link(tmp_path / "log.duckdb", tmp_path / "other.duckdb")
    other = open_log(tmp_path / "other.duckdb")
    one.append("A", events(1), expected=0)
    other.append("A", events(1), expected=1)
    assert one.head() == other.head()
    assert_sound(one)


def test_a_handle_may_be_closed_while_another_reads(tmp_path):
    log = open_log(tmp_path / "log.duckdb", create=True)
    log.append("A", events(40), expected=0)
    other = open_log(log.url)
    reading = other.read(batch_size=1)
    next(reading)
    log.close()
    assert sum(batch.num_rows for batch in reading) == 39


def test_a_file_that_was_replaced_while_it_was_open_is_not_mixed_up_with_the_new_one(tmp_path):
    log = open_log(tmp_path / "log.duckdb", create=True)
    log.append("A", events(1), expected=0)
    (tmp_path / "log.duckdb").unlink()
    with pytest.raises(DamagedLog, match="removed or replaced"):
        open_log(tmp_path / "log.duckdb", create=True)
    log.close()
    (tmp_path / "log.duckdb.wal").unlink(missing_ok=True)
    with open_log(tmp_path / "log.duckdb", create=True) as new:
        assert new.head().position == 0


def test_nothing_is_held_once_every_handle_is_closed(tmp_path):
    before = len(opening._stores)
    handles = [open_log(tmp_path / "log.duckdb", create=True) for _ in range(3)]
    assert len(opening._stores) == before + 1
    for handle in handles:
        handle.close()
        handle.close()
    assert len(opening._stores) == before


def test_columns_come_as_the_registry_learns_and_are_null_before(tmp_path):
    old = open_log(tmp_path / "log.duckdb", create=True)
    old.append("A", [OrderPlaced()], expected=0)
    registry = order_registry()
    registry.register(Weighed)
    new = open_log(old.url, registry=registry)
    assert [row["grams"] for batch in new.read() for row in batch.to_pylist()] == [None]
    new.append("A", [Weighed(5)], expected=1)
    old.append("A", [OrderPlaced()], expected=2)
    assert [row["grams"] for batch in new.read() for row in batch.to_pylist()] == [None, 5, None]
    assert "grams" not in next(old.read()).schema.names
    assert_sound(new)
    assert old.head() == new.head()
