"""Files that somebody asked for, on a disk that refuses: an error that says what to do, and what was there is as it was."""

import resource
from contextlib import contextmanager

import pytest
from click.testing import CliRunner

from orders_es.cli import main
from orders_es.errors import CannotWriteFile, OrdersEsError
from orders_es.export import export
from orders_es.sources.jsonl import export_jsonl


@contextmanager
def files_of_at_most(size):
    """A real refusal of the system, as a full disk would give: no file of this process may become larger."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_answers_and_exports(log, session, tmp_path):
    ways = {
        "answer.csv": lambda path: session.write("FROM events", path, form="csv"),
        "answer.parquet": lambda path: session.write("FROM events", path),
        "orders.csv": lambda path: export(session, "orders", path),
        "orders.xlsx": lambda path: export(session, "orders", path),
        "log.jsonl": lambda path: export_jsonl(log, path),
    }
    folder = tmp_path / "out"
    folder.mkdir()
    for name, write in ways.items():
        if name != "log.jsonl":  # which replaces nothing
            (folder / name).write_text("as it was")
        before = sorted(path.name for path in folder.iterdir())
        with files_of_at_most(1_000), pytest.raises(CannotWriteFile, match="Make room") as told:
            write(folder / name)
        assert isinstance(told.value, OSError)
        assert isinstance(told.value, OrdersEsError)
        assert told.value.path == str(folder / name)
        assert sorted(path.name for path in folder.iterdir()) == before
        assert name == "log.jsonl" or (folder / name).read_text() == "as it was"


def test_a_place_that_is_none_and_one_that_is_full(session, tmp_path):
    with pytest.raises(CannotWriteFile, match="No such file or directory"):
        session.write("FROM orders", tmp_path / "nowhere" / "answer.csv", form="csv")
    with pytest.raises(CannotWriteFile, match="No space left on device"):
        session.write("FROM orders", "/dev/full", form="csv")


def test_a_schema_file_is_as_it_was(tmp_path):
    file = tmp_path / "schemas.json"
    runner = CliRunner()
    assert runner.invoke(main, ["schema", "write", str(file)]).exit_code == 0
    before = file.read_bytes()
    with files_of_at_most(1_000):
        told = runner.invoke(main, ["schema", "write", str(file)])
    assert told.exit_code == 1
    assert told.stderr.count("\n") == 1
    assert "could not write" in told.stderr
    assert file.read_bytes() == before
