import json
import pickle
from decimal import Decimal

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from orders_es.cli import main
from orders_es.errors import InvalidEvent, ReadOnlyLog, UnknownEventType
from orders_es.export import export
from orders_es.log import ANY, EventRegistry, RawEvent, open_log, order_registry
from orders_es.orders import EVENT_TYPES, OrderPlaced
from orders_es.replay import connect, load_order, load_orders

LOG_KINDS = ["folder", "duckdb", "memory"]
NAMES = "ItemAdded v3, OrderBlessed v1"


def fill(log):
    created, added = RawEvent("OrderCreated", '{"currency":"EUR"}', 2), '{"item_id":"M","quantity":1,"price":"2.50"}'
    log.append("A", [created, RawEvent("ItemAdded", added, 2), RawEvent("OrderBlessed", "{}")], expected=ANY)
    log.append("B", [created, RawEvent("ItemAdded", '{"parts":[]}', 3), RawEvent("OrderPlaced", "{}")], expected=ANY)


@pytest.fixture(params=LOG_KINDS)
def log(request, tmp_path):
    if request.param == "memory":
        registry = EventRegistry()
        with open_log("memory:", create=True, registry=registry) as log:
            fill(log)
            for cls in EVENT_TYPES:
                registry.register(cls)
            registry.tolerate_unknown()
            yield log
        return
    place = tmp_path / ("log.duckdb" if request.param == "duckdb" else "log")
    with open_log(place, create=True, registry=EventRegistry()) as written:
        fill(written)
    registry = order_registry()
    registry.tolerate_unknown()
    with open_log(place, registry=pickle.loads(pickle.dumps(registry))) as opened:
        yield opened


@pytest.mark.long_but_first
def test_python_and_sql_pass_over_the_same_and_answers_say_so(log):
    orders = load_orders(log)
    assert {name: order.total for name, order in orders.items()} == {"A": Decimal("2.5"), "B": 0}
    assert load_order(log, "B") == orders["B"]
    with connect(log) as session:
        answer = session.sql("SELECT order_id, total, status FROM orders ORDER BY ALL")
        assert answer.rows() == [("A", Decimal("2.5"), "created"), ("B", 0, "placed")]
        assert [note for note in answer.notes if NAMES in note]
        assert session.sql("SELECT count(*) FROM events").rows() == [(4,)]


def test_nothing_is_written_with_it(log):
    with pytest.raises(ReadOnlyLog, match="for looking only"):
        log.append("C", [OrderPlaced()], expected=ANY)


@pytest.fixture
def place(tmp_path):
    with open_log(tmp_path / "log", create=True, registry=EventRegistry()) as written:
        fill(written)
    return str(tmp_path / "log")


def test_without_it_they_are_errors(place):
    with open_log(place) as log:
        with pytest.raises(UnknownEventType, match="OrderBlessed"):
            load_order(log, "A")
        with pytest.raises(InvalidEvent, match="schema version 3"):
            load_order(log, "B")


def test_exports_and_plots_say_what_they_lack(place, tmp_path):
    registry = order_registry()
    registry.tolerate_unknown()
    with open_log(place, registry=registry) as log, connect(log) as session:
        done = export(session, "orders", tmp_path / "orders.parquet")
        assert NAMES in done.provenance.passed_over
        assert type(done.provenance).from_dict(done.provenance.to_dict()) == done.provenance
        session.write("FROM orders", tmp_path / "written.parquet")
        assert NAMES in pq.read_metadata(tmp_path / "written.parquet").metadata[b"orders_es.passed_over"].decode()
        from orders_es.plots.style import frame

        assert NAMES in frame(session, "orders")[1]
        assert NAMES in frame(session.table("orders"), "orders")[1]
    assert not (tmp_path / "log" / "derived").exists()


def run(*arguments):
    return CliRunner().invoke(main, arguments)


def test_commands_say_what_they_lack_and_write_nothing(place):
    for command in (["show", "B"], ["sql", "SELECT count(*) AS n FROM orders"]):
        done = run("--tolerate-unknown", *command, "--json", "--log", place)
        assert (done.exit_code, NAMES in json.loads(done.stdout)["passed_over"]) == (0, True), done.output
        assert done.stderr.count(NAMES) == 1
    assert run("show", "B", "--log", place).exit_code != 0
    refused = run("--tolerate-unknown", "compact", "--log", place)
    assert (refused.exit_code, "for looking" in refused.stderr) == (2, True)
