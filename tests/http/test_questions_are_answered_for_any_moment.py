import io
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from orders_es.log import open_log
from orders_es.orders import AddItem, CreateOrder
from orders_es.projections import Projector, set_projections
from orders_es.service import handle

JUNE = datetime(2026, 6, 3, 15, tzinfo=UTC)


@pytest.fixture
def months(tmp_path):
    """Orders O-00 … O-11; the first is of June, each of the next ones a day later, all recorded in August, a minute apart."""
    now = [datetime(2026, 8, 1, tzinfo=UTC)]
    with open_log(tmp_path / "months", create=True, clock=lambda: now[0]) as log:
        for day in range(12):
            order = f"O-{day:02}"
            handle(log, order, CreateOrder(currency="GBP"), occurred_at=JUNE + timedelta(days=day))
            handle(
                log, order, AddItem(item_id="mug", quantity=1, price=day + 1), occurred_at=JUNE + timedelta(days=day)
            )
            now[0] += timedelta(minutes=1)
        yield log


def pages(client, path):
    while path:
        page = client.get(path).json()
        yield page
        path = page["next"]


def test_pages_show_one_state_of_the_log_whatever_comes_meanwhile(months, client_of):
    client = client_of(months)
    seen, positions = [], set()
    for page in pages(client, "/orders?limit=5"):
        seen += [order["order_id"] for order in page["orders"]]
        positions.add(page["position"])
        handle(months, f"O-{len(seen):02}-new", CreateOrder(currency="GBP"))
    assert seen == [f"O-{day:02}" for day in range(12)]
    assert positions == {24}


@pytest.mark.long_but_first
@pytest.mark.parametrize(
    ("asked", "orders"),
    [
        ("at=2026-06-03T15:00Z", 1),
        ("at=2026-06-05", 3),
        ("at=2026-06-05 01:00&tz=Europe/Berlin", 2),
        ("known_at=2026-08-01T00:04Z", 5),
        ("recorded_by=2026-08-01T00:04Z", 5),
        ("recorded_by=2026-08-01T00:04Z&at=2026-06-05", 3),
        ("known_at=2020-01-01", 0),
        ("status=created", 12),
        ("status=placed", 0),
        ("customer_id=' OR true --", 0),
        ("position=3", 2),
    ],
)
def test_orders_are_those_of_the_moment(months, client_of, asked, orders):
    page = client_of(months).get("/orders", params=asked).json()
    assert len(page["orders"]) == orders, page
    assert all(order["total"].count(".") == 1 for order in page["orders"]), "money is digits in a string"


def test_one_order_at_a_moment_and_only_if_it_has_changed(months, client_of):
    client = client_of(months)
    assert client.get("/orders/O-03").json()["order"]["total"] == "4.0000"
    assert client.get("/orders/O-03?version=1").json()["order"]["total"] == "0.0000"
    assert client.get("/orders/O-03?at=2026-06-04").status_code == 404
    tag = client.get("/orders/O-03").headers["etag"]
    assert client.get("/orders/O-03", headers={"If-None-Match": tag}).status_code == 304
    assert client.get("/orders/O-03", headers={"If-None-Match": '"1"'}).status_code == 200
    assert client.head("/orders/O-03").headers["etag"] == tag
    told = client.get("/orders/O-3").json()
    assert told["suggestions"][0].startswith("O-")
    assert str(months.url) not in told["detail"]


def test_a_history_has_both_clocks_and_a_page_has_sliders(months, client_of):
    client = client_of(months)
    events = client.get("/orders/O-02/history").json()["events"]
    assert [(e["version"], e["total_after"], e["occurred_at"][:10], e["recorded_at"][:10]) for e in events] == [
        (1, "0.0000", "2026-06-05", "2026-08-01"),
        (2, "3.0000", "2026-06-05", "2026-08-01"),
    ]
    assert events[1]["payload"]["price"] == "3.0000"
    page = client.get("/orders/O-02/clocks")
    assert 'type="range"' in page.text
    assert "connect-src 'self'" in page.headers["content-security-policy"]


def test_a_read_model_is_the_same_in_every_form(months, client_of):
    client = client_of(months)
    rows = client.get("/read-models/orders?at=2026-06-05").json()
    assert (len(rows["rows"]), rows["more"], rows["position"]) == (3, False, 24)
    arrow = client.get("/read-models/orders?at=2026-06-05", headers={"Accept": "application/vnd.apache.arrow.stream"})
    table = pa.ipc.open_stream(arrow.content).read_all()
    parquet = client.get("/read-models/orders?at=2026-06-05&format=parquet")
    assert pq.read_table(io.BytesIO(parquet.content)).to_pylist() == table.to_pylist()
    assert [f"{total:.4f}" for total in table["total"].to_pylist()] == [row["total"] for row in rows["rows"]]
    csv = client.get("/read-models/orders?at=2026-06-05", headers={"Accept": "text/csv;q=0.9, image/png"})
    assert csv.text.count("\n") == 4
    assert [line.split(",")[0] for line in csv.text.splitlines()[1:]] == table["order_id"].to_pylist()
    assert client.get("/read-models/orders?limit=5&offset=10").json()["more"] is False
    assert client.get("/read-models/orders", headers={"Accept": "image/png"}).status_code == 406
    assert {"orders", "daily_sales"} <= {model["name"] for model in client.get("/read-models").json()["read_models"]}


@pytest.mark.long_but_first
@pytest.mark.parametrize(
    "path",
    [
        "/orders?at=yesterday",
        "/orders?tz=Mars/Olympus",
        "/orders?limit=0",
        "/orders?limit=ten",
        "/orders?colour=red",
        "/orders?status=eaten",
        "/orders?at=2026-06-03&at=2026-06-04",
        "/orders/%FF",
        "/orders/" + "x" * 1_025,
        "/read-models/orders?format=xml",
        "/read-models/orders?format=csv&limit=5",
        "/events?after=-1",
        "/events?follow=perhaps",
    ],
)
def test_a_question_with_a_slip_is_told_so(months, client_of, path):
    answer = client_of(months).get(path)
    assert (answer.status_code, answer.json()["title"]) == (400, "The request cannot be understood"), answer.text


@pytest.mark.parametrize("name", ["events", "order_effects", "sqlite_master", "orders; DROP", 'orders" --', "%2e%2e"])
def test_only_read_models_can_be_named(months, client_of, name):
    assert client_of(months).get(f"/read-models/{name}").status_code == 404


def test_lag_metrics_and_health(months, client_of, tmp_path):
    models = str(tmp_path / "shop.duckdb")
    client = client_of(months, models=models)
    assert client.get("/lag").status_code == 404, "nobody has made it yet"
    assert client.get("/metrics").status_code == 200
    Projector(months, models, set_projections(["orders"])).run()
    handle(months, "O-99", CreateOrder(currency="GBP"))
    [lag] = client.get("/lag").json()["projections"]
    assert (lag["projection"], lag["events_behind"], lag["state"]) == ("orders", 1, "stopped")
    metrics = client.get("/metrics").text
    assert 'orders_es_projection_behind_events{projection="orders"} 1.0' in metrics
    assert 'orders_es_http_requests_total{route="GET /lag",status="404"} 1.0' in metrics
    assert client.get("/health").json() == {"status": "ok"}
    months.close()


def test_the_page_needs_nothing_from_elsewhere(months, client_of):
    page = client_of(months).get("/")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    outside = page.text.replace("http://www.w3.org/2000/svg", "")
    assert "://" not in outside
    assert " src=" not in outside
    answer = client_of(months).delete("/orders")
    assert (answer.status_code, set(answer.headers["allow"].split(", "))) == (405, {"GET", "HEAD", "POST"})
