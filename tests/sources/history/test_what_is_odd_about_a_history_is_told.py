"""The gap report of histories; bad rows; and imports that go on where the last one stopped."""

import json
import sqlite3
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from orders_es.errors import BadSource
from orders_es.log import open_log
from orders_es.orders import ORDERS
from orders_es.replay import connect
from orders_es.rows import ROWS
from orders_es.sources.history import import_history
from orders_es.sources.simulator import SimulatorSettings, simulate_into


def audit(*rows):
    """A table of triggers, of (op, day, new, old)."""
    columns = {
        "id": [str(number) for number in range(1, len(rows) + 1)],
        "op": [op for op, _, _, _ in rows],
        "ts": [f"2026-06-{day:02} 10:00:00+00" for _, day, _, _ in rows],
        "record": [new and json.dumps(new) for _, _, new, _ in rows],
        "old_record": [old and json.dumps(old) for _, _, _, old in rows],
    }
    return pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})


def bring(*rows, log=None, **how):
    log = log or open_log(":memory:")
    return log, import_history(log, audit(*rows), key="id", table="t", **how)


def found(done):
    return {gap.kind: gap.count for gap in done.gaps.gaps}


@pytest.mark.long
def test_each_oddity_is_counted():
    a, b, c = ({"id": "1", "s": s} for s in "abc")
    assert found(bring(("UPDATE", 1, b, a))[1]) == {"begins in the middle": 1}
    assert found(bring(("INSERT", 1, a, None), ("INSERT", 2, b, None))[1]) == {"inserted twice": 1}
    assert found(bring(("INSERT", 1, a, None), ("UPDATE", 2, a, a))[1]) == {"changed nothing": 1}
    assert found(bring(("INSERT", 1, a, None), ("UPDATE", 2, c, b))[1]) == {"before differs": 1}
    assert found(bring(("INSERT", 2, a, None), ("UPDATE", 1, b, a))[1]) == {"time runs backwards": 1}
    gone = (("INSERT", 1, a, None), ("DELETE", 2, None, a))
    assert found(bring(*gone, ("UPDATE", 3, b, a))[1]) == {"after the end": 1}
    assert found(bring(*gone, ("DELETE", 3, None, a))[1]) == {"after the end": 1}
    assert found(bring(*gone, ("INSERT", 3, a, None))[1]) == {"came back": 1}
    assert found(bring(*gone)[1]) == {}


def test_the_live_table_is_held_against_the_last_records(tmp_path):
    live = tmp_path / "live.csv"
    live.write_text("id,s\n1,a\n2,z\n4,a\n")
    rows = [("INSERT", 1, {"id": key, "s": "a"}, None) for key in "123"]
    assert found(bring(*rows, live=live)[1]) == {
        "live row differs": 1,
        "live row without history": 1,
        "history without live row": 1,
    }


def test_a_rows_own_time_is_when_it_happened():
    log, done = bring(
        ("INSERT", 5, {"id": "1", "u": "2026-06-02T00:00:00Z"}, None),
        ("UPDATE", 6, {"id": "1", "u": "2026-06-30T00:00:00Z"}, None),
        occurred="u",
    )
    assert [event.occurred_at.day for event in log.load("t/1")] == [2, 6]
    assert [event.entered_at.day for event in log.load("t/1")] == [5, 6]
    assert found(done) == {"ahead of its record": 1}


@pytest.mark.long
def test_a_longer_export_and_one_of_only_the_newer_part_go_on_where_the_log_stands():
    rows = [("INSERT", 1, {"id": "1", "s": "a"}, None), ("INSERT", 1, {"id": "2", "s": "a"}, None)]
    more = [("UPDATE", 2, {"id": "1", "s": "b"}, None), ("DELETE", 3, None, {"id": "2", "s": "a"})]
    whole, _ = bring(*rows, *more)
    for later in ([*rows, *more], more):
        log, _ = bring(*rows)
        _, done = bring(*later, log=log)
        assert (done.events, done.duplicates, found(done)) == (2, len(later) - 2, {})
        said = [
            [(event.type, event.payload) for event in each.load(f"t/{key}")] for each in (log, whole) for key in "12"
        ]
        assert said[:2] == said[2:]


def test_bad_rows_are_named_or_set_aside(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [("INSERT", 1, {"id": "1"}, None), ("MERGE", 1, {"id": "2"}, None), ("INSERT", 1, {"no": "3"}, None)]
    log = open_log(":memory:")
    with pytest.raises(BadSource, match=r"row 2: op 'MERGE' is none of INSERT.*1 more row is bad"):
        bring(*rows, log=log)
    assert log.head().position == 0
    _, done = bring(*rows, log=log, on_error="quarantine")
    assert (done.events, done.quarantined, done.gaps.count("set aside")) == (1, 2, 2)
    assert "has no id, and that names the row" in done.quarantine_path.read_text()


@pytest.mark.long
def test_our_orders_in_a_table_with_triggers_come_back_as_they_stood_at_every_moment(tmp_path):
    few_lines = SimulatorSettings(long_orders=0)
    simulate_into(
        tmp_path / "shop", orders=30, seed=3, start=datetime(2026, 1, 1, tzinfo=UTC), days=30, settings=few_lines
    )
    log = open_log(tmp_path / "shop")
    shop = sqlite3.connect(":memory:")
    shop.executescript("""
        CREATE TABLE clock (now TEXT);
        CREATE TABLE orders (id TEXT PRIMARY KEY, status TEXT, total TEXT);
        CREATE TABLE audit (id INTEGER PRIMARY KEY, ts TEXT, op TEXT, record TEXT, old_record TEXT);
        CREATE TRIGGER ins AFTER INSERT ON orders BEGIN INSERT INTO audit (ts, op, record) VALUES ((SELECT now FROM clock),
            'INSERT', json_object('id', new.id, 'status', new.status, 'total', new.total)); END;
        CREATE TRIGGER upd AFTER UPDATE ON orders BEGIN INSERT INTO audit (ts, op, record, old_record) VALUES ((SELECT now FROM clock),
            'UPDATE', json_object('id', new.id, 'status', new.status, 'total', new.total),
            json_object('id', old.id, 'status', old.status, 'total', old.total)); END;
        INSERT INTO clock VALUES ('');
    """)
    truth = []
    for order in log.stream_ids():
        state = ORDERS.initial(order)
        for event in log.load(order):
            state = ORDERS.evolve(state, event)
            truth.append((event.recorded_at, event.position, order, state.status, str(state.total)))
    stood, expected = {}, []
    for at, _, order, status, total in sorted(truth):
        shop.execute("UPDATE clock SET now = ?", [at.isoformat()])
        shop.execute(
            "INSERT INTO orders VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET status = excluded.status, total = excluded.total",
            [order, status, total],
        )
        stood[order] = (order, status, total)
        expected.append((at, dict(stood)))
    back = open_log(":memory:")
    query = "SELECT id, op, ts, record, old_record FROM audit ORDER BY id"
    done = import_history(back, shop, query=query, key="id", table="orders")
    assert not set(found(done)) - {"changed nothing"}
    moments = dict(expected)  # of several at one moment, the last
    shown = {at: {} for at in moments}
    with connect(back, read_models=ROWS.read_models) as session:
        for at, key, values in session.sql("SELECT row_key, row_values FROM table_rows", at=sorted(moments)).rows():
            shown[at.astimezone(UTC)][key] = tuple(json.loads(values).values())
    assert shown == moments


def test_what_was_odd_is_told_again_when_the_same_history_comes_in_again():
    a, b, c = ({"id": "1", "s": s} for s in "abc")
    rows = (("INSERT", 1, a, None), ("UPDATE", 2, c, b), ("UPDATE", 3, c, c))
    log, first = bring(*rows)
    _, again = bring(*rows, log=log)
    assert (again.events, found(again)) == (0, {"before differs": 1, "changed nothing": 1})
    assert again.gaps == first.gaps
