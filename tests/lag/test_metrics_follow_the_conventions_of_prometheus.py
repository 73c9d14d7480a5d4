import re
import sys
import urllib.request
from datetime import timedelta

import pytest

from orders_es.errors import CannotGiveMetrics, NoReadModels
from orders_es.projections.lag.facts import Facts, Freshness, Runner
from orders_es.projections.lag.judgement import judge
from orders_es.projections.lag.metrics import LagCollector, lag_metrics, serve_metrics, write_metrics

from .conftest import NOON

parser = pytest.importorskip("prometheus_client.parser")

LAG = judge(
    Facts(
        projection='or"ders',
        now=NOON,
        head_position=9,
        head_recorded_at=NOON,
        position=4,
        position_recorded_at=NOON - timedelta(seconds=60),
        next_recorded_at=NOON - timedelta(seconds=30),
        progress_at=NOON,
        since=NOON - timedelta(seconds=10),
        arrived=10,
        processed=20,
        runner=Runner(holds=True, beat_at=NOON, pid=7, host="shop-1"),
        freshness=Freshness(1, 2, 3, 4),
        dead_letters=2,
    )
)
UNKNOWN = judge(Facts(projection="unknown", now=NOON))


def samples(text):
    """Name and labels, and value."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in parser.text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_a_file_holds_every_figure_in_base_units(tmp_path):
    path = tmp_path / "lag.prom"
    write_metrics([LAG], path)
    found = samples(path.read_text())
    assert found["orders_es_projection_behind_events", 'or"ders'] == 5
    assert found["orders_es_projection_behind_seconds", 'or"ders'] == 30
    assert found["orders_es_projection_definition_lag_seconds", 'or"ders'] == 60
    assert found["orders_es_projection_eta_seconds", 'or"ders'] == 5
    assert found["orders_es_projection_processed_events_total", 'or"ders'] == 4
    assert found["orders_es_projection_dead_letters", 'or"ders'] == 2
    assert found["orders_es_projection_heartbeat_timestamp_seconds", 'or"ders'] == NOON.timestamp()
    quantiles = [found["orders_es_projection_freshness_seconds", 'or"ders', q] for q in ("0.5", "0.95", "0.99", "1")]
    assert quantiles == [1, 2, 3, 4]
    assert found["orders_es_log_events_total",] == 9
    assert found["orders_es_log_last_event_timestamp_seconds",] == NOON.timestamp()
    assert list(tmp_path.iterdir()) == [path], "nothing else is left"


def test_exactly_one_state_is_1(tmp_path):
    write_metrics([LAG, UNKNOWN], tmp_path / "lag.prom")
    found = samples((tmp_path / "lag.prom").read_text())
    states = {key[1:]: value for key, value in found.items() if key[0] == "orders_es_projection_state"}
    assert {key for key, value in states.items() if value} == {('or"ders', "catching_up"), ("unknown", "stopped")}
    assert len(states) == 2 * 6


def test_what_is_unknown_has_no_sample(tmp_path):
    write_metrics([UNKNOWN], tmp_path / "lag.prom")
    names = {key[0] for key in samples((tmp_path / "lag.prom").read_text())}
    assert names == {
        "orders_es_projection_state",
        "orders_es_projection_dead_letters",
        "orders_es_lag_measured_timestamp_seconds",
    }


def test_names_are_in_snake_case_with_the_unit_last_and_total_on_counters_alone():
    for family in lag_metrics([LAG]):
        assert re.fullmatch(r"orders_es(_[a-z]+)+", family.name)
        assert family.documentation.endswith(".")
        for sample in family.samples:
            assert sample.name.endswith("_total") == (family.type == "counter")
            assert ("quantile" in sample.labels) == (family.type == "summary")
        if "time" in family.name or "second" in family.documentation:
            assert family.name.endswith("_seconds")


def test_each_scrape_measures_anew(shop):
    shop.order()
    shop.run()
    port, end = serve_metrics(LagCollector(shop.log, shop.models, clock=shop.clock), 0)
    try:
        assert scrape(port)["orders_es_projection_behind_events", "orders"] == 0
        shop.order(2)
        shop.clock.forward(5)
        found = scrape(port)
        assert found["orders_es_projection_behind_events", "orders"] == 2
        assert found["orders_es_projection_behind_seconds", "orders"] == 5
    finally:
        end()


def test_a_port_that_is_taken_is_told(shop):
    port, end = serve_metrics(LagCollector(shop.log, shop.models), 0)
    try:
        with pytest.raises(CannotGiveMetrics, match=str(port)):
            serve_metrics(LagCollector(shop.log, shop.models), port)
    finally:
        end()


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    with pytest.raises(CannotGiveMetrics, match="nowhere"):
        write_metrics([LAG], tmp_path / "nowhere" / "lag.prom")


def test_a_missing_library_is_told_with_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(CannotGiveMetrics, match=r"pip install 'orders_es\[metrics\]'"):
        write_metrics([LAG], tmp_path / "lag.prom")


def test_a_scrape_that_cannot_be_answered_fails(shop):
    with pytest.raises(NoReadModels):
        list(LagCollector(shop.log, shop.models).collect())


def scrape(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=600) as answer:
        return samples(answer.read().decode())
