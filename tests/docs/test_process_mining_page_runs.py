"""What docs/process-mining.md shows runs as it stands: its Python, and its mapping on an event as the page has it."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orders_es.log import NO_STREAM, NewEvent, open_log
from orders_es.orders import OrderCreated
from orders_es.sources.process import import_ocel

PAGE = (Path(__file__).parents[2] / "docs" / "process-mining.md").read_text("utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.long
def test_the_python_writes_both_forms(tmp_path, run_page):
    june = datetime(2011, 6, 3, tzinfo=UTC)
    with open_log("my-log", create=True) as log:
        log.append("A-1", [NewEvent(data=OrderCreated(currency="EUR"), occurred_at=june)], expected=NO_STREAM)
    assert run_page("docs/process-mining.md")["done"].objects["order"] == 1
    assert (tmp_path / "orders.json").exists()
    assert (tmp_path / "orders.xes.gz").exists()


def test_the_mapping_reads_the_event_that_the_page_shows(tmp_path):
    [shown], [mapping] = blocks("json"), blocks("toml")
    line = json.loads(shown)
    touched = line["payload"].pop("objects")
    price = {"name": "price", "value": touched["orders"]["price"], "time": "1970-01-01T00:00:00Z"}
    objects = [{"id": line["stream"], "type": "orders", "attributes": [price]}]
    objects += [{"id": item, "type": "items"} for item in touched["items"]]
    event = {
        "id": line["id"],
        "type": line["type"],
        "time": line["time"],
        "attributes": [],
        "relationships": [{"objectId": each["id"], "qualifier": ""} for each in objects],
    }
    file = {"eventTypes": [], "objectTypes": [], "events": [event], "objects": objects}
    (tmp_path / "a.json").write_text(json.dumps(file), "utf-8")
    (tmp_path / "shop.toml").write_text(mapping, "utf-8")
    with open_log(":memory:") as log:
        assert import_ocel(log, tmp_path / "a.json", mapping=tmp_path / "shop.toml", object_type="orders").events == 1
        assert [event.type for event in log.load("o-990001")] == ["OrderCreated"]
