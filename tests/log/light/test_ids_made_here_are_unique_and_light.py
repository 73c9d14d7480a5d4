"""Event ids that nobody gave: UUIDs of version 7 that no other commit, process or machine makes, alike but for their ends."""

import itertools
import os
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from uuid import RFC_4122, UUID

import pyarrow as pa
import pytest

from orders_es.log import NO_STREAM, NewEvent, StreamAppend, open_log
from orders_es.log.fresh_ids import fresh_ids, fresh_words
from orders_es.orders import OrderPlaced


def from_rows(count):
    ids = fresh_ids()
    return [next(ids) for _ in range(count)]


def from_table(count):
    raw = fresh_words(count).tobytes()
    return [raw[i : i + 16] for i in range(0, len(raw), 16)]


@pytest.mark.parametrize("ids_of", [from_rows, from_table])
def test_they_are_version_7_with_the_time_in_front_and_count_on(ids_of):
    before = time.time_ns() // 1_000_000
    ids = [UUID(bytes=one) for one in ids_of(3_000)]
    assert {(one.version, one.variant) for one in ids} == {(7, RFC_4122)}
    assert {one.int >> 80 for one in ids} <= set(range(before, time.time_ns() // 1_000_000 + 1))
    assert [one.int - ids[0].int for one in ids] == list(range(3_000))


@pytest.mark.parametrize("ids_of", [from_rows, from_table])
@pytest.mark.parametrize("drawn", [b"\x00" * 10, b"\xff" * 10])
def test_whatever_is_drawn_the_count_never_runs_into_version_or_variant(ids_of, drawn, monkeypatch):
    monkeypatch.setattr("orders_es.log.fresh_ids.os.urandom", lambda count: drawn[:count])
    ids = [UUID(bytes=one) for one in ids_of(300)]
    assert {(one.version, one.variant) for one in ids} == {(7, RFC_4122)}
    assert len(set(ids)) == 300


def begun(_):
    return [UUID(bytes=from_rows(1)[0]).int for _ in range(2_000)]


def test_many_that_begin_in_one_millisecond_and_in_many_processes_share_none():
    with ProcessPoolExecutor(2, mp_context=get_context("fork")) as pool:
        ids = [one for many in pool.map(begun, range(6)) for one in many]
    assert len(set(ids)) == len(ids)
    # Far apart where they share the millisecond: a commit that counts on from one does not reach the next one.
    ids.sort()
    assert min(b - a for a, b in itertools.pairwise(ids)) > 1 << 32


def test_a_commit_shares_what_stands_in_front_and_what_callers_give_stays(tmp_path):
    given = UUID("6a8c9a52-7d0e-4f43-9a3e-0f7f0f6e6a11")
    with open_log(tmp_path / "log", create=True) as log:
        done = log.append_batch(
            [
                StreamAppend("A", [OrderPlaced(), NewEvent(data=OrderPlaced(), event_id=given)], NO_STREAM),
                StreamAppend("B", [OrderPlaced()] * 2, NO_STREAM),
            ]
        )
        first, own, *others = (event.event_id for event in done.events)
        assert own == given
        assert [one.int - first.int for one in others] == [1, 2]
        again = log.append("C", [OrderPlaced()], expected=NO_STREAM).events[0].event_id
        assert abs(again.int - others[-1].int) > 1 << 32
        table = pa.table(
            {
                "stream_id": [f"T-{i}" for i in range(500)],
                "type": ["OrderPlaced"] * 500,
                "occurred_at": pa.array([0] * 500, pa.timestamp("us", "UTC")),
            }
        )
        log.append_table(table)
        ids = [
            UUID(bytes=one.bytes).int
            for batch in log.read(after=5, columns=["event_id"])
            for one in batch[0].to_pylist()
        ]
        assert [one - ids[0] for one in ids] == list(range(500))


def test_a_process_that_was_forked_goes_on_with_ids_of_its_own():
    ids = from_rows(1)
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.write(write, from_rows(1)[0])
        os._exit(0)
    os.waitpid(child, 0)
    theirs, ours = os.read(read, 16), from_rows(1)[0]
    os.close(read)
    os.close(write)
    assert len({*ids, theirs, ours}) == 3
