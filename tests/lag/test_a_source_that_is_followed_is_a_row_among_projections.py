"""A follower that is watched beside a read-model file tells its lag where projections tell theirs: live, unable to read, stopped, and gone."""

import json
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from orders_es.errors import BadSource, NoReadModels, SourceUnavailable
from orders_es.lag import check_sla, measure_lag
from orders_es.log import open_log
from orders_es.projections import Projector, set_projections
from orders_es.projections.file.runner_file import SourceRunner, sources_folder
from orders_es.sources.streams import Delivered, Follower

LINE = '{"id":"%d","aggregate_id":"A-%d","type":"%s","payload":{"currency":"EUR"},"timestamp":"2026-06-01T10:00:00Z","version":1}'


class Source:
    """Lines in a list; what is asked meanwhile is looked at by the test."""

    name = "kafka://db.example topic orders"

    def __init__(self, count):
        self.lines = [LINE % (n, n, "order_created") for n in range(count)]
        self.read_next = lambda: None

    def read(self, after, limit):
        self.read_next()
        first = 0 if after is None else int(after) + 1
        return [Delivered(str(n), each.encode()) for n, each in enumerate(self.lines[first : first + limit], first)]

    def committed(self, place): ...

    def wait(self, _):
        return True

    def close(self): ...


@pytest.fixture
def log():
    with open_log(":memory:") as log:
        yield log


@pytest.fixture
def models(tmp_path):
    return tmp_path / "shop.duckdb"


def follow(log, models, source, look):
    """Follow until `look`, which is called at each read, says that it has seen enough."""
    stop, seen = threading.Event(), []

    def read_next():
        seen.append(look())
        if len(seen) > 3:
            stop.set()

    source.read_next = read_next
    follower = Follower(log, source, mapping="order-service", batch_events=2, on_error="quarantine")
    with SourceRunner(models, source.name, lambda: datetime.now(UTC)) as runner:
        follower.follow(stop, poll=0.01, say=runner.say)
    return seen


def test_it_is_measured_as_projections_are_and_promises_hold_for_it(log, models):
    source = Source(3)
    source.lines.append('{"no": "order"}')
    first, second, _, last = follow(log, models, source, lambda: measure_lag(log, models)[0])
    assert first.projection == "follow:kafka://db.example topic orders"
    assert (first.events_behind, first.state) == (None, "catching_up"), "it has not looked yet, and has just begun"
    assert (second.events_behind, "more may wait" in second.reason) == (2, True)
    assert second.seconds_behind > timedelta(days=1).total_seconds(), "what waited happened in June"
    assert (last.events_behind, last.seconds_behind, last.state) == (0, 0, "caught_up")
    assert (last.position, last.dead_letters, last.source) == (3, 1, "follower")
    assert check_sla([second], 30)
    assert not check_sla([last], 30)
    [ended] = measure_lag(log, models)
    assert (ended.state, ended.events_behind) == ("stopped", None)
    assert str(check_sla([ended], 30)[0]).startswith("nobody can say how far behind follow:kafka")


def test_what_keeps_it_from_reading_is_said(log, models):
    source = Source(1)

    def fails(error):
        def look():
            found = measure_lag(log, models)[0]
            if not told:
                told.append(found)
                raise error
            told.append(found)
            return found

        told = []
        return told, look

    told, look = fails(SourceUnavailable(source.name, "no route"))
    follow(log, models, source, look)
    assert (told[1].state, told[1].events_behind) == ("stuck", None)
    assert "no route" in told[1].reason
    assert told[-1].state == "caught_up"
    _, look = fails(BadSource(source.name, None, "it is another topic"))
    with pytest.raises(BadSource):
        follow(log, models, source, look)
    [ended] = measure_lag(log, models)
    assert ended.state == "stopped"
    assert "it is another topic" in ended.reason


def test_metrics_and_status_and_lag_on_the_command_line_have_it(tmp_path, models):
    from click.testing import CliRunner

    from orders_es.cli import main

    def run(*words, code=0):
        done = CliRunner().invoke(main, [str(word) for word in words])
        assert done.exit_code == code, done.output
        return done

    prometheus = pytest.importorskip("prometheus_client")
    from orders_es.lag import LagCollector

    with open_log(tmp_path / "log", create=True) as log:
        source = Source(3)
        source.lines.append('{"no": "order"}')
        follow(log, models, source, lambda: None)
        Projector(log, models, set_projections(["orders"])).run()
        registry = prometheus.CollectorRegistry()
        registry.register(LagCollector(log, models))
        text = prometheus.generate_latest(registry).decode()
        name = 'projection="follow:kafka://db.example topic orders"'
        assert f"orders_es_projection_processed_events_total{{{name}}} 3.0" in text
        assert f'orders_es_projection_state{{{name},state="stopped"}} 1.0' in text
        assert f"orders_es_log_events_total {log.head().position}.0" in text, "its lines are not the log's events"
    place = ("--models", models, "--log", tmp_path / "log")
    [_, row] = json.loads(run("lag", *place, "--json").stdout)["projections"]
    assert (row["projection"], row["state"]) == ("follow:kafka://db.example topic orders", "stopped")
    assert "follow:kafka" in run("lag", *place, "--breach-on", "stopped", code=1).stderr
    [row] = json.loads(run("project", "status", *place, "--json").stdout)["sources"]
    assert row["position"] == 3
    assert "follow:kafka://db.example topic orders: stopped" in run("project", "status", *place).stdout
    assert "1 line of followed sources refused" in run("dead-letters", "list", *place).stdout
    [line] = json.loads(run("dead-letters", "list", *place, "--json").stdout)["refused_lines"]
    assert line["line"] == '{"no": "order"}'


def test_its_row_goes_with_its_file(log, models):
    follow(log, models, Source(1), lambda: None)
    [file] = sources_folder(models).iterdir()
    assert json.loads(file.read_text())["projection"] == Source.name
    Path(file).unlink()
    with pytest.raises(NoReadModels):
        measure_lag(log, models)
