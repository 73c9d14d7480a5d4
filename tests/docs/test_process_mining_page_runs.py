"""What docs/process-mining.md shows runs as it stands: its Python, and its mapping on an event as the page has it."""

import json
import re
from pathlib import Path

from orders_es.log import NO_STREAM, open_log
from orders_es.orders import OrderCreated
from orders_es.sources.process import import_ocel

PAGE = (Path(__file__).parents[2] / "docs" / "process-mining.md").read_text("utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_the_python_writes_both_forms(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with open_log("my-log", create=True) as log:
        log.append("A-1", [OrderCreated(currency="EUR")], expected=NO_STREAM)
    [code] = blocks("python")
    exec(compile(code, "docs/process-mining.md", "exec"), {})
    assert Path("orders.json").exists()
    assert Path("orders.xes.gz").exists()
    assert capsys.readouterr().out.startswith("0 {'order': 0")  # the order is of today, and the page asks of 2011


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
