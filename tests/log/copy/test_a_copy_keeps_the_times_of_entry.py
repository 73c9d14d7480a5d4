from datetime import UTC, datetime

import pytest

from orders_es.log import ANY, NewEvent, open_log
from orders_es.log.copy import copy_log
from orders_es.orders import OrderPlaced

MOMENT = datetime(2011, 6, 3, tzinfo=UTC)


@pytest.mark.parametrize(("one", "other"), [("log", "copy.duckdb"), ("log.duckdb", "copy")])
def test_from_a_folder_to_a_table_and_back(tmp_path, one, other):
    with open_log(tmp_path / one, create=True) as log:
        log.append("A", [OrderPlaced(), NewEvent(data=OrderPlaced(), entered_at=MOMENT)], expected=ANY)
        log.append("B", [OrderPlaced()], expected=ANY)
        copy_log(log, tmp_path / other)
        with open_log(tmp_path / other) as copy:
            assert copy.head() == log.head()
            assert [[e.entered_at for e in copy.load(name)] for name in "AB"] == [[None, MOMENT], [None]]
