"""`restated`, which passes events by whole columns, against `describe_event`, which takes each payload apart."""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders_es.audit.restating import restated
from orders_es.errors import OrdersEsError
from orders_es.log import EventRegistry, RawEvent
from orders_es.log.columns import ARROW_TYPES
from orders_es.log.describing import describe_event
from orders_es.log.event import from_micros


@dataclass(frozen=True)
class Bought:
    item: str = field(metadata={"identifier": True})
    price: Decimal
    pieces: int = field(metadata={"largest": 999})
    currency: str = field(metadata={"pattern": ("[A-Z]{3}", "three capital letters")})
    note: str | None = None


@dataclass(frozen=True)
class Sent:
    at: datetime
    day: date
    weight: float
    express: bool = False
    pieces: int | None = 1


@dataclass(frozen=True)
class Known:
    buyer: str = field(metadata={"personal": True})


@dataclass(frozen=True)
class Deep:
    parts: list[str]


REGISTRY = EventRegistry()
for cls in (Bought, Sent, Known, Deep):
    REGISTRY.register(cls)

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6)
EVENTS = st.one_of(
    st.builds(
        Bought,
        st.text("AB1 é", min_size=1, max_size=4),
        st.integers(-(10**6), 10**6).map(lambda n: Decimal(n).scaleb(-4)),
        st.integers(-999, 999),
        st.sampled_from(["GBP", "EUR"]),
        st.none() | TEXT,
    ),
    st.builds(
        Sent,
        st.integers(-(10**15), 10**15).map(from_micros),
        st.dates(date(1900, 1, 1), date(2100, 1, 1)),
        st.floats(allow_nan=False, allow_infinity=False),
        st.booleans(),
        st.none() | st.integers(-5, 5),
    ),
)
OTHER = {
    "string": TEXT | st.sampled_from(["", "gbp", "a\0b", "x" * 1_100, '"}', "GBP\n"]),
    "int64": st.integers(-(2**63), 2**63 - 1) | st.sampled_from([1_000, 0, 1]),
    "bool": st.booleans(),
    "decimal": st.integers(-(10**17), 10**17).map(lambda n: Decimal(n).scaleb(-4)),
    "timestamp": st.sampled_from([-62_135_596_800_000_000, 0, 253_402_300_799_999_999]),
    "date": st.sampled_from([date(1, 1, 1), date(2020, 2, 2), date(9999, 12, 31)]),
    "float64": st.floats(),
}
FORGED = ("column", "payload", "type", "version", "nothing", "nothing")


def described(event):
    event_type, payload, shredded = REGISTRY.encode(event)
    return {"type": event_type.name, "schema_version": 1, "payload": payload, "personal": None, **shredded}


def batch_of(rows):
    kinds = {"type": "string", "payload": "string", "personal": "string", **REGISTRY.columns}
    columns = {name: pa.array([row.get(name) for row in rows], ARROW_TYPES[kind]) for name, kind in kinds.items()}
    columns["schema_version"] = pa.array([row["schema_version"] for row in rows], pa.int32())
    return pa.RecordBatch.from_pydict(columns)


@st.composite
def rows_of(draw):
    """Events as they are recorded, a few of them changed in one place."""
    rows = [described(event) for event in draw(st.lists(EVENTS, min_size=1, max_size=5))]
    changed = draw(st.sampled_from(FORGED))
    row = draw(st.sampled_from(rows))
    if changed == "column":
        name = draw(st.sampled_from(sorted(REGISTRY.columns)))
        row[name] = draw(st.none() | OTHER[REGISTRY.columns[name]])
    elif changed == "payload":
        at = draw(st.integers(0, len(row["payload"]) - 1))
        row["payload"] = row["payload"][:at] + draw(st.sampled_from([" ", "0", "\0", ""])) + row["payload"][at + 1 :]
    elif changed == "type":
        row["type"] = draw(st.sampled_from(["Bought", "Sent", "Known", "Deep", "Unheard", ""]))
    elif changed == "version":
        row["schema_version"] = 2
    return rows


@given(rows_of())
def test_what_passes_at_once_passes_one_by_one(rows):
    for row, passed in zip(rows, restated(batch_of(rows), REGISTRY).tolist(), strict=True):
        if not passed:
            continue
        said = describe_event(REGISTRY, RawEvent(row["type"], row["payload"], row["schema_version"]))[3]
        assert {name: row[name] for name in REGISTRY.columns if row.get(name) is not None} == said


@given(st.lists(EVENTS, min_size=1, max_size=6))
def test_what_this_program_wrote_passes_at_once_but_for_nulls_that_stand_for_defaults(events):
    rows = [described(event) for event in events]
    passed = restated(batch_of(rows), REGISTRY).tolist()
    assert passed == [not (isinstance(event, Sent) and event.pieces is None) for event in events]


@pytest.mark.parametrize("event", [Known("Ann"), Deep(["a"])])
def test_what_no_column_holds_alone_is_looked_at_one_by_one(event):
    assert restated(batch_of([described(event)]), REGISTRY).tolist() == [False]


@pytest.mark.parametrize(
    ("name", "value"),
    [("item", ""), ("pieces", 1_000), ("currency", "gbp"), ("note", "a\0b"), ("express", True), ("price", None)],
)
def test_a_value_that_would_not_come_in_is_looked_at_though_the_payload_says_it_too(name, value):
    row = described(Bought("A", Decimal("1.0000"), 1, "GBP"))
    row[name] = value
    fields = {one.name: row.get(one.name) for one in REGISTRY["Bought"].fields if row.get(one.name) is not None}
    row["payload"] = msgspec.json.encode({n: str(v) if n == "price" else v for n, v in fields.items()}).decode()
    assert restated(batch_of([row]), REGISTRY).tolist() == [False]
    try:
        said = describe_event(REGISTRY, RawEvent("Bought", row["payload"], 1))[3]
    except OrdersEsError:
        return
    assert said != {n: row[n] for n in REGISTRY.columns if row.get(n) is not None}
