"""A log whose clock is turned by hand, and a way to put events into it."""

from datetime import UTC, datetime

import pytest

from orders_es.log import ANY, NewEvent, open_log
from orders_es.replay import connect


def june(day, hour=12, minute=0):
    return datetime(2026, 6, day, hour, minute, tzinfo=UTC)


class Book:
    def __init__(self, place):
        self.now = june(1)
        self.log = open_log(place, create=True, clock=lambda: self.now)
        self.session = connect(self.log)

    def record(self, order, *events, at, recorded=None, actor="web", **more):
        """Append events that happened at `at`; what they are recorded at is the same moment unless given."""
        self.now = max(self.now, recorded or at)
        new = [NewEvent(data=data, occurred_at=at, actor=actor, **more) for data in events]
        return self.log.append(order, new, expected=ANY)


@pytest.fixture
def book(tmp_path):
    made = Book(str(tmp_path / "log"))
    yield made
    made.session.close()
    made.log.close()
