"""Where a small commit is damaged, its neighbours' trees and the versions elsewhere say whom it cannot concern."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from writing import batch_of, events_for

from orders_es.errors import DamagedLog
from orders_es.log import ANY, open_log

STREAMS = ("a", "b", "c", "d")


def commit(log, *streams):
    log.append_batch(batch_of(events_for(list(streams)), dict.fromkeys(streams, ANY)))


def flip(path, at):
    data = bytearray(path.read_bytes())
    data[at] ^= 0x20
    path.write_bytes(bytes(data))


def in_the_payload(path):
    flip(path, path.read_bytes().index(b'"price"') + 2)


def in_a_typed_column(path):
    data = path.read_bytes()
    flip(path, data.rindex(b"item-0", 0, data.rindex(b"schema")))


def in_the_footer(path):
    flip(path, path.read_bytes().index(b'"tree_root":"') + 20)


def in_a_statistic(path):
    flip(path, path.stat().st_size - 1_200)


def refused(log, stream):
    try:
        log.load(stream)
    except DamagedLog:
        return True
    return False


@pytest.fixture
def damaged(tmp_path):
    """A log of these commits, and the path of the one that begins at a position."""

    def make(*commits):
        with open_log(tmp_path / "log", create=True) as log:
            for streams in commits:
                commit(log, *streams)
            right = {stream: log.load(stream) for stream in STREAMS}
        return tmp_path / "log", right

    return make


def at(folder, position):
    return folder / "commits" / f"{position:020}.parquet"


def test_a_stream_that_goes_on_without_a_gap_is_loaded(damaged):
    folder, right = damaged("a", "bc", "d", "ab")
    in_the_payload(at(folder, 2))
    with open_log(folder) as log:
        assert log.load("a") == right["a"]
        assert log.stream_version("a") == 2
        with pytest.raises(DamagedLog, match=r"events of 'b' are in it; restore"):
            log.load("b")
        assert log.load("d") == right["d"]
        for stream in ("c", "a new one"):
            with pytest.raises(DamagedLog, match=r"may be in it; restore") as refusal:
                log.load(stream)
            assert refusal.value.path == str(at(folder, 2))


def test_whose_events_they_are_clears_everybody_else(damaged):
    folder, right = damaged("a", "d", "bb", "c", "b")
    in_the_payload(at(folder, 3))
    with open_log(folder) as log:
        assert [stream for stream in STREAMS if refused(log, stream)] == ["b"]
        assert all(log.load(stream) == right[stream] for stream in "acd")
        assert log.load("a new one") == []


@pytest.mark.parametrize("damage", [in_a_typed_column, in_the_footer, in_a_statistic])
def test_events_that_the_trees_around_them_prove_are_loaded(damaged, damage):
    folder, right = damaged("a", "bc", "d")
    damage(at(folder, 2))
    with open_log(folder) as log:
        assert {stream: log.load(stream) for stream in STREAMS} == right
        with pytest.raises(DamagedLog, match=r"2\.parquet.*restore"):
            list(log.read())  # which is what SQL reads: it believes typed columns and statistics


def test_nobody_writes_beside_a_damaged_file(damaged):
    """Whether an event was there already cannot be told without it."""
    folder, _ = damaged("a", "b", "a")
    in_the_payload(at(folder, 2))
    with open_log(folder) as log:
        log.load("a")
        with pytest.raises(DamagedLog):
            commit(log, "a")


def test_what_was_restored_is_read_again(damaged):
    folder, right = damaged("a", "b", "c")
    before = at(folder, 2).read_bytes()
    in_the_payload(at(folder, 2))
    with open_log(folder) as log:
        assert refused(log, "b")
        at(folder, 2).write_bytes(before)
        assert log.load("b") == right["b"]


@pytest.mark.long
@given(st.lists(st.text("abcd", min_size=1, max_size=3), min_size=2, max_size=6), st.randoms(use_true_random=False))
def test_a_stream_is_refused_or_right(commits, rng: random.Random):
    """Whatever is hit, and however many files are."""
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as place:
        with open_log(place, create=True) as log:
            for streams in commits:
                commit(log, *streams)
            right = {stream: log.load(stream) for stream in STREAMS}
            files = sorted(Path(place, "commits").iterdir())
        for path in rng.sample(files[:-1], rng.randint(1, len(files) - 1)):
            flip(path, rng.randrange(path.stat().st_size))
        with open_log(place) as log:
            for stream in STREAMS:
                if not refused(log, stream):
                    assert log.load(stream) == right[stream]
                    assert log.stream_version(stream) == len(right[stream])
