"""A clock that was ahead once: `recorded_at` waits for it, `occurred_at` is what the machine's clock says now, and it is said."""

import json
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from click.testing import CliRunner

from orders_es.audit import examine
from orders_es.cli.main import main
from orders_es.log import ANY, NewEvent, open_log
from orders_es.orders import OrderPlaced

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize("name", ["log", "log.duckdb"])
def test_events_occur_by_the_machines_clock(tmp_path, name):
    now = NOON + timedelta(days=3650)
    log = open_log(tmp_path / name, create=True, clock=lambda: now)
    log.append("A-1", [OrderPlaced()], expected=ANY)
    now = NOON
    log.append("A-1", [OrderPlaced()], expected=ANY)
    log.append("A-1", [OrderPlaced()] * 100, expected=ANY)
    log.append("A-1", [NewEvent(data=OrderPlaced(), occurred_at=NOON - timedelta(days=1))], expected=ANY)
    table = pa.table(
        {"stream_id": ["A-2"], "type": ["OrderPlaced"], "occurred_at": pa.array([NOON], pa.timestamp("us", "UTC"))}
    )
    log.append_table(table)
    if name == "log":
        assert log.load("A-1") == open_log(tmp_path / name).load("A-1")
    ahead, one, *many, dated = log.load("A-1")
    assert ahead.occurred_at == ahead.recorded_at == NOON + timedelta(days=3650)
    assert one.occurred_at == NOON
    assert {event.occurred_at for event in many} == {NOON}
    assert dated.occurred_at == NOON - timedelta(days=1)
    assert {event.recorded_at for event in log.load("A-1") + log.load("A-2")} == {ahead.recorded_at}


def test_an_append_tells_what_it_recorded(tmp_path):
    now = NOON + timedelta(hours=5)
    log = open_log(tmp_path / "log", create=True, clock=lambda: now)
    log.append("A-1", [OrderPlaced()], expected=ANY)
    now = NOON
    appended = log.append("A-1", [OrderPlaced()], expected=ANY)
    assert appended.recorded_at == NOON + timedelta(hours=5)
    assert appended.events == tuple(log.load("A-1")[1:])
    assert log.load("A-1")[-1].occurred_at == NOON


def test_a_clock_that_is_right_is_both(tmp_path):
    log = open_log(tmp_path / "log", create=True, clock=lambda: NOON)
    log.append("A-1", [OrderPlaced()], expected=ANY)
    [event] = log.load("A-1")
    assert event.occurred_at == event.recorded_at == NOON


def test_it_is_said_by_info_and_doctor(tmp_path):
    folder = str(tmp_path / "log")
    later = datetime.now(UTC) + timedelta(hours=30, minutes=1)
    with open_log(folder, create=True, clock=lambda: later) as log:
        log.append("A-1", [OrderPlaced()], expected=ANY)
        [advice] = examine(log)
        assert advice.about == "record clock"
        assert "30 hours ahead" in advice.what
    run = CliRunner()
    said = run.invoke(main, ["info", "--log", folder])
    assert "the log's clock is 30 hours ahead of this machine's" in " ".join(said.output.split())
    assert json.loads(run.invoke(main, ["info", "--json", "--log", folder]).output)["seconds_ahead"] > 30 * 3600
    assert run.invoke(main, ["doctor", "--log", folder]).exit_code == 1


def test_nothing_is_said_of_a_clock_that_is_right(tmp_path):
    folder = str(tmp_path / "log")
    with open_log(folder, create=True) as log:
        log.append("A-1", [OrderPlaced()], expected=ANY)
        assert examine(log) == []
    assert "seconds_ahead" not in json.loads(CliRunner().invoke(main, ["info", "--json", "--log", folder]).output)
