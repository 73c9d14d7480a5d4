import pytest

from orders_es.errors import InvalidSetting
from orders_es.http import Token, listen, serve, tokens_in

WRITER, READER, NAMED = "writer-0123456789abcdef", "reader-0123456789abcdef", "named-0123456789abcdef"
TOKENS = (Token.of(WRITER, "write"), Token.of(READER, "read"), Token.of(NAMED, "write", "ann"))
NEW = {"order_id": "N-1", "currency": "GBP"}


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def test_a_token_permits_what_it_is_for(shop, client_of):
    client = client_of(shop, tokens=TOKENS, base_url="http://shop.example")
    for headers in ({}, bearer("nobodys-0123456789abc"), {"Authorization": f"Basic {WRITER}"}, bearer("")):
        refused = client.get("/orders", headers=headers)
        assert (refused.status_code, refused.headers["www-authenticate"][:6]) == (401, "Bearer")
        assert client.post("/orders", json=NEW, headers=headers).status_code == 401
    assert client.get("/orders", headers=bearer(READER)).status_code == 200
    assert client.post("/orders", json=NEW, headers=bearer(READER)).status_code == 403
    assert client.post("/orders", json=NEW, headers=bearer(WRITER)).status_code == 201
    assert {client.get(path).status_code for path in ("/", "/health", "/openapi.json")} == {200}
    assert {client.get(path).status_code for path in ("/metrics", "/lag", "/events", "/read-models")} == {401}


def test_a_name_is_the_actor_and_nobody_else_is(shop, client_of):
    client = client_of(shop, tokens=TOKENS, headers=bearer(NAMED))
    assert client.post("/orders", json={**NEW, "actor": "eve"}).status_code == 403
    assert client.post("/orders", json=NEW).status_code == 201
    assert shop.load("N-1")[0].actor == "ann"


def test_without_tokens_it_answers_only_to_names_of_its_own_machine(shop, client_of):
    assert client_of(shop, base_url="http://evil.example").get("/orders").status_code == 403
    for name in ("127.0.0.1:8765", "[::1]:8765", "localhost"):
        assert client_of(shop, base_url=f"http://{name}").get("/orders").status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_page_of_another_site_asks_in_vain(shop, client_of, headers):
    client = client_of(shop)
    assert client.post("/orders/A-2/cancel-order", headers=headers).status_code == 403
    assert client.get("/orders", headers=headers).status_code == 403
    assert (
        client.get("/orders", headers={"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}).status_code
        == 200
    )


def test_a_server_that_only_reads_takes_no_commands(shop, client_of):
    client = client_of(shop, read_only=True, tokens=TOKENS, headers=bearer(WRITER))
    assert client.post("/orders", json=NEW).status_code == 403
    assert client.get("/orders").status_code == 200


def test_others_reach_it_only_where_there_are_tokens(shop):
    with listen("0.0.0.0") as taken, pytest.raises(InvalidSetting, match="give tokens"):
        serve(shop, taken)


@pytest.mark.parametrize("text", ["short", "with a blank 0123456789", "ünvisible-0123456789", ":0123456789"])
def test_what_is_no_token_is_refused_and_not_shown(text):
    with pytest.raises(InvalidSetting) as caught:
        tokens_in(f"# those of June\n\n{text}", "read")
    assert text not in str(caught.value)
