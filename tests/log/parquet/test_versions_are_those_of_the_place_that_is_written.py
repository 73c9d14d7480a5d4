"""What others commit between a writer's look at the versions and its look for event ids is not overlooked."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from orders_es.errors import VersionConflict
from orders_es.log import ANY, NewEvent, open_log
from orders_es.log.parquet import ParquetLog
from orders_es.orders import OrderPlaced


@pytest.fixture
def overtaken(tmp_path):
    """A writer whose look for event ids meets a file that is gone, after somebody else has committed."""
    other = open_log(tmp_path / "log", create=True)
    assert isinstance(other, ParquetLog)
    other.append("o-1", [OrderPlaced()], expected=ANY)
    log: Any = open_log(tmp_path / "log")
    find = log._event_ids.find
    times = []

    def meanwhile(*asked):
        times.append(asked)
        if len(times) == 1:
            other.append("o-1", [OrderPlaced()], expected=ANY)
            other.compact()
            raise FileNotFoundError
        return find(*asked)

    log._event_ids.find = meanwhile
    return log


def event():
    return NewEvent(data=OrderPlaced(), event_id=uuid4())


def test_a_version_goes_on_after_theirs(overtaken):
    assert overtaken.append("o-1", [event()], expected=ANY).versions == {"o-1": 3}
    assert [e.version for e in overtaken.load("o-1")] == [1, 2, 3]


def test_a_stale_version_is_rejected(overtaken):
    with pytest.raises(VersionConflict):
        overtaken.append("o-1", [event()], expected=1)
