"""`events` and `read-models` say what the code has: each field and each column, and what is meant by a mistyped name."""

from orders_es.log import order_registry
from orders_es.read_models import load_read_models


def test_every_event_type_and_field_is_on_the_page(run):
    page = run("events", "--markdown").out
    for event_type in order_registry():
        section = page.partition(f"## {event_type.name}\n")[2].partition("\n## ")[0]
        assert section
        assert all(f"| `{field.name}` |" in section for field in event_type.fields)
        assert "Example" not in section


def test_one_type_is_shown_with_what_its_fields_hold(run):
    said = run("events", "ItemAdded").out
    assert "whole number" in said
    assert "at most 999,999,999" in said
    [told] = run("events", "OrderCreated", "--json").json["event_types"]
    assert told["fields"][0] | {"pattern": "[A-Z]{3}", "required": True} == told["fields"][0]


def test_with_a_log_they_are_counted(run, shop):
    listed = run("events", "--json", "--log", shop).json["event_types"]
    assert sum(each["events"] for each in listed) > 0


def test_every_read_model_is_listed_and_its_columns_are_explained(run):
    listed = run("read-models").out
    for model in load_read_models(None):
        assert model.internal or model.name in listed
    told = run("read-models", "customer_value", "--json").json
    assert told["key"] == ["customer_id", "currency"]
    assert {"name": "monetary", "type": "DECIMAL(38,4)"}.items() <= next(
        c for c in told["columns"] if c["name"] == "monetary"
    ).items()
    assert "FROM order_effects" in run("read-models", "orders", "--sql").out


def test_a_mistyped_name_is_answered_with_the_one_that_was_meant(run):
    assert "did you mean ItemAdded?" in run("events", "itemaded", code=2).err
    assert "did you mean orders?" in run("read-models", "order", code=2).err
