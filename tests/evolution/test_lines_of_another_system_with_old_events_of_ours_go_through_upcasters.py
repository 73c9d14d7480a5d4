"""A mapping may say that a payload is ours already, of an old version: it is recorded as it is, and read as a recorded one is."""

import json

import pytest

from orders_es.errors import BadSource
from orders_es.log import open_log
from orders_es.replay import load_order
from orders_es.sources.jsonl import import_jsonl

ENVELOPE = """
[envelope]
stream_id = "order"
type = "kind"
occurred_at = "at"
payload = "body"
"""
FIXED = "[types.{0}]\nto = '{1}'\nas_is = true\nschema_version = {2}\n"
MAPPING = ENVELOPE + "".join(FIXED.format(name, name, 1) for name in ("OrderCreated", "ItemAdded", "StatusChanged"))
LINES = [
    ("OrderCreated", 1, {"order_id": "A-1", "customer_id": 17850}),
    ("ItemAdded", 1, {"sku": "MUG", "quantity": 2, "price": 1999}),
    ("StatusChanged", 1, {"status": "shipped"}),
]


def imported(tmp_path, mapping, lines):
    (tmp_path / "shop.toml").write_text(mapping)
    text = "".join(
        json.dumps({"order": "A-1", "kind": kind, "at": "2026-01-05T09:00:00Z", "v": version, "body": body}) + "\n"
        for kind, version, body in lines
    )
    if '"v"' not in mapping:
        text = text.replace('"v": 1, ', "")
    (tmp_path / "lines.jsonl").write_text(text)
    log = open_log(tmp_path / "log", create=True)
    import_jsonl(log, str(tmp_path / "lines.jsonl"), mapping=str(tmp_path / "shop.toml"))
    return log


@pytest.mark.parametrize("said", ["in the mapping", "in each line"])
def test_old_events_are_recorded_as_they_are_and_read_as_todays(said, tmp_path):
    mapping = MAPPING
    if said == "in each line":
        mapping = MAPPING.replace("schema_version = 1\n", "").replace("[envelope]", '[envelope]\nschema_version = "v"')
    with imported(tmp_path, mapping, LINES) as log:
        events = log.load("A-1")
        assert [e.recorded_as for e in events] == ["OrderCreated v1", "ItemAdded v1", "StatusChanged v1"]
        assert events[1].payload == '{"sku":"MUG","quantity":2,"price":1999}'
        order = load_order(log, "A-1")
        assert (order.status, order.customer_id, str(order.total)) == ("shipped", "17850", "39.9800")


@pytest.mark.parametrize(
    ("kind", "version", "body", "says"),
    [
        ("ItemAdded", 3, {}, "knows it up to version 2"),
        ("StatusChanged", 2, {"status": "shipped"}, "nobody registered the event type 'StatusChanged'"),
        ("StatusChanged", 1, {"status": "vanished"}, "no program ever wrote the status 'vanished'"),
        ("ItemAdded", 1, {"sku": "MUG", "quantity": 2, "price": "1.00"}, "no whole number of cents"),
        ("ItemAdded", 1, [], "body is not an object"),
    ],
)
def test_what_upcasters_would_not_read_is_refused_with_its_line(kind, version, body, says, tmp_path):
    mapping = MAPPING.replace("schema_version = 1\n", "").replace("[envelope]", '[envelope]\nschema_version = "v"')
    with pytest.raises(BadSource, match=says) as caught:
        imported(tmp_path, mapping, [LINES[0], (kind, version, body)])
    assert "line 2" in str(caught.value)


@pytest.mark.parametrize(
    ("mapping", "says"),
    [
        (MAPPING + "price = 'p'\n", "nothing is mapped; leave 'price' out"),
        (MAPPING.replace("schema_version = 1\n", ""), "say schema_version there, or in"),
        (MAPPING.replace("schema_version = 1\n", "schema_version = 0\n"), "give a whole number from 1"),
        (
            MAPPING.replace("schema_version = 1\n", "schema_version = 7\n"),
            "OrderCreated v7, which this program does not read",
        ),
        (MAPPING.replace('payload = "body"\n', ""), "does not say where the payload is"),
    ],
)
def test_a_mapping_that_cannot_be_meant_so_is_refused(mapping, says, tmp_path):
    with pytest.raises(BadSource, match=says):
        imported(tmp_path, mapping, LINES)
