"""What is drawn is what the read model says, number by number."""

from datetime import timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from matplotlib.patches import Rectangle

from orders_es import plots
from orders_es.errors import InvalidSetting
from orders_es.plots.style import duration
from orders_es.projections import Projector, ReadModels, lag_history, set_projections
from orders_es.replay import explain, history


def bars_of(ax):
    return [patch for patch in ax.patches if isinstance(patch, Rectangle)]


def heights(ax):
    return [bar.get_height() for bar in bars_of(ax)]


@pytest.mark.long
def test_sales_bars_are_the_revenue_and_those_that_are_cut_have_it_written_beside_them(shop):
    ax = plots.plot_sales(shop)
    rows = shop.sql("SELECT day, sum(revenue) AS revenue FROM daily_sales GROUP BY day ORDER BY day").rows()
    drawn = heights(ax)
    known = {day: float(revenue) for day, revenue in rows}
    days = pd.date_range(rows[0][0], rows[-1][0])
    due = [known.get(day.date(), 0.0) for day in days]
    cut = [n for n, (height, revenue) in enumerate(zip(drawn, due, strict=True)) if abs(height - revenue) > 0.01]
    assert [text.get_text() for text in ax.texts if text.get_text()] == [f"{due[n]:,.2f}" for n in cut]
    assert f"{len(cut)} bars are cut" in ax.get_title(loc="left").replace("\n", " ")
    assert all(drawn[n] > 1.2 * max(due[m] for m in range(len(due)) if m not in cut) for n in cut)


@pytest.mark.long
def test_long_times_are_drawn_by_week_or_month_with_the_same_sum():
    days = pd.date_range("2020-01-01", periods=3_000)
    rows = pd.DataFrame({"day": days, "currency": "EUR", "revenue": [Decimal("1.25")] * len(days)})
    for count, step in ((150, "day"), (600, "week"), (3_000, "month")):
        ax = plots.plot_sales(rows.head(count))
        assert f"by {step}" in ax.get_title(loc="left")
        assert sum(heights(ax)) == pytest.approx(1.25 * count)
        assert len(ax.patches) < 210


def test_money_of_two_currencies_is_never_added_up():
    rows = pd.DataFrame({"day": ["2024-01-01"] * 2, "currency": ["EUR", "GBP"], "revenue": [5, 7]})
    ax = plots.plot_sales(rows)
    assert heights(ax) == [7]
    assert ax.get_ylabel() == "GBP"
    assert "without EUR" in ax.get_title(loc="left")
    assert heights(plots.plot_sales(rows, currency="EUR")) == [5]


@pytest.mark.long
def test_cohort_cells_are_the_retention(shop):
    ax = plots.plot_cohorts(shop)
    cells = ax.images[0].get_array()
    rows = shop.sql("SELECT cohort, months_since, retention FROM cohorts").rows()
    first = min(cohort for cohort, _, _ in rows)
    for cohort, since, retention in rows:
        row = (cohort.year - first.year) * 12 + cohort.month - first.month
        assert cells[row, since] == pytest.approx(retention)
    assert np.ma.count(np.ma.masked_invalid(cells)) == len(rows)


def test_funnel_bars_are_the_orders_that_reached_each_step(shop):
    ax = plots.plot_funnel(shop)
    rows = shop.sql("SELECT status, sum(reached), sum(cancelled) FROM order_funnel GROUP BY step, status ORDER BY step")
    widths = np.array([bar.get_width() for bar in bars_of(ax)]).reshape(3, -1)
    assert widths.sum(axis=0).tolist() == [reached for _, reached, _ in rows.rows()]
    assert widths[2].tolist() == [cancelled for _, _, cancelled in rows.rows()]


def test_cycle_time_lines_are_the_percentiles(shop):
    ax = plots.plot_cycle_times(shop, steps=("placed", "paid"))
    rows = shop.sql(
        "SELECT p99, p90, p50 FROM cycle_times WHERE from_step = 'placed' AND to_step = 'paid' ORDER BY week"
    ).rows()
    length = {"days": 86_400, "hours": 3_600, "minutes": 60, "seconds": 1}[ax.get_ylabel()]
    for line, values in zip(ax.lines, zip(*rows, strict=True), strict=True):
        assert line.get_ydata() == pytest.approx(np.array(values) / length)


def test_steps_that_are_not_measured_are_refused_and_those_that_are_named(shop, nothing):
    with pytest.raises(InvalidSetting, match=r"give one of .*\('shipped', 'delivered'\)"):
        plots.plot_cycle_times(shop, steps=("placed", "delivered"))
    assert plots.plot_cycle_times(nothing, steps=("shipped", "delivered")).texts


def test_the_flow_names_every_transition_with_its_count_and_wait(shop):
    ax = plots.plot_status_flow(shop)
    said = {text.get_text() for text in ax.texts}
    for row in shop.sql("FROM status_transitions").to_arrow().to_pylist():
        assert f"{row['orders']:,}\n{duration(row['median_wait'])}" in said
        assert {row["from_status"], row["to_status"]} <= said


def test_restatement_bars_are_the_changes(shop):
    ax = plots.plot_restatements(shop, measure="gross")
    rows = shop.sql("SELECT gross_change FROM restatements WHERE gross_change <> 0").rows()
    assert sorted(heights(ax)) == pytest.approx(sorted(float(change) for (change,) in rows))


def test_a_legend_names_only_what_is_drawn(shop):
    rows = shop.sql("FROM restatements WHERE gross_change > 0").to_pandas()
    legend = plots.plot_restatements(rows, measure="gross").get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["more than first known"]


def test_a_waterfall_ends_at_the_total_however_many_events_made_it(shop):
    longest = shop.sql("SELECT order_id FROM orders ORDER BY event_count DESC LIMIT 1").rows()[0][0]
    for order_id in (
        longest,
        *shop.sql("SELECT order_id FROM orders WHERE event_count < 12 LIMIT 3").to_pandas()["order_id"],
    ):
        explanation = explain(shop.log, order_id)
        drawn = bars_of(plots.plot_total_waterfall(explanation))
        lying = len(drawn) > 6
        *bars, total = (bar.get_width() if lying else bar.get_height() for bar in drawn)
        assert total == pytest.approx(float(explanation.total))
        assert sum(bars) == pytest.approx(float(explanation.total))
        assert len(bars) <= 24


def test_late_records_are_named_with_their_delay(shop):
    latest = shop.sql("SELECT stream_id FROM events ORDER BY recorded_at - occurred_at DESC LIMIT 1").rows()[0][0]
    events = history(shop.log, latest)
    ax = plots.plot_order_timeline(events)
    late = [event for event in events if event.recorded_at - event.occurred_at > timedelta(days=1)]
    assert late
    assert f"{len(late)} recorded late" in ax.get_title(loc="left")
    worst = max(event.recorded_at - event.occurred_at for event in late)
    [said] = {text.get_text() for text in ax.texts if f"{duration(worst.total_seconds())} late" in text.get_text()}
    assert said.partition("\n")[0] in {event.type for event in late}


@pytest.mark.long
def test_a_life_of_thousands_of_events_is_drawn_late_ones_first(shop):
    [event, *_] = history(shop.log, shop.sql("SELECT any_value(order_id) FROM orders").rows()[0][0])
    ax = plots.plot_order_timeline([event] * 5_000)
    assert len(ax.lines) < 2_010
    assert "3,000 not drawn" in ax.get_title(loc="left")


def test_lag_is_drawn_with_its_limit_and_shaded_where_it_is_broken(samples):
    ax = plots.plot_lag(samples, sla=timedelta(seconds=30))
    drawn = {line.get_label(): line.get_ydata() for line in ax.lines}
    assert np.nanmax(drawn["orders"]) == 45.0
    assert np.isnan(drawn["orders"]).sum() == 1
    assert ax.collections
    assert "above it: orders, worst 45.0 s" in ax.get_title(loc="left")
    assert "never above it" in plots.plot_lag(samples, sla=100).get_title(loc="left")


@pytest.mark.long
def test_lag_of_a_day_by_the_second_keeps_its_worst_moment():
    times = pd.date_range("2024-01-01", periods=86_400, freq="s", tz="UTC")
    seconds = np.zeros(len(times))
    seconds[54_321] = 99.0
    rows = pd.DataFrame({"projection": "orders", "sampled_at": times, "seconds_behind": seconds})
    line = np.asarray(plots.plot_lag(rows).lines[0].get_ydata())
    assert len(line) == 2_000
    assert line.max() == 99.0


def test_a_moment_for_data_that_is_computed_already_is_refused(shop):
    rows = shop.table("daily_sales").to_pandas()
    assert plots.plot_sales(rows).patches
    with pytest.raises(TypeError, match="at=, known_at= and recorded_by= are for a session"):
        plots.plot_sales(rows, at=pd.Timestamp("2024-02-01", tz="UTC"))


def test_lag_is_drawn_from_a_read_model_file_as_its_runner_noted_it(shop, tmp_path):
    Projector(shop.log, tmp_path / "shop.duckdb", set_projections(["orders"])).run()
    models = ReadModels(tmp_path / "shop.duckdb")
    line = plots.plot_lag(models).lines[0]
    assert line.get_label() == "orders"
    assert line.get_ydata() == pytest.approx(lag_history(models)["seconds_behind"].to_numpy(float), nan_ok=True)


def test_of_many_projections_those_that_lag_most_are_named():
    times = pd.date_range("2024-01-01", periods=3, freq="s", tz="UTC")
    rows = pd.concat(
        pd.DataFrame({"projection": f"p{n:02}", "sampled_at": times, "seconds_behind": [0.0, n, 1.0]})
        for n in range(16)
    )
    ax = plots.plot_lag(rows)
    assert len(ax.lines) == 16
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["p12", "p13", "p14", "p15"]
    assert len({(line.get_color(), line.get_linestyle()) for line in ax.lines}) == 5
    assert "12 more in grey" in ax.get_title(loc="left")
