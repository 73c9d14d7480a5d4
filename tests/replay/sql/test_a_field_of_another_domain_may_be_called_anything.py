"""Fields of other domains called as anything is within the house's own queries: no answer about orders changes."""

import re
from dataclasses import make_dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import orders_es
from orders_es.export.process import export_ocel, export_xes
from orders_es.log import ANY, EventRegistry, NewEvent, open_log
from orders_es.orders import EVENT_TYPES, UPCASTERS
from orders_es.read_models import load_read_models
from orders_es.replay import connect
from orders_es.sources.simulator import simulate

PLACE = Path(orders_es.__file__).parent


def names():
    """What columns are called within queries, and is no column of events."""
    texts = [path.read_text(encoding="utf-8") for kind in ("sql", "py") for path in PLACE.rglob(f"*.{kind}")]
    found = {name.lower() for text in texts for name in re.findall(r"\bAS ([a-z]\w*)\b", text)}
    registry = EventRegistry(EVENT_TYPES, UPCASTERS)
    taken = {*registry.columns, "true", "false", "none"}
    with open_log(":memory:", registry=registry) as log, connect(log) as session:
        taken |= set(session.sql("FROM events LIMIT 0").columns)
    return sorted(name for name in found - taken if name.isidentifier() and not name.startswith("orders_es"))


def answers(log, folder, models):
    folder.mkdir()
    found: dict[Any, Any] = {}
    with connect(log) as session:
        middle = session.sql("SELECT quantile_disc(occurred_at, 0.5) FROM events WHERE type = 'OrderPlaced'").rows()[0][
            0
        ]
        for model in (model for model in load_read_models(None) if model.name in models):
            order = "ORDER BY ALL"
            found[model.name] = session.sql(f"SELECT * FROM {model.name} {order}").rows()
            many = [middle, middle + timedelta(days=2)]
            found[model.name, "many"] = (
                session.sql(f"SELECT * FROM {model.name} {order}", at=many).rows() if model.stream else None
            )
            if model.key:
                found[model.name, "diff"] = session.diff(model.name, from_=middle).rows()
        for export, form in ((export_ocel, "json"), (export_xes, "xes")):
            export(session, folder / f"out.{form}")
            found[form] = (folder / f"out.{form}").read_text(encoding="utf-8")
    return found


@pytest.mark.parametrize("kind", [pytest.param(str, marks=pytest.mark.long), pytest.param(int, marks=pytest.mark.long)])
def test_answers_about_orders_stay(tmp_path, kind):
    chosen = names()
    assert {"step", "since", "until", "valid_from"} & set(chosen)
    same_answers(tmp_path, chosen, kind, {model.name for model in load_read_models(None)})


def test_names_that_were_taken_for_columns_once(tmp_path):
    same_answers(
        tmp_path, ["since", "of_order_id", "pair", "known_currency", "step", "ordered", "returned"], int, {"orders"}
    )


def same_answers(folder, chosen, kind, models):
    fields = [(name, kind) for name in chosen]
    alien = make_dataclass("Alien", fields, frozen=True)
    known = EventRegistry([*EVENT_TYPES, alien], UPCASTERS)
    with open_log(folder / "log", create=True, registry=known) as log:
        for table in simulate(orders=12, seed=4, start=datetime(2026, 6, 1, tzinfo=UTC), days=3):
            log.append_table(table, expected=ANY)
        at = log.load(log.stream_ids()[0])[0].occurred_at
        event = alien(*([kind(7)] * len(fields)))
        log.append("alien-1", [NewEvent(data=event, occurred_at=at)], expected=0)
    orders = EventRegistry(EVENT_TYPES, UPCASTERS)
    orders.leave_out("Alien")
    with open_log(folder / "log", registry=orders) as log:
        wanted = answers(log, folder / "one", models)
    with open_log(folder / "log", registry=known) as log:
        found = answers(log, folder / "other", models)
    differing = [name for name in wanted if found[name] != wanted[name]]
    assert not differing
