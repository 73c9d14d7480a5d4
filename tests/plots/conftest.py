"""A shop with late records on which every plot has something to show, and figures that no screen shows."""

import functools
from datetime import UTC, datetime, timedelta

import pytest

from orders_es import plots
from orders_es.log import open_log
from orders_es.replay import connect, explain, history
from orders_es.sources.simulator import simulate_into

pytest.importorskip("matplotlib").use("Agg")

from matplotlib import pyplot as plt  # noqa: E402 - after the choice of what draws


@pytest.fixture(scope="session")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plots") / "log"
    simulate_into(folder, orders=300, seed=11, start=datetime(2024, 1, 1, tzinfo=UTC), days=70)
    with open_log(folder) as log, connect(log) as session:
        yield session


@pytest.fixture(scope="session")
def nothing(tmp_path_factory):
    with open_log(tmp_path_factory.mktemp("plots") / "empty", create=True) as log, connect(log) as session:
        yield session


@pytest.fixture(scope="session")
def samples():
    """Lag samples of two projections, one of which is behind for a while; a value that is not known in between."""
    import pandas as pd

    start = datetime(2024, 1, 1, tzinfo=UTC)
    return pd.DataFrame(
        {
            "projection": name,
            "sampled_at": start + timedelta(seconds=second),
            "seconds_behind": None if second == 40 else max(0.0, peak - abs(second - 60)),
        }
        for name, peak in (("orders", 45.0), ("order_items", 2.0))
        for second in range(0, 120, 5)
    )


@pytest.fixture(scope="session")
def all_plots(shop, samples):
    """Every plot, as a function of nothing but `ax`."""
    names = ("sales", "cohorts", "funnel", "cycle_times", "status_flow", "restatements")
    every = {name: functools.partial(getattr(plots, f"plot_{name}"), shop) for name in names}
    order = shop.sql("SELECT order_id FROM orders ORDER BY event_count DESC LIMIT 1").rows()[0][0]
    return every | {
        "order_timeline": functools.partial(plots.plot_order_timeline, history(shop.log, order)),
        "total_waterfall": functools.partial(plots.plot_total_waterfall, explain(shop.log, order)),
        "lag": functools.partial(plots.plot_lag, samples, sla=30),
    }


@pytest.fixture(autouse=True)
def _figures_are_closed():
    yield
    plt.close("all")
