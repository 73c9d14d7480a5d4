from datetime import UTC, datetime

import pytest

from orders_es.errors import OrderNotFound
from orders_es.replay import history, load_order
from orders_es.replay.suggestions import close_ids


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
