from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from orders_es.http.bodies import COMMANDS
from orders_es.orders import RULES
from orders_es.replay import load_order

MUGS = {"order_id": "A-2", "item_id": "mug", "quantity": 2, "price": "2.50"}


def problem(answer, status, kind):
    body = answer.json()
    assert (answer.status_code, body["status"]) == (status, status), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert body["type"] == f"urn:orders-es:problem:{kind}"
    return body


def test_an_order_goes_through_its_life(log, client_of):
    client = client_of(log)
    made = client.post("/orders", json={"order_id": "A/1 ü", "currency": "GBP", "customer_id": "ann"})
    assert (made.status_code, made.headers["etag"], made.headers["location"]) == (201, '"1"', "/orders/A%2F1%20%C3%BC")
    place = made.headers["location"]
    added = client.post("/orders/add-item", json={**MUGS, "order_id": "A/1 ü"}).json()
    assert (added["order"]["total"], added["events"][0]["type"], added["duplicate"]) == ("5.0000", "ItemAdded", False)
    for command, body in (
        ("change-item-quantity", {"item_id": "mug", "quantity": 4}),
        ("apply-discount", {"amount": 1}),
        ("place-order", None),
        ("record-payment", {"amount": "9.0000", "method": "card"}),
        ("ship-order", {"carrier": "Royal Mail", "occurred_at": "2026-06-03T15:00:00+02:00", "actor": "dock"}),
        ("deliver-order", {}),
    ):
        answer = client.post(f"{place}/{command}", json=body) if body is not None else client.post(f"{place}/{command}")
        assert answer.status_code == 200, answer.text
    order = client.get(place).json()["order"]
    assert (order["status"], order["paid"], order["balance"], order["shipped_at"]) == (
        "delivered",
        "9.0000",
        "0.0000",
        "2026-06-03T13:00:00Z",
    )
    assert load_order(log, "A/1 ü").version == 8
    assert client.get(f"{place}/history").json()["events"][6]["actor"] == "dock"


def test_an_order_without_an_id_gets_one_that_is_the_same_when_it_is_sent_again(log, client_of):
    client = client_of(log)
    one, again = (client.post("/orders", json={"currency": "GBP"}, headers={"Idempotency-Key": "k"}) for _ in range(2))
    assert one.json()["order"]["order_id"] == again.json()["order"]["order_id"]
    assert (one.json()["duplicate"], again.json()["duplicate"], again.status_code) == (False, True, 201)
    assert client.post("/orders", json={"currency": "GBP"}).headers["location"] != one.headers["location"]


def test_a_key_stands_for_one_request_wherever_it_goes(shop, client_of):
    client = client_of(shop)
    key = {"Idempotency-Key": '"request 7"'}
    first = client.post("/orders/add-item", json=MUGS, headers=key)
    client.post("/orders/A-2/place-order")
    again = client.post("/orders/add-item", json=MUGS, headers={**key, "If-Match": '"1"'})
    assert again.json() == {**first.json(), "duplicate": True}, "as it was right after the command, whatever came since"
    for other in (
        {**MUGS, "quantity": 3},
        {**MUGS, "order_id": "A-1"},
        {**MUGS, "actor": "eve"},
        {**MUGS, "occurred_at": "2026-06-03T15:00:00Z"},
    ):
        answer = client.post("/orders/add-item", json=other, headers=key)
        assert answer.status_code in (409, 422), answer.text  # the other order is placed, which is told first
    problem(client.post("/orders", json={"currency": "GBP"}, headers=key), 422, "key-reused")
    problem(client.post("/orders/A-2/cancel-order", headers=key), 422, "key-reused")
    assert shop.head().position == 6


def test_a_version_that_is_not_there_any_more_is_told_with_the_one_that_is(shop, client_of):
    client = client_of(shop)
    tag = client.get("/orders/A-2").headers["etag"]
    assert client.post("/orders/add-item", json=MUGS, headers={"If-Match": tag}).status_code == 200
    body = problem(client.post("/orders/add-item", json=MUGS, headers={"If-Match": tag}), 412, "version-mismatch")
    assert body["current_version"] == 2
    problem(client.post("/orders/add-item", json=MUGS, headers={"If-Match": 'W/"2"'}), 412, "version-mismatch")
    problem(
        client.post("/orders", json={"order_id": "N", "currency": "GBP"}, headers={"If-Match": "*"}),
        412,
        "version-mismatch",
    )
    assert client.post("/orders/A-2/place-order", headers={"If-Match": '"7", "2"'}).status_code == 200
    problem(client.post("/orders/A-2/cancel-order", headers={"If-Match": "2"}), 400, "bad-request")


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        (b"{", 400, "bad-request"),
        (b"\xff", 400, "bad-request"),
        (b"[" * 50_000, 400, "bad-request"),
        (b'{"order_id": "A-2", "order_id": "A-1", "item_id": "m", "quantity": 1, "price": 1}', 400, "bad-request"),
        ({**MUGS, "price": 2.5}, 422, "invalid"),
        ({**MUGS, "price": "2,50"}, 422, "invalid"),
        ({**MUGS, "price": "2.00001"}, 422, "invalid"),
        ({**MUGS, "price": "-1"}, 422, "invalid"),
        ({**MUGS, "quantity": True}, 422, "invalid"),
        ({**MUGS, "quantity": 0}, 422, "invalid"),
        ({**MUGS, "quantity": 10**30}, 422, "invalid"),
        ({**MUGS, "item_id": " \u2003"}, 422, "invalid"),
        ({**MUGS, "item_id": "m\0"}, 422, "invalid"),
        ({**MUGS, "order_id": "x" * 1_025}, 422, "invalid"),
        ({**MUGS, "colour": "red"}, 422, "invalid"),
        ({**MUGS, "occurred_at": "2026-06-03T15:00:00"}, 422, "invalid"),
        ({**MUGS, "occurred_at": "9999-12-31T23:59:59Z"}, 422, "invalid"),
        ({**MUGS, "correlation_id": "\u00e9" * 600}, 422, "invalid"),
        ({**MUGS, "currency": "GBP"}, 409, "rule"),
        ({**MUGS, "order_id": "A-1"}, 409, "rule"),
        ({**MUGS, "order_id": "nobody"}, 404, "not-found"),
    ],
)
def test_what_cannot_be_taken_is_refused_and_nothing_is_written(shop, client_of, body, status, kind):
    import json

    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = client_of(shop).post("/orders/add-item", content=text, headers={"Content-Type": "application/json"})
    said = problem(answer, status, kind)
    assert said.get("rule", "placed_once") in RULES
    assert "/" not in said["detail"], "no path of this machine"
    assert shop.head().position == 4


def test_a_body_that_is_too_long_or_no_json_is_refused_unread(shop, client_of):
    client = client_of(shop, most_body=100)
    problem(client.post("/orders/add-item", json={**MUGS, "description": "x" * 100}), 413, "too-large")
    problem(client.post("/orders/add-item", content=iter([b"x" * 60] * 2)), 413, "too-large")
    problem(client.post("/orders/add-item", data={"order_id": "A-2"}), 415, "unsupported-media-type")
    problem(client.post("/orders/A-2/eat-order"), 404, "not-found")
    assert shop.head().position == 4


def test_every_command_is_there_by_the_name_of_its_class():
    assert COMMANDS["record-payment-failure"].__name__ == "RecordPaymentFailure"
    assert len(COMMANDS) == 16


@pytest.mark.long
def test_eight_clients_lose_no_update(shop, serving):
    adds = 6

    def work(url):
        done = 0
        with httpx.Client(base_url=url, timeout=600) as client:
            while done < adds:
                tag = client.get("/orders/A-2").headers["etag"]
                answer = client.post("/orders/add-item", json=MUGS, headers={"If-Match": tag})
                assert answer.status_code in (200, 409, 412), answer.text
                done += answer.status_code == 200
        return done

    with serving(shop) as url, ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(work, [url] * 8)) == 8 * adds
    order = load_order(shop, "A-2")
    assert (order.item_count, order.version) == (8 * adds * 2, 1 + 8 * adds)


def test_an_order_is_opened_with_its_items_or_not_at_all(log, client_of):
    client = client_of(log, currency="GBP")
    items = [
        {"product_id": "mug", "quantity": 2, "unit_price_cents": 1250},
        {"item_id": "cup", "quantity": 1, "price": "0.99", "description": "Cup"},
        {"product_id": "lid", "product_name": "Lid", "quantity": 3, "unit_price": "0.50"},
    ]
    said = {"customer_id": "ann", "items": items}
    made, again = (client.post("/orders", json=said, headers={"Idempotency-Key": "k"}) for _ in range(2))
    assert (made.status_code, made.headers["etag"], again.json()["duplicate"]) == (201, '"4"', True), made.text
    order = client.get(made.headers["location"]).json()["order"]
    assert (order["total"], order["currency"]) == ("27.4900", "GBP")
    assert [(line["item_id"], line["description"]) for line in order["lines"]] == [
        ("mug", None),
        ("cup", "Cup"),
        ("lid", "Lid"),
    ]
    twice = [*items, {"item_id": "mug", "quantity": 1, "price": 3}]
    problem(client.post("/orders", json={"order_id": "A-9", "items": twice}), 409, "rule")
    assert client.get("/orders/A-9").status_code == 404, "nothing of it is there"
    assert log.head().position == 4


@pytest.mark.parametrize(
    "item",
    [
        {"product_id": "mug", "quantity": 1, "unit_price": 1250},  # 12.50 or 1250.00?
        {"product_id": "mug", "quantity": 1, "unit_price": 12.5},
        {"product_id": "mug", "quantity": 1, "price_cents": "1250"},
        {"product_id": "mug", "quantity": 1, "price_cents": 12.5},
        {"product_id": "mug", "quantity": 1, "price_cents": 10**17},
        {"product_id": "mug", "item_id": "mug", "quantity": 1, "price": 1},
        {"product_id": "mug", "quantity": 1, "price": 1, "price_cents": 100},
        {"product_id": "mug", "quantity": 1},
        {"product_id": " ", "quantity": 1, "price": 1},
        {"product_id": "mug", "quantity": 1, "price": 1, "currency": "EUR"},
        "mug",
    ],
)
def test_an_item_that_can_be_read_in_two_ways_is_refused(log, client_of, item):
    client = client_of(log)
    problem(client.post("/orders", json={"currency": "GBP", "items": [item]}), 422, "invalid")
    assert log.head().position == 0


def test_a_currency_is_named_by_the_order_or_by_the_server(log, client_of):
    problem(client_of(log).post("/orders", json={"items": []}), 422, "invalid")
    client = client_of(log, currency="EUR")
    assert client.post("/orders", json={"currency": "GBP"}).json()["order"]["currency"] == "GBP"
    assert client.post("/orders/A-5/create-order", json={}).json()["order"]["currency"] == "EUR"
    assert "currency" not in client.get("/openapi.json").json()["components"]["schemas"]["CreateOrder"]["required"]
