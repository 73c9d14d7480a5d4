"""HTTP, assistants, outlets and process mining answer for orders that early programs recorded as every other way of reading does."""

import json
import re
import shutil
from pathlib import Path

import pytest

from orders_es.export.process import export_ocel, export_xes
from orders_es.log import open_log
from orders_es.mcp import Questions
from orders_es.projections import FolderOutlet, OutletProjection, Projector
from orders_es.replay import connect

LOGS = Path(__file__).parents[1] / "data" / "order_logs"
MEANT = {
    ("A-1", "delivered", "EUR", "39.9800"),
    ("A-2", "cancelled", "EUR", "0.1500"),
    ("B-1", "placed", "GBP", "1.2345"),
}
TODAY = {
    "OrderCreated",
    "ItemAdded",
    "OrderPlaced",
    "PaymentReceived",
    "OrderShipped",
    "OrderDelivered",
    "OrderCancelled",
}


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    with open_log(shutil.copytree(LOGS / "second", tmp_path_factory.mktemp("old") / "log")) as log:
        yield log


def _said(rows):
    return {(row["order_id"], row["status"], row["currency"], str(row["total"])) for row in rows}


def test_http(log):
    starlette = pytest.importorskip("starlette.testclient")
    from orders_es.http import ServerSettings, create_app

    with starlette.TestClient(create_app(log, ServerSettings()), base_url="http://localhost") as client:
        assert _said(client.get("/orders").json()["orders"]) == MEANT
        shown = client.get("/orders/A-1").json()["order"]
        assert (shown["status"], shown["total"], shown["customer_id"]) == ("delivered", "39.9800", "17850")
        events = client.get("/orders/A-2/history").json()["events"]
        assert [event["type"] for event in events] == ["OrderCreated", "ItemAdded", "StatusChanged", "StatusChanged"]
        assert [event["today"]["type"] for event in events] == [
            "OrderCreated",
            "ItemAdded",
            "OrderPlaced",
            "OrderCancelled",
        ]
        assert _said(client.get("/read-models/orders").json()["rows"]) == MEANT


def test_an_assistant(log):
    with Questions(log) as questions:
        assert _said(questions.sql("FROM orders")["rows"]) == MEANT
        assert questions.show("A-1")["order"]["status"] == "delivered"


def test_an_outlet(log, tmp_path):
    outlet = OutletProjection.into(FolderOutlet(tmp_path / "out"), "orders")
    with Projector(log, tmp_path / "read.duckdb", [outlet]) as projector:
        projector.run()
    assert _said(FolderOutlet(tmp_path / "out").table().to_pylist()) == MEANT


@pytest.mark.long
def test_process_mining(log, tmp_path):
    with connect(log) as session:
        export_ocel(session, tmp_path / "o.json")
        export_xes(session, tmp_path / "o.xes")
    found = json.loads((tmp_path / "o.json").read_text(encoding="utf-8"))
    totals = {
        (each["id"], attribute["value"])
        for each in found["objects"]
        for attribute in each["attributes"]
        if attribute["name"] == "total" and attribute["value"] != "0.0000"
    }
    assert {("order:A-1", "39.9800"), ("order:B-1", "1.2345")} <= totals
    assert {event["type"] for event in found["events"]} <= TODAY
    names = re.findall(r'key="concept:name" value="(\w+)"', (tmp_path / "o.xes").read_text(encoding="utf-8"))
    assert "OrderDelivered" in names
    assert "StatusChanged" not in names
