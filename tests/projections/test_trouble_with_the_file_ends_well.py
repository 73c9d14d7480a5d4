"""The read-model file deleted, damaged, held by somebody else, or something else altogether."""

import os
import re
import subprocess
import sys
import threading
import time

import duckdb
import pytest

from orders_es.errors import CannotWriteReadModels, DamagedReadModels, NoReadModels, QueryError, ReadModelsInUse
from orders_es.log import NO_STREAM, StreamAppend, open_log
from orders_es.orders import OrderPlaced
from orders_es.projections import Handlers, ReadModels
from orders_es.projections.file import store

HOLDER = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"


FULL_DISK = """
import os, resource, signal, sys
from orders_es.errors import CannotWriteReadModels
from orders_es.log import NO_STREAM, StreamAppend, open_log
from orders_es.projections import Projector, set_projections

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
log, models = sys.argv[1:]
resource.setrlimit(resource.RLIMIT_FSIZE, (os.path.getsize(models), resource.RLIM_INFINITY))
[ran] = Projector(open_log(log), models, set_projections(["orders"])).try_run()
assert type(ran.error) is CannotWriteReadModels, ran
print(ran.position, ran.error)
"""


@pytest.fixture
def held(shop):
    """The file, made and then held open by another process."""
    shop.run()
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(shop.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "held\n"
    yield holder
    holder.stdin.close()
    holder.stdout.close()
    holder.wait(600)


def test_a_deleted_one_is_made_anew(shop):
    shop.run()
    shop.path.unlink()
    with pytest.raises(NoReadModels, match="project run"):
        shop.table("orders")
    shop.order("A-9")
    shop.run()
    assert shop.table("orders") == shop.ought("orders")


def test_one_deleted_while_a_batch_is_computed_is_too(shop, monkeypatch):
    shop.run()
    shop.order("A-9")
    changing, removed = store.changing, []

    def remove_first(*args):
        if not removed:
            removed.append(shop.path.unlink())
        return changing(*args)

    monkeypatch.setattr("orders_es.projections.run.set_work.changing", remove_first)
    shop.run()
    assert removed
    assert shop.table("orders") == shop.ought("orders")


def test_what_is_left_beside_a_deleted_one_does_no_harm(shop):
    shop.run()
    shop.path.unlink()
    shop.path.with_name(shop.path.name + ".wal").write_bytes(os.urandom(3_000))
    shop.run()
    assert shop.table("orders") == shop.ought("orders")


def test_what_a_runner_left_that_was_killed_as_it_made_one_is_removed(shop):
    left, fresh = (shop.folder / f".models.duckdb.{digit * 32}" for digit in "ab")
    for file in (left, fresh, shop.folder / ".models.duckdb.mine"):
        file.write_bytes(b"half a header")
    os.utime(left, (0, 0))
    shop.run()
    assert not left.exists()
    assert fresh.exists()
    assert (shop.folder / ".models.duckdb.mine").exists()


@pytest.mark.long_but_first
@pytest.mark.parametrize("damage", ["overwritten", "cut short", "empty"])
def test_a_damaged_one_is_named_and_how_to_go_on(shop, damage):
    shop.run()
    whole = shop.path.read_bytes()
    shop.path.write_bytes({"overwritten": b"x" * len(whole), "cut short": whole[:5_000], "empty": b""}[damage])
    for ask in (shop.run, lambda: shop.table("orders"), shop.models.status):
        with pytest.raises(DamagedReadModels, match="move it away, and make it anew"):
            ask()
    shop.path.unlink()
    shop.run()
    assert shop.table("orders") == shop.ought("orders")


def test_another_duckdb_file_is_not_touched(shop):
    with duckdb.connect(str(shop.path)) as connection:
        connection.execute("CREATE TABLE mine AS SELECT 1 AS a")
    before = shop.path.read_bytes()
    for ask in (shop.run, shop.models.status, shop.models.tables):
        with pytest.raises(DamagedReadModels, match="something else"):
            ask()
    assert shop.path.read_bytes() == before


def test_nor_is_a_log(shop, tmp_path):
    with open_log(tmp_path / "other.duckdb", create=True) as log:
        log.append("A-1", [OrderPlaced()], expected=0)
    with pytest.raises(DamagedReadModels):
        type(shop.projector())(shop.log, tmp_path / "other.duckdb", shop.projector().projections).run()


@pytest.mark.long
def test_a_full_disk_leaves_what_was_there(shop):
    shop.run()
    name = "x" * 300  # what compresses well would find room in the file
    shop.log.append_batch(
        [StreamAppend(f"{name}-{os.urandom(300).hex()}", [OrderPlaced()], NO_STREAM) for _ in range(4_000)]
    )
    command = [sys.executable, "-c", FULL_DISK, str(shop.folder / "log"), str(shop.path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("12 cannot write")
    assert shop.table("orders") == shop.ought("orders", 12)
    shop.run()
    assert shop.table("orders") == shop.ought("orders")


def test_a_reader_waits_out_a_short_lock_and_says_whose_a_long_one_was(shop, held):
    with pytest.raises(
        ReadModelsInUse, match=rf"process {held.pid} \(.*python.*ReadModels\(path\).snapshot\(\)"
    ) as told:
        shop.models.query("FROM orders", timeout=0.05)
    assert told.value.pid == held.pid
    threading.Timer(0.1, held.stdin.close).start()
    assert len(shop.models.query("FROM orders", timeout=600)) == 4


@pytest.mark.long
def test_so_does_a_runner(shop, held):
    shop.order("A-9")
    with pytest.raises(ReadModelsInUse, match=str(held.pid)):
        shop.projector(patience=0.05).run()
    stop, told = threading.Event(), []

    def hear(name, error, ended):
        told.append((name, type(error), ended))
        held.stdin.close()

    follower = threading.Thread(target=lambda: shop.projector(patience=0.05).follow(stop, notify=hear))
    follower.start()
    until = time.monotonic() + 600
    while time.monotonic() < until and (held.poll() is None or shop.checkpoint("orders") < 15):
        time.sleep(0.02)
    stop.set()
    follower.join()
    assert ("orders", ReadModelsInUse, False) in told
    assert shop.table("orders") == shop.ought("orders")


def test_another_thread_is_waited_for_as_well(shop):
    started, done = threading.Event(), threading.Event()

    def slow(_event, tables):
        started.set()
        assert done.wait(600)
        tables.execute("INSERT INTO seen VALUES (1)")

    shop.run()
    handlers = Handlers("slow", 1, {OrderPlaced: slow}, tables="CREATE TABLE seen(a INTEGER)")
    runner = threading.Thread(target=shop.run, args=(handlers,))
    runner.start()
    assert started.wait(600)
    with pytest.raises(ReadModelsInUse, match="another thread of this program"):
        shop.models.query("FROM orders", timeout=0.05)
    done.set()
    assert len(shop.models.query("FROM orders", timeout=600)) == 4
    runner.join()


def test_a_snapshot_is_nobody_elses(shop, tmp_path):
    shop.run()
    copy = shop.models.snapshot(tmp_path / "copy.duckdb")
    with duckdb.connect(str(copy.path)) as connection:
        shop.order("A-9")
        shop.run()
        assert connection.execute("SELECT count(*) FROM orders").fetchall() == [(4,)]
    assert len(shop.table("orders")) == 5
    assert copy.snapshot().query("SELECT count(*) FROM orders").rows() == [(4,)]
    with pytest.raises(CannotWriteReadModels):
        shop.models.snapshot(tmp_path / "nowhere" / "copy.duckdb")
    with pytest.raises(NoReadModels):
        ReadModels(tmp_path / "none.duckdb").snapshot()


def test_a_reader_cannot_write(shop):
    shop.run()
    for statement in ("DELETE FROM orders_es.projections", "CREATE TABLE x(a INTEGER)", "SELECT nothing"):
        with pytest.raises(QueryError):
            shop.models.query(statement)
    assert shop.models.tables() == ["orders"]
    assert re.fullmatch(r"ReadModels\('.*models.duckdb'\)", repr(shop.models))
