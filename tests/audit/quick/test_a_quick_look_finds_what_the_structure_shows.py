"""`verify(quick=True)`: what names, digests and footers show without an event being read; and what they do not."""

import json
import random
import shutil
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner

from orders_es.audit import verify
from orders_es.cli import main
from orders_es.log import ANY, open_log
from orders_es.log.parquet import ParquetLog
from orders_es.log.parquet.digests import sealed
from orders_es.orders import DiscountApplied


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    place = tmp_path_factory.mktemp("quick") / "log"
    with open_log(place, create=True) as log:
        assert isinstance(log, ParquetLog)
        for i in range(6):
            log.append(f"A-{i % 2}", [DiscountApplied(amount=Decimal(i))] * (1 + 40 * (i % 3)), expected=ANY)
        log.compact(target_events=130)
        log.append("A-9", [DiscountApplied(amount=Decimal(3))], expected=ANY)
    return place


@pytest.fixture
def place(made, tmp_path):
    return shutil.copytree(made, tmp_path / "log")


def test_a_sound_log_is_sound_and_nothing_is_read(place, monkeypatch):
    whole = verify(place)
    monkeypatch.setattr("orders_es.audit.recomputing.Recomputing.take", None)
    quick = verify(place, quick=True)
    assert quick.ok
    assert whole.ok
    assert quick.head == whole.head
    assert quick.heads == whole.heads > 1
    assert quick.events == quick.values == 0


def files_of(place):
    with open_log(place) as log:
        assert isinstance(log, ParquetLog)
        return log.files()


def test_every_flip_in_a_file_that_counts_is_found(place):
    files = [Path(file.path) for file in files_of(place)]
    rng = random.Random(3)
    for path in files:
        data = path.read_bytes()
        for at in rng.sample(range(len(data)), 25):
            path.write_bytes(data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :])
            assert not verify(place, quick=True).ok, (path, at)
        path.write_bytes(data)
    assert verify(place, quick=True).ok


def test_a_missing_file_is_named(place):
    gone = files_of(place)[0]
    (place / "segments" / gone.path.rpartition("/")[2]).unlink()
    for path in (place / "commits").iterdir():
        if int(path.stem) <= gone.last:
            path.unlink()
    found = verify(place, quick=True)
    assert any("missing" in problem.what for problem in found.problems)


@pytest.mark.parametrize(
    ("of", "to", "words"),
    [
        ("commit_id", None, "commit id"),
        ("recorded_at", 1, "recorded before"),
        ("range", "00" * 32, "root"),
    ],
)
def test_a_footer_that_was_forged_with_its_digest_has_to_follow_from_the_ones_before(place, of, to, words):
    first, *_, last = files_of(place)
    data = Path(last.path).read_bytes()
    start = data.index(b'{"format"')
    end = data.index(b"}", data.index(b'"check"', start)) + 1
    stated = json.loads(data[start:end])
    if to is None:
        before = Path(first.path).read_bytes()
        to = json.loads(
            before[(at := before.rindex(b'{"format"')) : before.index(b"}", before.index(b'"check"', at)) + 1]
        )[of]
    old, new = (json.dumps(value).encode() for value in (stated[of], to))
    forged = data[start:end].replace(b'"' + of.encode() + b'":' + old, b'"' + of.encode() + b'":' + new.ljust(len(old)))
    forged = forged.replace(stated["check"].encode(), b"0" * 32)
    Path(last.path).write_bytes(sealed(data[:start] + forged + data[end:]))
    found = verify(place, quick=True)
    assert any(words in problem.what for problem in found.problems), found.problems


def test_the_command_says_that_no_event_was_read_and_exits_with_1_where_something_is_wrong(place):
    run = CliRunner().invoke(main, ["verify", "--quick", "--log", str(place)])
    assert run.exit_code == 0
    assert "no event was read" in run.output
    (place / "log.json").write_bytes((place / "log.json").read_bytes() + b" ")
    run = CliRunner().invoke(main, ["verify", "--quick", "--json", "--log", str(place)])
    assert run.exit_code == 1
    assert json.loads(run.output)["problems"]


@pytest.mark.parametrize("url", [":memory:", "log.duckdb"])
def test_logs_without_files_are_looked_at_too(url, tmp_path):
    with open_log(url if url == ":memory:" else tmp_path / url, create=True) as log:
        log.append("A", [DiscountApplied(amount=Decimal(1))], expected=ANY)
        found = verify(log, quick=True)
        assert found.ok
        assert found.head.position == 1
