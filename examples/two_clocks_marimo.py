# /// script
# requires-python = ">=3.11"
# dependencies = ["marimo>=0.20", "orders_es[plots]"]
# ///
"""Orders on both clocks in marimo: two sliders, and everything below follows them.

Run it with `marimo run examples/two_clocks_marimo.py`, or `marimo edit` to change it. It shows the log that ORDERS_ES_LOG
names, or a simulated shop that it makes for itself.
"""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Orders on two clocks")


@app.cell
def _():
    import os
    import tempfile
    from datetime import UTC, datetime, timedelta

    import marimo as mo

    from orders_es.log import open_log
    from orders_es.replay import connect
    from orders_es.sources.simulator import simulate_into

    return UTC, connect, datetime, mo, open_log, os, simulate_into, tempfile, timedelta


@app.cell
def _(UTC, connect, datetime, open_log, os, simulate_into, tempfile):
    place = os.environ.get("ORDERS_ES_LOG")
    if place is None:
        place = tempfile.mkdtemp() + "/shop"
        simulate_into(place, orders=300, seed=7, start=datetime(2025, 1, 1, tzinfo=UTC), days=60)
    session = connect(open_log(place))
    return (session,)


@app.cell
def _(mo, session):
    first, last = session.sql("SELECT min(occurred_at), max(coalesce(entered_at, recorded_at)) FROM events").rows()[0]
    days = max(1, (last - first).days + 1)
    happened = mo.ui.slider(0, days, value=days, label="What had happened by day", show_value=True, full_width=True)
    known = mo.ui.slider(0, days, value=days, label="What was known by day", show_value=True, full_width=True)
    mo.vstack([mo.md("# Orders on two clocks"), happened, known])
    return first, happened, known


@app.cell
def _(first, happened, known, mo, session, timedelta):
    at, known_at = first + timedelta(days=happened.value), first + timedelta(days=known.value)
    by_status = session.sql(
        "SELECT currency, status, count(*) AS orders, sum(total) AS total FROM orders GROUP BY ALL ORDER BY ALL",
        at=at,
        known_at=known_at,
    )
    mo.vstack([mo.md(f"As of {at:%d %B %Y}, as known on {known_at:%d %B %Y}:"), by_status.to_pandas()])
    return at, by_status, known_at


@app.cell
def _(at, known_at, mo, session):
    now = session.sql("SELECT currency, sum(total) AS total FROM orders GROUP BY ALL ORDER BY ALL", at=at).to_pandas()
    then = session.sql(
        "SELECT currency, sum(total) AS total FROM orders GROUP BY ALL ORDER BY ALL", at=at, known_at=known_at
    ).to_pandas()
    mo.vstack([mo.md("The same days, as known now and as known then:"), mo.hstack([now, then])])
    return


if __name__ == "__main__":
    app.run()
