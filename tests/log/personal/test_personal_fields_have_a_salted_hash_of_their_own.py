"""What a type marks as personal stands at the end of payloads, salted; the leaf commits to both parts; other events stay as they were."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pyarrow as pa
import pytest

from orders_es import audit
from orders_es.errors import InvalidEvent, RegistrationClash
from orders_es.log import ANY, NO_STREAM, EventRegistry, RawEvent, open_log, order_registry
from orders_es.log.copy import copy_log
from orders_es.log.leaf import leaf_hashes, leaves_of
from orders_es.log.personal import erased, is_filler, moved_to_the_end, personal_of, sealed_hash
from orders_es.log.protocol import NeedsUpkeep
from orders_es.sources.jsonl import export_jsonl, import_jsonl

PERSONAL = {"personal": True}
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Signed:
    email: str = field(metadata=PERSONAL)
    plan: str
    phone: str | None = field(default=None, metadata=PERSONAL)
    visits: int | None = field(default=None, metadata=PERSONAL)


@dataclass(frozen=True)
class Left:
    reason: str = ""


def registry():
    return EventRegistry([Signed, Left])


TYPES = ["Signed", "Left", "Signed"]
EVENTS = [Signed("zoë@example.com", "gold", visits=3), Left("moved"), Signed("b@example.com", "basic", "+44 1")]


def rows(log):
    return pa.Table.from_batches(log.read(columns=["position", "type", "payload", "personal"])).to_pylist()


@pytest.fixture(params=["folder", "file.duckdb", "memory:"])
def log(request, tmp_path):
    place = request.param if request.param == "memory:" else tmp_path / request.param
    with open_log(place, create=True, registry=registry()) as opened:
        yield opened


def test_it_stands_at_the_end_and_is_read_as_given(log):
    log.append("a", EVENTS, expected=NO_STREAM)
    first, second, third = rows(log)
    assert first["payload"] == '{"plan":"gold","email":"zoë@example.com","visits":3}'
    seal = personal_of(first["personal"])
    assert first["payload"].encode()[: seal.offset] == b'{"plan":"gold"'
    assert second["personal"] is None
    assert personal_of(third["personal"]).salt != seal.salt
    assert [event.data for event in log.load("a")] == EVENTS
    assert audit.verify(log).ok


def test_all_ways_in_record_alike(log):
    log.append("a", EVENTS * 40, expected=NO_STREAM)
    table: dict[str, Any] = {"stream_id": ["b"] * 3, "occurred_at": [NOON] * 3, "type": TYPES}
    columns: dict[str, Any] = {"email": ["zoë@example.com", None, "b@example.com"], "plan": ["gold", None, "basic"]}
    columns |= {"phone": [None, None, "+44 1"], "visits": [3, None, None], "reason": [None, "moved", None]}
    log.append_table(pa.table(table | columns), expected=NO_STREAM)
    raw = ['{"email":"zoë@example.com", "plan":"gold","visits":3}', '{"reason":"moved"}']
    raw.append('{"phone":"+44 1","email":"b@example.com","plan":"basic"}')
    log.append("c", [RawEvent(t, p) for t, p in zip(TYPES, raw, strict=True)], expected=NO_STREAM)
    log.append_table(pa.table(table | {"stream_id": ["d"] * 3, "payload": raw}), expected=NO_STREAM)
    for stream in "abcd":
        assert [event.data for event in log.load(stream)[:3]] == EVENTS
    cut = {(r["payload"].encode()[: personal_of(r["personal"]).offset]) for r in rows(log) if r["personal"]}
    assert cut == {b'{"plan":"gold"', b'{"plan":"basic"'}
    assert sum(r["personal"] is not None for r in rows(log)) == 80 + 6
    assert audit.verify(log).ok


def test_the_leaf_is_the_one_that_the_format_says(log):
    log.append("a", EVENTS, expected=NO_STREAM)
    read = pa.Table.from_batches(log.read())
    first, second, _ = leaves_of(read)
    row = rows(log)[0]
    seal, payload = personal_of(row["personal"]), row["payload"].encode()
    apart = sha256(seal.salt + payload[seal.offset :]).digest()
    assert first[0] == 3
    assert first[53:85] == sha256(sha256(payload[: seal.offset]).digest() + apart).digest()
    assert second[0] == 1


def test_an_erased_payload_has_the_same_leaf(log):
    log.append("a", EVENTS, expected=NO_STREAM)
    read = pa.Table.from_batches(log.read())
    texts = zip(read["payload"].to_pylist(), read["personal"].to_pylist(), strict=True)
    pairs = [erased(payload, mark, {"email", "phone"}) if mark else (payload, mark) for payload, mark in texts]
    after = read
    for name, values in (("payload", [one for one, _ in pairs]), ("personal", [mark for _, mark in pairs])):
        after = after.set_column(after.schema.get_field_index(name), read.schema.field(name), pa.array(values))
    assert leaf_hashes(after) == leaf_hashes(read)
    assert after["payload"][0].as_py() == '{"plan":"gold","email":"erased"}'
    assert json.loads(after["payload"][2].as_py()) == {"plan": "basic", "email": "erased", "phone": "erased"}
    payload, mark = pairs[0]
    assert is_filler(payload, mark)
    assert not is_filler('{"plan":"gold","email":"other"}', mark)
    assert erased(payload, mark, {"email"}) == (payload, mark)


def test_copies_compaction_and_lines_keep_it(tmp_path):
    with open_log(tmp_path / "log", create=True, registry=registry()) as log:
        for number in range(4):
            log.append(f"{number}", EVENTS, expected=NO_STREAM)
        root = log.head().root
        assert isinstance(log, NeedsUpkeep)
        log.compact()
        assert audit.verify(log).ok
        copy_log(log, f"{tmp_path}/copy.duckdb")
        export_jsonl(log, tmp_path / "lines.jsonl")
        before = rows(log)
    for name, as_recorded in (("again", True), ("anew", False)):
        with open_log(tmp_path / name, create=True, registry=registry()) as other:
            import_jsonl(other, tmp_path / "lines.jsonl", as_recorded=as_recorded)
    for place in ("copy.duckdb", "again"):
        with open_log(tmp_path / place, registry=registry()) as other:
            assert other.head().root == root
            assert rows(other) == before
    with open_log(tmp_path / "anew", registry=registry()) as anew:
        assert not {r["personal"] for r in rows(anew) if r["personal"]} & {r["personal"] for r in before}


def test_a_retry_is_one_although_salts_differ(log):
    from uuid import uuid4

    from orders_es.log import NewEvent

    events = [NewEvent(data=one, event_id=uuid4(), occurred_at=NOON) for one in EVENTS]
    log.append("a", events, expected=NO_STREAM)
    assert log.append("a", events, expected=NO_STREAM).duplicate


def test_events_without_personal_data_are_as_they_were(tmp_path):
    marked, plain = order_registry(), order_registry()
    marked.mark_personal("OrderCreated", "customer_id")
    payload = '{"currency":"EUR","country":"DE"}'
    for name, known in (("marked", marked), ("plain", plain)):
        with open_log(tmp_path / name, create=True, registry=known) as log:
            log.append("a", [RawEvent("OrderCreated", payload)], expected=ANY)
            assert log.load("a")[0].personal is None
            assert log.load("a")[0].payload == payload
    assert moved_to_the_end(payload, {"customer_id"}) is None


def test_what_could_not_be_read_once_it_is_erased_is_no_personal_field():
    @dataclass(frozen=True)
    class Aged:
        years: int = field(metadata=PERSONAL)

    with pytest.raises(RegistrationClash, match="let it be None as well"):
        EventRegistry([Aged])
    with pytest.raises(RegistrationClash, match="no such field"):
        registry().mark_personal("Left", "name")


@pytest.mark.parametrize("text", ["", "7", "7:", "-1:" + "0" * 32, "7:" + "G" * 32, "7:erased:00", "07:" + "0" * 32])
def test_what_says_nothing_of_personal_data_is_refused(text):
    with pytest.raises(ValueError, match="says nothing of personal data"):
        sealed_hash(b"{}", text)


def test_the_door_refuses_as_ever(log):
    with pytest.raises(InvalidEvent):
        log.append("a", [Signed(None, "gold")], expected=ANY)
