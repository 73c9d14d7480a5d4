"""No false alarm: what was moved and came back, was copied whole, was compacted or vacuumed, is the log it was."""

import os
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from orders_es.errors import LogChanged
from orders_es.log import open_log
from orders_es.log.parquet import ParquetLog, same_folder


def moved_away_and_back(shop):
    away = shop.folder.with_name("away")
    shop.folder.rename(away)
    with pytest.raises(LogChanged, match="there is no such folder"):
        shop.append(shop.handle)
    away.rename(shop.folder)


def copied_whole(shop):
    shutil.copytree(shop.folder, shop.folder.with_name("copy"))
    shutil.rmtree(shop.folder)
    shop.folder.with_name("copy").rename(shop.folder)


def every_file_copied_over_itself(shop):
    for path in [*shop.folder.rglob("*.parquet"), shop.folder / "log.json"]:
        data = path.read_bytes()
        path.unlink()
        path.write_bytes(data)


def commits_copied_whole(shop):
    shutil.copytree(shop.folder / "commits", shop.folder / "new")
    shutil.rmtree(shop.folder / "commits")
    (shop.folder / "new").rename(shop.folder / "commits")


def compacted(shop):
    with open_log(shop.folder) as other:
        assert isinstance(other, ParquetLog)
        other.compact()


def compacted_and_vacuumed(shop):
    with open_log(shop.folder) as other:
        assert isinstance(other, ParquetLog)
        other.compact()
        other.vacuum(grace=timedelta(0))


def grown_compacted_and_vacuumed(shop):
    shop.elsewhere(times=3)
    compacted_and_vacuumed(shop)


def touched(shop):
    shop.last().touch()
    (shop.folder / "log.json").touch()


@pytest.mark.long_but_first
@pytest.mark.parametrize(
    "change",
    [
        moved_away_and_back,
        copied_whole,
        every_file_copied_over_itself,
        commits_copied_whole,
        compacted,
        compacted_and_vacuumed,
        grown_compacted_and_vacuumed,
        touched,
    ],
    ids=lambda change: change.__name__.replace("_", " "),
)
@pytest.mark.parametrize("first", ["append", "read"])
def test_it_goes_on(shop, change, first):
    reader = open_log(shop.folder)
    reader.head()
    change(shop)
    others = 3 if change is grown_compacted_and_vacuumed else 0
    if first == "read":
        assert shop.handle.head().position == reader.head().position == 6 + others
    for number in range(3):
        assert shop.append(shop.handle).first_position == 7 + others + number
    assert len(reader.load("late")) == 3
    assert open_log(shop.folder).head() == shop.handle.head() == reader.head()


def test_an_append_looks_at_each_mark_once(shop, monkeypatch):
    """What the check costs, in questions to the file system: four for each append, none of them opens a file."""
    asked = []

    class Counting:
        def __getattr__(self, name):
            real = getattr(os, name)
            if name not in {"stat", "fstat", "open"}:
                return real

            def counted(*args):
                asked.append(name)
                return real(*args)

            return counted

    monkeypatch.setattr(same_folder, "os", Counting())
    shop.append(shop.handle)
    assert sorted(asked) == ["fstat", "fstat", "stat", "stat", "stat"]


def test_no_descriptor_stays_behind(shop, tmp_path):
    def own():
        return [link for link in Path("/proc/self/fd").iterdir() if str(tmp_path) in os.path.realpath(link)]

    handles = [open_log(shop.folder) for _ in range(3)]
    for one in handles:
        shop.append(one)
        one.head()
    handles[0].close()
    shop.handle.close()
    del handles, one
    assert own() == []
