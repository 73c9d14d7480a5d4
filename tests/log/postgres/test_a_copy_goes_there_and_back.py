import json

import pytest
from click.testing import CliRunner

from orders_es.cli import main
from orders_es.errors import DamagedLog, InvalidSetting, NotALog
from orders_es.log import ANY, NO_STREAM, RawEvent, open_log
from orders_es.log.copy import copy_log
from orders_es.log.postgres import reading
from orders_es.log.restoring import restoring
from orders_es.log.undo_creation import has_something, removed_if_empty
from orders_es.testing.log_contract.basis import event, events, everything


@pytest.fixture
def folder(tmp_path):
    with open_log(tmp_path / "log", create=True, origin="the shop") as log:
        for i in range(5):
            log.append(f"S-{i % 2}", events(30), expected=ANY)
        odd = '{"a":"\\u00e9 ,\\"\\n\\\\. \\\\N", "b": 1.10}'
        log.append(
            "odd ,\"'\n\\.", [RawEvent("Odd", odd), event(actor="\\N", correlation_id=","), event(actor="")], expected=0
        )
        yield log


def test_a_folder_log_is_copied_into_postgresql_and_back_with_equal_roots(folder, postgres_place, tmp_path):
    place = postgres_place()
    there = copy_log(folder, place)
    with open_log(place) as log:
        assert (log.origin, there.root) == ("the shop", folder.head().root)
        assert everything(log) == everything(folder)
        back = copy_log(log, tmp_path / "back")
    assert back.root == there.root
    with pytest.raises(InvalidSetting, match="a log is there already"):
        copy_log(folder, place)


def test_a_copy_that_was_interrupted_is_opened_by_nobody_and_gone_on_with(folder, postgres_place, monkeypatch):
    place = postgres_place()
    monkeypatch.setattr("orders_es.log.copy._COMMIT", 40)
    read = type(folder).read

    def broken(self, **options):
        for i, batch in enumerate(read(self, **options, batch_size=20)):
            if i == 5:
                raise KeyboardInterrupt
            yield batch

    with monkeypatch.context() as patch:
        patch.setattr(type(folder), "read", broken)
        with pytest.raises(KeyboardInterrupt):
            copy_log(folder, place)
    with pytest.raises(NotALog, match="unfinished copy"):
        open_log(place)
    with pytest.raises(NotALog, match="unfinished copy"):
        open_log(place, create=True)
    assert 0 < copy_log(folder, place).resumed < 153
    with open_log(place) as log:
        assert everything(log) == everything(folder)


def test_a_copy_with_another_root_is_never_given_out_and_an_empty_one_leaves_nothing(folder, postgres_place):
    place = postgres_place()
    with restoring(place, registry=folder.registry, origin="x") as restoration:
        pass
    assert not has_something(place)
    with restoring(place, registry=folder.registry, origin="x") as restoration:
        restoration.append(_table(folder, 30))
        with pytest.raises(DamagedLog, match="should have"):
            restoration.finish(folder.head().root)
    assert not has_something(place)


def _table(log, to):
    import pyarrow as pa

    return pa.Table.from_batches(list(log.read(to=to)))


def test_a_log_that_was_made_in_vain_goes_again(postgres_place):
    place = postgres_place()
    with removed_if_empty(place), open_log(place, create=True):
        assert has_something(place)
    assert not has_something(place)
    with removed_if_empty(place), open_log(place, create=True) as log:
        log.append("A", events(1), expected=NO_STREAM)
    assert has_something(place)


@pytest.mark.long
def test_the_command_line_copies_imports_and_shows(folder, postgres_place, tmp_path):
    place = postgres_place()

    password = place.partition("@")[0].rpartition(":")[2]

    def run(*words):
        done = CliRunner().invoke(main, words)
        assert done.exit_code == 0, done.output
        assert password not in done.output
        return done.output

    assert json.loads(run("copy", folder.url, place, "--json"))["equal"]
    assert json.loads(run("info", "--log", place, "--json"))["events"] == 153
    run("verify", "--log", place)
    other = postgres_place()
    run("simulate", "--orders", "5", "--seed", "1", "--log", other)
    assert "5 orders" in run("sql", "SELECT count(*) || ' orders' AS said FROM orders", "--log", other)
    lines = tmp_path / "all.jsonl"
    run("export", "jsonl", "--log", other, "--out", str(lines))
    third = postgres_place()
    run("import", "jsonl", str(lines), "--log", third, "--as-recorded")
    with open_log(other) as one, open_log(third) as two:
        assert one.head() == two.head()


@pytest.fixture(autouse=True)
def small_pages(monkeypatch):
    monkeypatch.setattr(reading, "_PAGE", 64)
