from datetime import UTC, datetime
from typing import Any

import pytest

from orders_es.errors import OrderNotFound
from orders_es.log import NO_STREAM, Head, StreamAppend, open_log
from orders_es.log.parquet import ParquetLog
from orders_es.orders import OrderPlaced
from orders_es.replay import history, load_order
from orders_es.replay.suggestions import close_ids, ids_like


@pytest.mark.parametrize("ask", [load_order, history])
def test_an_unknown_order_comes_with_ids_like_it(log, ask):
    with pytest.raises(OrderNotFound, match=r"did you mean A-1\?") as error:
        ask(log, "a-1")
    assert error.value.suggestions == ("A-1",)


@pytest.mark.parametrize("ask", [load_order, history])
def test_an_order_that_was_not_there_yet_says_since_when_it_is(log, ask):
    with pytest.raises(
        OrderNotFound, match=r"at 2011-05-01 00:00 UTC; its first event occurred at 2011-06-01 12:00 UTC"
    ):
        ask(log, "A-1", at=datetime(2011, 5, 1, tzinfo=UTC))


def test_looking_for_an_order_that_is_not_there_creates_nothing(log):
    before = log.head()
    with pytest.raises(OrderNotFound):
        load_order(log, "nowhere")
    assert log.head() == before
    assert "nowhere" not in log.stream_ids()


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("c541433", ("C541433",)),
        (" C541433 ", ("C541433",)),
        ("541433", ("C541433",)),
        ("C54143", ("C541433",)),
        ("C514433", ("C541433",)),
        ("C541434", ("C541433",)),
        ("5363", ("536365", "536366")),
        ("zzz", ()),
        ("", ()),
        ("C541433", ()),
    ],
)
def test_ids_like_it(wanted, expected):
    assert close_ids(wanted, ["536365", "536366", "C541433"]) == expected


def test_suggestions_are_few():
    assert len(close_ids("1", [str(n) for n in range(100)])) == 3


class Large:
    """A log of ten million events that can be asked whether ids exist, and must not be asked for all of them."""

    def __init__(self, *ids):
        self.ids, self.asked = set(ids), 0

    def head(self):
        return Head(10_000_000, None, b"")

    def existing(self, stream_ids):
        self.asked += len(stream_ids)
        return self.ids.intersection(stream_ids)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("c541433", ("C541433",)),
        (" C541433 ", ("C541433",)),
        ("541433", ("C541433",)),
        ("C54143", ("C541433",)),
        ("C514433", ("C541433",)),
        ("c541434", ("C541433",)),
        ("order-1", ("order-12",)),
        ("zzz", ()),
        ("", ()),
        ("C541433", ()),
        ("0b5d9e4c-7a34-4f0a-8c53-2f6a4f0f6f1e" * 20, ()),
    ],
)
def test_a_large_log_is_asked_for_a_few_ids(wanted, expected):
    log: Any = Large("536365", "536366", "C541433", "order-12")
    assert ids_like(log, wanted) == expected
    assert log.asked <= 4_096


@pytest.mark.long
def test_a_log_with_sorted_copies_knows_what_exists(tmp_path):
    with open_log(tmp_path / "log", create=True) as log:
        assert isinstance(log, ParquetLog)
        for number in range(2):
            names = [f"bulk-{number}-{i}" for i in range(1_500)]
            log.append_batch([StreamAppend(name, [OrderPlaced()], NO_STREAM) for name in names])
        log.append("late", [OrderPlaced()], expected=NO_STREAM)
        wanted = ["bulk-0-7", "bulk-1-1499", "late", "never", "bulk-2-0"]
        for handle in (log, open_log(tmp_path / "log")):
            assert handle.existing(wanted) == {"bulk-0-7", "bulk-1-1499", "late"}
        log.compact()
        assert open_log(tmp_path / "log").existing(wanted) == {"bulk-0-7", "bulk-1-1499", "late"}
    assert log.existing([]) == set()
    with open_log(":memory:") as memory:
        memory.append("late", [OrderPlaced()], expected=NO_STREAM)
        assert memory.existing(wanted) == {"late"}
