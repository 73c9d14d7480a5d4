"""Run in this package's own continuous integration, and by the tests of orders_es."""

from __future__ import annotations

import tempfile
from decimal import Decimal
from pathlib import Path

from library.domain import LOANS
from library.earlier import a_year, today

from orders_es.log import open_log
from orders_es.replay import connect
from orders_es.replay.load import load_state
from orders_es.testing import check_pure, check_schemas

HERE = Path(__file__).parent.parent


def test_no_change_breaks_readers() -> None:
    """What is in the committed file can be read, and means what it meant."""
    check_schemas(today(), HERE / "schemas.json")


def test_the_upcasters_are_pure() -> None:
    """Each event of a log that three programs wrote is read the same again and again."""
    with tempfile.TemporaryDirectory() as folder:
        a_year(folder)
        with open_log(folder, registry=today()) as log:
            events = [event for loan in log.stream_ids() for event in log.load(loan)]
            assert check_pure(today(), [(e.type, e.schema_version, e.payload) for e in events]) == sum(
                e.recorded_as is not None for e in events
            )
            assert load_state(log, "L-2", LOANS).fines == Decimal("1.50")
            with connect(log) as session:
                fines = session.sql("SELECT sum(amount)::VARCHAR FROM events").rows()
    assert fines == [("1.8833",)]
