"""Closes, holds and erasures are events like others; whoever may append must not be able to keep anybody from reading them."""

import json
from typing import Any

import pyarrow as pa
import pytest

from orders_es import audit
from orders_es.errors import DamagedLog, InvalidEvent, OrdersEsError, UnderLegalHold
from orders_es.log import ANY, RawEvent, describing, open_log
from orders_es.orders import OrderCreated
from orders_es.sources.jsonl import export_jsonl, import_jsonl

CLOSE = {
    "name": "x",
    "at": "2026-06-30T00:00:00Z",
    "known_at": "2026-06-30T00:00:00Z",
    "position": 1,
    "root": "00" * 32,
    "figures": [{"currency": "EUR", "orders": 1, "total": "1.0000", "paid": "0.0000"}],
}
HOLD = {"hold": "H-1", "kind": "order", "why": "case", "subject": "A-1"}
ERASED = {"why": "request", "positions": [1], "streams": ["A-1"], "left": []}
FORGED: list[tuple[str, dict[str, Any], str, Any]] = [
    ("PeriodClosed", CLOSE, name, value)
    for name, value in (
        ("at", "nonsense"),
        ("at", "2026-06-30T00:00:00"),
        ("known_at", None),
        ("position", 0),
        ("position", True),
        ("position", "1"),
        ("root", "zz" * 32),
        ("root", "00"),
        ("figures", {}),
        ("figures", [{"currency": "EUR"}]),
        ("figures", [{"currency": "EUR", "orders": 1, "total": "NaN", "paid": "0"}]),
    )
]
FORGED += [("LegalHoldPlaced", HOLD, "kind", "nobody"), ("LegalHoldReleased", HOLD, "hold", 7)]
FORGED += [("PersonalDataErased", ERASED, name, value) for name, value in (("positions", ["a"]), ("streams", 3))]


@pytest.fixture
def log():
    with open_log("memory:") as log:
        log.append("A-1", [OrderCreated(currency="EUR")], expected=ANY)
        yield log


def stream_of(name):
    return "close:x" if name == "PeriodClosed" else "log:privacy"


@pytest.mark.parametrize(("name", "said", "field", "value"), FORGED)
def test_it_does_not_come_in(log, name, said, field, value):
    for payload in ({**said, field: value}, {key: each for key, each in said.items() if key != field}):
        with pytest.raises(InvalidEvent, match=f"{name}.{field}"):
            log.append(stream_of(name), [RawEvent(name, json.dumps(payload))], expected=ANY)
    assert log.head().position == 1


def test_it_does_not_come_in_by_another_door(log, tmp_path):
    table = {"stream_id": ["close:x"], "type": ["PeriodClosed"], "payload": ["{}"]}
    when = pa.array([1], pa.timestamp("us", "UTC"))
    with pytest.raises(InvalidEvent, match="PeriodClosed"):
        log.append_table(pa.table({**table, "occurred_at": when}), expected=ANY)
    audit.close(log, "x", at="2026-06-30", closed_by="Zoë")
    lines = tmp_path / "lines.jsonl"
    export_jsonl(log, lines)
    lines.write_text(lines.read_text("utf-8").replace("figures", "figured"), "utf-8")
    with open_log("memory:") as other:
        with pytest.raises(OrdersEsError, match="PeriodClosed"):
            import_jsonl(other, lines, keep_unknown=True)
        assert other.head().position == 0


@pytest.mark.parametrize(("name", "said", "field", "value"), FORGED[::4] + FORGED[-3:])
def test_where_it_came_in_before_it_is_one_clear_error_and_verify_finds_it(log, monkeypatch, name, said, field, value):
    with monkeypatch.context() as patched:
        patched.setattr(describing, "check_bookkeeping", lambda *_: None)
        log.append(stream_of(name), [RawEvent(name, json.dumps({**said, field: value}))], expected=ANY)
    asked = [audit.closes] if name == "PeriodClosed" else [audit.erasures if "Erased" in name else audit.holds]
    for ask in asked:
        if name != "LegalHoldReleased":
            with pytest.raises(DamagedLog, match=f"position 2.*no {name}"):
                ask(log)
    assert [problem.where for problem in audit.verify(log).problems] == ["position 2"]


def test_a_hold_is_not_released_by_another_of_its_id(log):
    audit.place_hold(log, "A-1", why="case 17", by="Legal")
    log.append("log:privacy", [RawEvent("LegalHoldPlaced", json.dumps({**HOLD, "subject": "B-1"}))], expected=ANY)
    log.append("log:privacy", [RawEvent("LegalHoldReleased", '{"hold":"H-9","why":"none"}')], expected=ANY)
    with pytest.raises(UnderLegalHold, match="Legal"):
        audit.erase(log, "A-1", why="request")
    assert [hold.subject for hold in audit.holds(log)] == ["A-1", "B-1"]
