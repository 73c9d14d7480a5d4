"""`open_log` finds a backend by the scheme of the URL: this package's, registered ones, and those of other packages."""

from importlib import metadata

import pytest

from orders_es.errors import InvalidSetting
from orders_es.log import backends, open_log
from orders_es.log.duckdb import DuckDBLog
from orders_es.log.memory import MemoryLog
from orders_es.log.parquet import ParquetLog


class Elsewhere:
    """A backend of somebody else's."""

    def open(self, url, *, create, registry, clock, origin, read_only=False):
        return MemoryLog(url, registry=registry, clock=clock, origin=origin or f"created={create}", read_only=read_only)

    def survey(self, url, registry):
        return MemoryLog(url, registry=registry).survey()


BACKEND = Elsewhere()


@pytest.fixture(autouse=True)
def forgotten(monkeypatch):
    monkeypatch.setattr(backends, "_registered", dict(backends._registered))


def test_paths_are_folders_and_files_and_memory(tmp_path):
    with open_log(tmp_path / "log", create=True) as folder, open_log(f"{tmp_path}/log.duckdb", create=True) as file:
        assert (type(folder), type(file)) == (ParquetLog, DuckDBLog)
    with open_log(":memory:") as one, open_log("memory:") as other:
        assert (type(one), type(other)) == (DuckDBLog, MemoryLog)


def test_a_registered_one_opens_its_scheme():
    backends.register_backend("elsewhere", BACKEND)
    with open_log("elsewhere://there/orders", create=True) as log:
        assert (log.url, log.origin) == ("elsewhere://there/orders", "created=True")


def test_one_that_a_package_offers_opens_its_scheme(monkeypatch):
    point = metadata.EntryPoint("offered", f"{__name__}:BACKEND", backends.GROUP)
    monkeypatch.setattr(metadata.EntryPoint, "load", lambda _: BACKEND)
    monkeypatch.setattr(backends, "entry_points", lambda group: [point] if group == backends.GROUP else [])
    with open_log("offered://x") as log:
        assert log.origin == "created=False"


@pytest.mark.parametrize("url", ["s3://bucket/log", "mysql://localhost/shop"])
def test_a_scheme_that_nobody_offers_is_refused_and_no_folder_is_made(url, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidSetting, match=r"no installed package opens .*:// logs"):
        open_log(url, create=True)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("scheme", ["memory", "S3", "a b", ""])
def test_a_scheme_is_a_word_and_taken_once(scheme):
    with pytest.raises(InvalidSetting):
        backends.register_backend(scheme, BACKEND)
