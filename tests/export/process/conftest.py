"""A shop's log whose orders have been through everything, once for all tests of process mining; they only read it."""

from datetime import UTC, datetime

import pytest

from orders_es.log import open_log
from orders_es.replay import connect
from orders_es.sources.simulator import SimulatorSettings, simulate_into


@pytest.fixture(scope="package")
def shop(tmp_path_factory):
    place = tmp_path_factory.mktemp("shop") / "log"
    few_lines = SimulatorSettings(long_orders=0)
    simulate_into(place, orders=40, seed=5, start=datetime(2025, 1, 1, tzinfo=UTC), days=90, settings=few_lines)
    return place


@pytest.fixture(scope="package")
def session(shop):
    with open_log(shop) as log, connect(log) as session:
        yield session


@pytest.fixture(scope="package")
def exported(session, tmp_path_factory):
    """The shop's orders in every form, by the name's ending."""
    from orders_es.export.process import export_ocel, export_xes

    folder = tmp_path_factory.mktemp("exported")
    forms = {"json": export_ocel, "sqlite": export_ocel, "xes": export_xes, "xes.gz": export_xes}
    return {ending: write(session, folder / f"orders.{ending}") for ending, write in forms.items()}
