"""Named pipes, sockets, folders and links that lead nowhere, in the place of a file: named at once, by every way in."""

import os
import socket

import pytest

from orders_es.errors import DamagedLog, ForeignFile, InvalidSetting, LogError, NotALog, OrdersEsError
from orders_es.log import ANY, open_log
from orders_es.log.parquet import ParquetLog
from orders_es.orders import OrderPlaced
from orders_es.projections import Projector, ReadModels, set_projections
from orders_es.replay.catalog import write_catalog


def pipe(path):
    os.mkfifo(path)


def folder(path):
    path.mkdir()


def dangling(path):
    path.symlink_to("/nowhere/at/all")


def loop(path):
    path.symlink_to(path)


def listening(path, monkeypatch):
    monkeypatch.chdir(path.parent)  # a socket's path is short
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(path.name)


KINDS = {
    pipe: "a named pipe",
    folder: "a folder",
    dangling: "a symbolic link that leads nowhere",
    loop: "link",
    listening: "a socket",
}
kinds = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


def put(kind, path, monkeypatch):
    path.unlink(missing_ok=True)
    kind(path, monkeypatch) if kind is listening else kind(path)


@pytest.mark.long_but_first
@kinds
@pytest.mark.parametrize("which", ["segment", 13, 22], ids=["segment", "commit", "next commit"])
def test_a_data_file(sample, kind, which, monkeypatch):
    path = sample.path(which)
    handle = open_log(sample.folder)
    put(kind, path, monkeypatch)
    with pytest.raises(ForeignFile, match=KINDS[kind]) as caught:
        open_log(sample.folder)
    assert caught.value.path == str(path)
    if which == 22:
        with pytest.raises(LogError) as refused:
            handle.append("a", [OrderPlaced()], expected=ANY)
        assert str(path) in str(refused.value)


@kinds
def test_log_json(sample, kind, monkeypatch):
    path = sample.folder / "log.json"
    put(kind, path, monkeypatch)
    with pytest.raises(LogError) as caught:
        open_log(sample.folder)
    assert isinstance(caught.value, DamagedLog | NotALog | OSError)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("kind", [dangling, loop])
def test_a_folder_that_is_a_link(tmp_path, kind):
    kind(tmp_path / "log")
    with pytest.raises(LogError) as caught:
        open_log(tmp_path / "log")
    assert str(tmp_path / "log") in str(caught.value)


@pytest.mark.long_but_first
@pytest.mark.parametrize("kind", [pipe, folder, dangling, loop])
def test_a_read_model_file_a_catalog_and_a_duckdb_log(sample, tmp_path, kind):
    place = tmp_path / "shop.duckdb"
    kind(place)
    with open_log(sample.folder) as log:
        for ask in (
            Projector(log, place, set_projections(["orders"])).run,
            lambda: Projector(log, place, set_projections(["orders"])).rebuild("orders"),
            ReadModels(place).tables,
            ReadModels(place).status,
            lambda: ReadModels(place).query("SELECT 1"),
            lambda: write_catalog(log, place),
        ):
            with pytest.raises(OrdersEsError) as caught:
                ask()
            assert str(place) in str(caught.value)
    if kind is not folder:  # which may be a log in a folder of that name
        with pytest.raises(LogError):
            open_log(place)


@pytest.mark.parametrize("sign", ["?", "\\"])
def test_a_path_that_duckdb_cannot_open_as_a_database_is_refused(sample, tmp_path, sign):
    place = tmp_path / f"what{sign}ever" / "shop.duckdb"
    place.parent.mkdir()
    with open_log(sample.folder) as log:
        for ask in (
            Projector(log, place, set_projections(["orders"])).run,
            ReadModels(place).tables,
            lambda: write_catalog(log, place),
            lambda: open_log(place, create=True),
        ):
            with pytest.raises((InvalidSetting, NotALog), match="name another place"):
                ask()
    assert not place.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["log", place.parent.name])


@pytest.mark.long_but_first
@pytest.mark.parametrize(
    "name",
    [
        *("what?", "star*", "[set]", "a[b", "back\\slash", "quo'te", 'dou"ble', "per%20cent", "ha#sh", "new\nline"),
        *("key=value", "{brace}", "~", "ünï", " blank ", "semi;colon", "dollar$HOME"),
    ],
)
def test_a_folder_of_any_name_is_a_log(sample, tmp_path, name):
    place = tmp_path / name / "year=2026"
    place.parent.mkdir()
    sample.folder.rename(place)
    with open_log(place) as log:
        assert isinstance(log, ParquetLog)
        import duckdb

        with duckdb.connect() as connection:
            log.bind(connection, "events")
            assert connection.sql("SELECT count(*), count(DISTINCT stream_id) FROM events").fetchall() == [(21, 2)]
            assert "year" not in connection.sql("FROM events LIMIT 0").columns
        assert len(log.event_types()) == 1
        assert len(log.load("a")) == 7
        log.compact()
        assert open_log(f"{place}/").stream_ids() == ["a", "b"]
