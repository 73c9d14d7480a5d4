"""A byte changed anywhere: an error of ours or the right answer, never a wrong one; and `verify` finds it."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from flipping import QUERIES, STREAMS, Flip, answers_of, files_of, make, wrong_answers

from orders_es.audit import verify
from orders_es.errors import NotALog

FEW = {"queries": (QUERIES[0], QUERIES[2], QUERIES[4]), "streams": STREAMS[1:2]}


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    return make(tmp_path_factory.mktemp("flips") / "log")


def regions(path):
    """Some places in a file, of each kind that it has: pages, their headers, and all that a footer is made of."""
    data = path.read_bytes()
    if path.suffix != ".parquet":
        return [len(data) // 3, len(data) - 40]
    footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    marks = [
        data.index(mark, footer)
        for mark in (b"quantity", b"o-", b"orders_es", b'"recorded_at"', b'"streams"', b'"check"')
        if mark in data[footer:]
    ]
    return [0, 9, 60, footer // 2, footer - 1, footer + 3, *(mark + 2 for mark in marks), len(data) - 6, len(data) - 1]


def test_flips_in_each_region_of_each_kind_of_file(log):
    right = answers_of(log, **FEW)
    assert verify(log).ok
    kinds = {}
    for path in files_of(log):
        kinds.setdefault((path.parent.name, path.suffix, path.stat().st_size > 3_000), path)
    assert {path.suffix for path in kinds.values()} == {".parquet", ".blocks", ".snapshot", ".json"}
    for number, path in enumerate(kinds.values()):
        for at in regions(path)[number % 3 :: 3]:
            flip = Flip(path, at, path.read_bytes()[at] ^ 1 << at % 8)
            with flip.done():
                assert not verify(log).ok, flip  # first: whoever reads a damaged copy makes it anew
                assert not wrong_answers(right, answers_of(log, **FEW)), flip


@pytest.mark.long
def test_flips_in_a_duckdb_file(tmp_path):
    """DuckDB has checksums of its blocks; a flip in a block that nothing uses is harmless."""
    place = make(tmp_path / "log.duckdb")
    right = answers_of(place, **FEW)
    data = place.read_bytes()
    rng = random.Random(5)
    for at in [9, 4_100, *rng.sample([i for i, byte in enumerate(data) if byte], 2)]:
        flip = Flip(place, at, data[at] ^ 1 << at % 8)
        with flip.done():
            assert not wrong_answers(right, answers_of(place, **FEW)), flip
            assert isinstance(verified(place), bool)


def verified(place):
    try:
        return verify(place).ok
    except NotALog:  # the flip is in what tells DuckDB that it is a database
        return False


@pytest.mark.long
@pytest.mark.parametrize("seed", range(20))
def test_two_thousand_flips(log, seed):
    """A hundred at a time, so that processes share them."""
    right = answers_of(log)
    rng = random.Random(seed)
    files = files_of(log)
    for _ in range(100):
        path = rng.choice(files)
        at = rng.randrange(path.stat().st_size)
        before = path.read_bytes()[at]
        value = before ^ 1 << rng.randrange(8) if rng.random() < 0.7 else (before + rng.randrange(1, 256)) % 256
        flip = Flip(path, at, value)
        with flip.done():
            assert not verify(log).ok, flip
            assert not wrong_answers(right, answers_of(log)), flip
    assert not wrong_answers(right, answers_of(log))
    assert verify(log).ok
