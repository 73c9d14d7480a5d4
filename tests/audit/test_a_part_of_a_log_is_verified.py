from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner

from orders_es.audit import verify
from orders_es.cli.main import main
from orders_es.errors import InvalidSetting
from orders_es.log import ANY, open_log
from orders_es.log.parquet import ParquetLog
from orders_es.orders import OrderCreated, OrderPlaced


def fill(log, commits=10):
    for n in range(commits):
        log.append(f"o-{n % 3}", [OrderCreated(currency="GBP")] if n < 3 else [OrderPlaced()] * 3, expected=ANY)


@pytest.fixture(params=["log", "log.duckdb", "postgres"])
def log(request, tmp_path):
    place = request.getfixturevalue("postgres_place")() if request.param == "postgres" else tmp_path / request.param
    with open_log(place, create=True) as opened:
        fill(opened)
        yield opened


def flipped(log, number):
    assert isinstance(log, ParquetLog)
    path = Path(log.files()[number].path)
    data = bytearray(path.read_bytes())
    data[40] ^= 1
    path.write_bytes(data)


@pytest.mark.long_but_first
def test_of_a_sound_log_each_part_is_sound(log):
    quick = verify(log, quick=True)
    assert (quick.ok, quick.events, quick.head) == (True, 0, log.head())
    assert quick.part.startswith("structure and footers")
    some = verify(log, positions=(5, 8))
    assert (some.ok, some.events) == (True, 6)  # the two commits that hold them
    assert verify(log, positions=(1, 10**9)).events == 24
    chosen = verify(log, sample=2)
    assert chosen.ok
    assert 2 <= chosen.events <= 6
    assert verify(log, sample=10**6).events == 24
    whole = verify(log)
    assert (whole.part, whole.events) == ("", 24)


def test_in_a_folder_quick_holds_stated_roots_to_one_another(tmp_path):
    with open_log(tmp_path / "log", create=True) as log:
        assert isinstance(log, ParquetLog)
        fill(log)
        assert verify(log, quick=True).heads == 10
        Path(log.files()[4].path).unlink()
    assert not verify(tmp_path / "log", quick=True).ok


def test_another_log_of_the_same_name_in_the_middle_is_found_by_quick(tmp_path):
    import shutil

    with open_log(tmp_path / "one", create=True) as log:
        log.append("o-0", [OrderCreated(currency="GBP")], expected=ANY)
    shutil.copytree(tmp_path / "one", tmp_path / "other")
    for name, currency in (("one", "GBP"), ("other", "EUR")):
        with open_log(tmp_path / name) as log:
            log.append("o-1", [OrderCreated(currency=currency)], expected=ANY)
            log.append("o-2", [OrderCreated(currency="GBP")], expected=ANY)
    names = sorted(path.name for path in (tmp_path / "one" / "commits").glob("*.parquet"))
    theirs = sorted(path.name for path in (tmp_path / "other" / "commits").glob("*.parquet"))
    shutil.copy(tmp_path / "other" / "commits" / theirs[1], tmp_path / "one" / "commits" / names[1])
    assert not verify(tmp_path / "one", quick=True).ok


@pytest.mark.long
def test_a_changed_byte_is_found_by_every_part(tmp_path):
    with open_log(tmp_path / "log", create=True) as log:
        assert isinstance(log, ParquetLog)
        for n in range(3):
            log.append(f"o-{n}", [OrderCreated(currency="GBP"), *[OrderPlaced()] * 20_000], expected=ANY)
        flipped(log, 1)
    for part in ({"quick": True}, {"positions": (1, 20_001)}, {"positions": (20_001, 20_002)}, {"sample": 1}):
        assert not verify(tmp_path / "log", **part).ok


def test_a_changed_row_of_a_table_is_found_where_it_is_looked_for(tmp_path):
    with open_log(tmp_path / "log.duckdb", create=True) as log:
        fill(log)
    with duckdb.connect(str(tmp_path / "log.duckdb")) as file:
        file.execute("UPDATE events SET actor = 'x' WHERE position = 8")
    assert verify(tmp_path / "log.duckdb", positions=(1, 6)).ok
    assert not verify(tmp_path / "log.duckdb", positions=(7, 9)).ok


def test_two_parts_at_once_and_positions_that_are_none_are_refused(log):
    for asked in (
        {"quick": True, "sample": 1},
        {"positions": (0, 3)},
        {"positions": (5, 4)},
        {"positions": (99, 100)},
        {"sample": 0},
    ):
        with pytest.raises(InvalidSetting):
            verify(log, **asked)


def test_from_a_shell(tmp_path):
    with open_log(tmp_path / "log", create=True) as log:
        fill(log)
    for options, said in (
        (["--quick"], "no event was read"),
        (["--positions", "2:4"], "the positions 2 to 4"),
        (["--sample", "3"], "3 events"),
    ):
        done = CliRunner().invoke(main, ["verify", *options, "--log", str(tmp_path / "log")])
        assert (done.exit_code, "nothing wrong was found" in done.stdout, said in done.stdout) == (0, True, True)
    assert CliRunner().invoke(main, ["verify", "--positions", "4", "--log", str(tmp_path / "log")]).exit_code == 2
