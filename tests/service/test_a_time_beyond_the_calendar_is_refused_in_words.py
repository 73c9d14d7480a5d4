from datetime import UTC, datetime, timedelta, timezone

import pytest

from orders_es.errors import InvalidEvent, InvalidTime
from orders_es.log import open_log
from orders_es.orders import CreateOrder
from orders_es.service import handle


@pytest.mark.parametrize(
    ("moment", "error"),
    [
        (datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))), InvalidTime),
        (datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-12))), InvalidTime),
        (datetime(9999, 12, 31, tzinfo=UTC), InvalidEvent),
    ],
)
def test_by_a_command(moment, error):
    with open_log(":memory:") as log:
        with pytest.raises(error, match="years 1 to 9999"):
            handle(log, "A-1", CreateOrder(currency="EUR"), occurred_at=moment)
        assert log.head().position == 0
