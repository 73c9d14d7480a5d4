"""Whatever is done to a log's folder, an open handle neither acknowledges into it nor answers from it: it says so."""

import os
import shutil
from datetime import timedelta
from decimal import Decimal

import pytest

from orders_es.errors import LogChanged
from orders_es.log import ANY, StreamAppend, open_log
from orders_es.log.parquet import ParquetLog
from orders_es.orders import AddItem, CreateOrder, OrderPlaced
from orders_es.replay import connect
from orders_es.service import handle


def restored_in_place(shop):
    shop.restore()


def restored_by_removing_the_folder(shop):
    shop.restore(in_place=False)


def restored_and_gone_on_from(shop):
    shop.restore()
    shop.elsewhere(times=3)


def restored_and_gone_further(shop):
    shop.restore()
    shop.elsewhere(times=5)


def restored_gone_on_from_and_compacted(shop):
    restored_and_gone_further(shop)
    with open_log(shop.folder) as log:
        assert isinstance(log, ParquetLog)
        log.compact()
        log.vacuum(grace=timedelta(0))


def last_commit_removed(shop):
    shop.last().unlink()


def last_commit_replaced(shop):
    shop.last().unlink()
    shop.elsewhere()


def last_commit_rewritten(shop):
    with open_log(shop.folder.with_name("fork"), create=True) as fork:
        shutil.copytree(shop.folder, shop.folder.with_name("fork"), dirs_exist_ok=True)
        assert fork is not None
    fork = shop.folder.with_name("fork")
    max((fork / "commits").iterdir()).unlink()
    with open_log(fork) as log:
        shop.append(log, "theirs")
    shop.last().write_bytes(max((fork / "commits").iterdir()).read_bytes())


def commits_alone_exchanged(shop):
    shutil.rmtree(shop.folder / "commits")
    shutil.copytree(shop.backup / "commits", shop.folder / "commits")


def another_log_created_there(shop):
    shutil.rmtree(shop.folder)
    open_log(shop.folder, create=True).close()


def another_log_grown_there(shop):
    another_log_created_there(shop)
    shop.elsewhere(times=8)


def another_log_moved_there(shop):
    with open_log(shop.folder.with_name("other"), create=True) as other:
        shop.append(other)
    shop.folder.rename(shop.folder.with_name("away"))
    shop.folder.with_name("other").rename(shop.folder)


def moved_away(shop):
    shop.folder.rename(shop.folder.with_name("away"))


def removed(shop):
    shutil.rmtree(shop.folder)


CHANGES = [
    restored_in_place,
    restored_by_removing_the_folder,
    restored_and_gone_on_from,
    restored_and_gone_further,
    restored_gone_on_from_and_compacted,
    last_commit_removed,
    last_commit_replaced,
    last_commit_rewritten,
    commits_alone_exchanged,
    another_log_created_there,
    another_log_grown_there,
    another_log_moved_there,
    moved_away,
    removed,
]
changes = pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__.replace("_", " "))


@changes
def test_nothing_is_acknowledged(shop, change):
    change(shop)
    before = shop.files()
    event = OrderPlaced()
    attempts = {
        "one event": lambda: shop.append(shop.handle),
        "a stream that is known": lambda: shop.handle.append("order-5", [event], expected=1),
        "a stale expectation": lambda: shop.handle.append("order-5", [event], expected=7),
        "many streams": lambda: shop.handle.append_batch([StreamAppend(s, [event], ANY) for s in "abc"]),
        "many events": lambda: shop.handle.append("bulk", [event] * 100, expected=ANY),
        "a command": lambda: handle(shop.handle, "order-9", CreateOrder(currency="EUR")),
        "a compaction": shop.handle.compact,
        "a vacuum": shop.handle.vacuum,
    }
    for name, attempt in attempts.items():
        with pytest.raises(LogChanged, match="Open it again") as caught:
            attempt()
        assert str(shop.folder) in str(caught.value), name
    assert shop.files() == before


@pytest.mark.long_but_first
@changes
def test_nothing_is_answered_from_it(shop, change):
    session = connect(shop.handle)
    assert session.sql("SELECT count(*) FROM events").rows() == [(6,)]
    change(shop)
    for name, question in {
        "head": shop.handle.head,
        "load": lambda: shop.handle.load("order-1"),
        "version": lambda: shop.handle.stream_version("order-5"),
        "ids": shop.handle.stream_ids,
        "read": lambda: list(shop.handle.read()),
        "files": shop.handle.files,
        "heads": lambda: list(shop.handle.heads()),
        "subscribe": lambda: next(iter(shop.handle.subscribe())),
        "sql": lambda: session.sql("SELECT count(*) FROM events"),
    }.items():
        with pytest.raises(LogChanged) as caught:
            question()
        assert str(shop.folder) in str(caught.value), name


def test_a_symbolic_link_that_leads_elsewhere(shop, tmp_path):
    link = tmp_path / "current"
    link.symlink_to(shop.folder)
    handle = open_log(link)
    assert shop.append(handle).first_position == 7
    link.unlink()
    link.symlink_to(shop.backup)
    with pytest.raises(LogChanged, match="ends at position 3 now and ended at 7 before"):
        shop.append(handle)
    assert len(list((shop.backup / "commits").iterdir())) == 3


def test_an_empty_log_that_became_another_one(tmp_path):
    log = open_log(tmp_path / "log", create=True)
    shutil.rmtree(tmp_path / "log")
    open_log(tmp_path / "log", create=True).close()
    with pytest.raises(LogChanged, match="another log is in its place now"):
        log.append("A-1", [OrderPlaced()], expected=ANY)
    assert open_log(tmp_path / "log").head().position == 0


def test_a_change_between_looking_and_linking(shop, monkeypatch):
    """The very moment before the link: the last look comes after the file is written."""
    real, done = os.fsync, []

    def restoring(fd):
        if not done:
            done.append(True)
            shop.restore()
        real(fd)

    monkeypatch.setattr(os, "fsync", restoring)
    with pytest.raises(LogChanged, match="ends at position 3"):
        shop.append(shop.handle)
    assert len(shop.files()) == 3


def test_a_reader_that_only_saw_others_commit(shop):
    reader = open_log(shop.folder)
    assert reader.head().position == 6
    shop.elsewhere(times=2)
    assert reader.head().position == 8
    shop.last().unlink()
    with pytest.raises(LogChanged, match="ends at position 7 now and ended at 8 before"):
        reader.head()


def test_whoever_opens_it_again_goes_on(shop):
    shop.restore()
    with pytest.raises(LogChanged):
        handle(shop.handle, "A-1", AddItem(item_id="rose", quantity=1, price=Decimal("1.00")))
    with open_log(shop.folder) as again:
        assert shop.append(again).first_position == 4
