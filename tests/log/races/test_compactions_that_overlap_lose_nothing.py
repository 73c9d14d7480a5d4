"""Segments of several compactions, begun at different moments, never leave a range that no chain of files covers."""

from datetime import timedelta
from typing import Any

import pytest
from checking import rows_of
from writing import events_for

from orders_es.log import ANY, open_log
from orders_es.log.parquet import chain, compaction
from orders_es.log.parquet.storage import publish as publish_file


def append(log, count):
    for _ in range(count):
        log.append("a", [event for _, event in events_for(["a"])], expected=ANY)


@pytest.fixture
def log(tmp_path):
    with open_log(tmp_path / "log", create=True) as log:
        append(log, 8)
        yield log


def test_compactions_with_different_targets_and_a_vacuum_after_each_keep_every_event(log):
    before = rows_of(log.url)
    head = log.head()
    others: list[Any] = [open_log(log.url) for _ in range(3)]
    for other, target in zip(others, (3, 5, 7), strict=True):
        other.compact(target_events=target)
        other.vacuum(grace=timedelta(0))
        assert rows_of(log.url) == before
        assert log.head() == head
    append(log, 9)
    for other, target in zip(others, (6, 4, 100), strict=True):
        other.compact(target_events=target)
        other.vacuum(grace=timedelta(0))
    assert rows_of(log.url)[0]["event_id"][:8] == before[0]["event_id"]
    assert len(rows_of(log.url)[1]) == 17


def test_a_compaction_that_read_before_two_others_does_not_cut_the_log(log, monkeypatch):
    before = rows_of(log.url)
    folder, early = str(log.url), log.files()[:6]
    slow = open_log(log.url)
    real = publish_file

    def publish(place, name, write, **options):
        if name == chain.segment_name(1, 6):  # it has read its inputs, and others go by before it links

            def slow_write(file):
                write(file)
                compaction.merge(folder, log.checked, log.files()[:4])
                log.relist()
                compaction.merge(folder, log.checked, log.files()[1:])
                log.relist()
                log.vacuum(grace=timedelta(0))

            return real(place, name, slow_write, **options)
        return real(place, name, write, **options)

    monkeypatch.setattr(compaction, "publish", publish)
    compaction.merge(folder, log.checked, early)
    assert rows_of(log.url) == before
    assert slow.head() == log.head()
    assert slow.head().position == 8
    log.vacuum(grace=timedelta(0))
    assert rows_of(log.url) == before
