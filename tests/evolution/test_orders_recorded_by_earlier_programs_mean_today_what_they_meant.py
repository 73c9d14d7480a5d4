"""tests/data/order_logs has small logs that programs of each step wrote; they are read for ever, and never written again."""

import json
import shutil
import uuid
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner

from orders_es.cli import main
from orders_es.errors import InvalidEvent, UpcastFailed
from orders_es.log import ANY, RawEvent, open_log, order_registry
from orders_es.log.copy import copy_log
from orders_es.log.protocol import NeedsUpkeep
from orders_es.orders import ItemAdded, OrderPlaced
from orders_es.projections import Projector, ReadModels, SetProjection
from orders_es.replay import Snapshots, connect, load_order, load_orders
from orders_es.sources.jsonl import export_jsonl, import_jsonl

LOGS = Path(__file__).parents[1] / "data" / "order_logs"
ROOTS = {
    "first": "d99761782d820b5b6e1fa82a37825c15b8f269cd97573061f6a3bea7b28a19bf",
    "second": "83c2f21ab553abea140760107952a101232d4c6aaec338b828b84a8612088b7a",
    "before_versions": "50e947c09f838ab7181a41c63257218ff59e11fa7b37445661a05696644a507f",
}
ROWS = "SELECT order_id, status, customer_id, currency, channel, country, total::VARCHAR, event_count, cancel_reason FROM orders ORDER BY ALL"
MEANT = [
    ("A-1", "delivered", "17850", "EUR", None, None, "39.9800", 5, None),
    ("A-2", "cancelled", "7", "EUR", None, None, "0.1500", 4, "not paid"),
    ("B-1", "placed", "C-9", "GBP", "web", "GB", "1.2345", 3, None),
]


def _copied(name, folder):
    return shutil.copytree(LOGS / name, folder / name)


@pytest.fixture(
    scope="module",
    params=["folder", "taking no more files", "memory", "duckdb", "postgres", "JSON lines", "as recorded"],
)
def log(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("orders")
    place = _copied("second", folder)
    url = {"duckdb": str(folder / "log.duckdb"), "memory": "memory:"}.get(request.param, str(folder / "other"))
    if request.param == "postgres":
        url = f"{request.getfixturevalue('postgres')}?schema=t_{uuid.uuid4().hex}"
    with open_log(place) as written:
        match request.param:
            case "folder":
                assert isinstance(written, NeedsUpkeep)
                written.compact()
                url = str(place)
            case "taking no more files":
                (place / "derived").write_text("", encoding="utf-8")
                url = str(place)
            case "duckdb" | "postgres":
                copy_log(written, url)
            case _:
                export_jsonl(written, str(folder / "out.jsonl"))
    with open_log(url, create=True) as opened:
        if request.param in {"memory", "JSON lines", "as recorded"}:
            import_jsonl(opened, str(folder / "out.jsonl"), as_recorded=request.param == "as recorded")
        yield opened


@pytest.mark.long_but_first
def test_in_sql(log):
    with connect(log) as session:
        assert session.sql(ROWS).rows() == MEANT


@pytest.mark.long_but_first
def test_folded(log):
    orders = load_orders(log)
    told = [(o.order_id, o.status, o.customer_id, o.currency, o.channel, o.country) for o in orders.values()]
    assert sorted(told) == [row[:6] for row in MEANT]
    assert {name: load_order(log, name) for name in orders} == orders
    assert orders["A-1"].total == Decimal("39.98")


def test_as_columns_and_by_subscription(log):
    wanted = [17850, 7]
    for batches in (log.read(columns=["type", "customer_id"]), log.subscribe(columns=["type", "customer_id"])):
        rows = next(iter(batches)).to_pylist()
        customers = [row["customer_id"] for row in rows if row["type"] == "OrderCreated"]
        assert customers[:2] == list(map(str, wanted))


def test_with_what_was_recorded(log):
    first = log.load("A-1")[0]
    assert (first.recorded_as, first.payload) == ("OrderCreated v1", '{"order_id":"A-1","customer_id":17850}')
    names = [event.current_type for event in log.load("A-1")]
    assert names == ["OrderCreated", None, "ItemAdded", "OrderPlaced", "OrderShipped", "OrderDelivered"]


def test_projected_kept_in_snapshots_and_gone_on_with(tmp_path):
    with open_log(_copied("second", tmp_path)) as log:
        file = tmp_path / "models.duckdb"
        Projector(log, file, [SetProjection.of("orders")]).run()
        assert ReadModels(file).query(ROWS).rows() == MEANT
        before = load_order(log, "A-1")
        Snapshots(log, every=2).take("A-1")
        assert load_order(log, "A-1") == before
        log.append("B-1", [ItemAdded(item_id="CUP", quantity=1, price=Decimal(1))], expected=3)
        assert log.load("B-1")[-1].recorded_as is None
        Projector(log, file, [SetProjection.of("orders")]).run()
        rows = ReadModels(file).query("SELECT total::VARCHAR FROM orders WHERE order_id = 'B-1'").rows()
        assert rows == [("2.2345",)]


@pytest.mark.parametrize("name", ROOTS)
def test_not_a_byte_of_the_logs_has_changed(name, tmp_path):
    with open_log(_copied(name, tmp_path)) as log:
        assert log.head().root.hex() == ROOTS[name]
        assert isinstance(log, NeedsUpkeep)
        log.compact()
    done = CliRunner().invoke(main, ["verify", "--log", str(tmp_path / name)])
    assert (done.exit_code, ROOTS[name] in done.output) == (0, True), done.output


def test_what_the_last_program_without_versions_recorded_gives_the_answer_that_it_gave(tmp_path):
    place = _copied("before_versions", tmp_path)
    said = json.loads((LOGS / "before_versions.json").read_text(encoding="utf-8"))
    done = CliRunner().invoke(main, ["sql", "--json", "SELECT * FROM orders ORDER BY ALL", "--log", str(place)])
    assert json.loads(done.stdout)["rows"] == said["rows"]
    with open_log(place) as log:
        assert {event.payload for event in log.load("S-1")} >= {event.today.payload for event in log.load("S-1")}


def test_what_fits_neither_shape_of_a_version_is_one_orders_trouble(tmp_path):
    place = tmp_path / "log"
    raw = order_registry()
    with open_log(place, create=True, registry=type(raw)()) as log:
        for name, payload in {
            "A": '{"item_id":"M","quantity":"two","price":"1"}',
            "B": '{"item_id":"M","quantity":1,"price":"1"}',
        }.items():
            log.append(
                name, [RawEvent("OrderCreated", '{"currency":"EUR"}'), RawEvent("ItemAdded", payload)], expected=ANY
            )
    with open_log(place) as log, connect(log) as session:
        assert session.sql("SELECT total::VARCHAR FROM orders WHERE order_id = 'B'").rows() == [("1.0000",)]
        with pytest.raises(InvalidEvent, match="position 2 does not fit") as caught:
            load_order(log, "A")
        assert not isinstance(caught.value, UpcastFailed)
        with pytest.raises(InvalidEvent, match="position 2 does not fit"):
            session.sql("SELECT sum(total) FROM orders").rows()


@pytest.mark.parametrize(
    "event",
    [
        RawEvent("StatusChanged", '{"status":"lost"}'),
        RawEvent("ItemAdded", '{"sku":"M","quantity":1,"price":"1.00"}'),
        RawEvent("OrderCreated", '{"order_id":"A","customer_id":"seven"}'),
    ],
)
def test_what_no_early_program_wrote_is_refused(event):
    with open_log("memory:", create=True) as log, pytest.raises(UpcastFailed):
        log.append("A", [event], expected=ANY)


def test_new_events_are_of_todays_version():
    with open_log("memory:", create=True) as log:
        log.append("A", [OrderPlaced(), ItemAdded(item_id="M", quantity=1, price=Decimal(1))], expected=ANY)
        assert [event.schema_version for event in log.load("A")] == [1, 2]
        assert replace(log.load("A")[1].data, quantity=2).quantity == 2


@pytest.mark.long_but_first
@pytest.mark.parametrize(
    "command",
    [
        ["show", "A-1"],
        ["history", "A-1"],
        ["explain", "A-1"],
        ["sql", "SELECT total FROM orders_at(TIMESTAMPTZ '2026-02-01')"],
        ["export", "model", "orders", "{out}/orders.csv"],
        ["export", "xes", "{out}/orders.xes"],
        ["export", "jsonl"],
        ["diff", "--from", "2026-01-01", "--to", "2027-01-01"],
    ],
    ids=lambda words: words[0] if words[0] != "export" else words[1],
)
def test_by_every_command_that_reads(command, tmp_path):
    place = _copied("second", tmp_path)
    words = [word.format(out=tmp_path) for word in command]
    done = CliRunner().invoke(main, [*words, "--log", str(place)])
    assert done.exit_code == 0, done.output
    said = done.output + "".join(path.read_text(encoding="utf-8") for path in tmp_path.glob("*.*") if path.is_file())
    assert "39.98" in said or '"price":1999' in said
