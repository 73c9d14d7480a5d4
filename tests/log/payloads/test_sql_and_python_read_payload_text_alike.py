"""A payload that was written by a program without its type has one reading: SQL and Python give the same value, or both refuse."""

from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal

import duckdb
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from orders_es.errors import InvalidEvent
from orders_es.log import NO_STREAM, EventRegistry, RawEvent, StreamAppend, open_log
from orders_es.log import describing as door
from orders_es.log.columns import ENVELOPE_SCHEMA
from orders_es.orders import EVENT_TYPES
from orders_es.projections.run.touched import from_payloads
from orders_es.replay import connect, load_order, load_orders


@dataclass(frozen=True)
class Weighed:
    price: Decimal
    pieces: int
    note: str | None = None
    good: bool | None = None
    ratio: float | None = None
    at: datetime | None = None
    day: date | None = None


@dataclass(frozen=True)
class Noted:
    note: str | None = None


NAMES = [f.name for f in fields(Weighed)]
ODD = [
    *("1", "1.0", "1e2", "-0", "007", "+1", "2.50", "2.55555", "1e999999", "12345678901234.5678", "123456789012345"),
    *("9223372036854775807", "9223372036854775808", "0.1000000000000000055511151231257827", "NaN", "Infinity"),
    *(
        "true",
        "false",
        "null",
        "[]",
        "{}",
        '[{"a":1}]',
        '""',
        '"1"',
        '"2.50"',
        '"2.5000"',
        '"1e2"',
        '"+1"',
        '"007"',
        '" 2 "',
    ),
    *('"1_0"', '"\u0661\u0662"', '"NaN"', '"Infinity"', '"99999999999999.9999"', '"100000000000000"', '"2.55555"'),
    *('"a\\u0000b"', '"a\\ud83d\\ude00b"', '"\\ud800"', '"\\u00e9"', '"tab\\t"', '"2026-06-03"', '"2026-02-30"'),
    *(
        '"2026-06-03T15:00:00Z"',
        '"2026-06-03T15:00:00.1234567Z"',
        '"2026-06-03T15:00:00+02:00"',
        '"2026-06-03T15:00:00"',
    ),
    *(
        '"0001-01-01T00:00:00+14:00"',
        '"2026-06-03T24:00:00Z"',
        '"2026-06-03t15:00:00z"',
        '"0001-01-01"',
        '"9999-12-31"',
    ),
]
KEYS = st.sampled_from([f'"{name}"' for name in NAMES] + ['"pri\\u0063e"', '"unknown"', '"Price"'])
BLANK = st.sampled_from(["", "", " ", "\n\t"])
PAIRS = st.lists(st.tuples(KEYS, BLANK, st.sampled_from(ODD)), max_size=6)
WHOLE = '"price":"2.5000","pieces":3'
PAYLOADS = st.builds(
    lambda pairs, first, last, blank: (
        "{" + f",{blank}".join([*first, *(f"{k}{b}:{b}{v}" for k, b, v in pairs), *last]) + "}"
    ),
    PAIRS,
    st.sampled_from([[], [WHOLE]]),
    st.sampled_from([[], [WHOLE]]),
    BLANK,
)


def python_reads(log, stream_id):
    [event] = log.load(stream_id)
    try:
        data = event.data
    except InvalidEvent as error:
        return named(str(error), stream_id)
    return {name: getattr(data, name) for name in NAMES}


def sql_reads(connection, relation, stream_id):
    chosen = ", ".join(f'"{name}"' for name in NAMES)
    try:
        [row] = connection.execute(f"SELECT {chosen} FROM {relation} WHERE stream_id = ?", [stream_id]).fetchall()
    except duckdb.Error as error:
        return named(str(error), stream_id)
    return dict(zip(NAMES, row, strict=True))


def named(message, stream_id):
    """No value; but whoever reads that learns which stream it is."""
    assert stream_id in message
    return "refused"


@pytest.mark.long
@pytest.mark.parametrize("kind", ["folder", pytest.param("memory", marks=pytest.mark.long)])
@settings(deadline=None, max_examples=5)
@given(payloads=st.lists(PAYLOADS, min_size=1, max_size=12))
@example(payloads=[f"{{{WHOLE}}}", f'{{{WHOLE},"price":"3.00"}}', '{"price":"2.5000"}', "{ }"])
@example(payloads=[f'{{"price":{value},"pieces":1}}' for value in ODD])
@example(payloads=[f'{{"pieces":{value},"price":"1"}}' for value in ODD])
@example(payloads=[f'{{{WHOLE},"{NAMES[2 + i % 5]}":{value}}}' for i, value in enumerate(ODD)])
def test_either_all_give_the_same_or_all_refuse(tmp_path_factory, kind, payloads):
    url = ":memory:" if kind == "memory" else tmp_path_factory.mktemp("log")
    registry = EventRegistry()
    with (
        open_log(url, create=True, registry=registry) as log,
        pytest.MonkeyPatch.context() as patch,
        duckdb.connect() as connection,
    ):
        patch.setattr(door, "check_payload_text", lambda *_: None)  # as a program would that looks at nothing
        texts = {f"odd-{i}": RawEvent("Weighed", payload) for i, payload in enumerate(payloads)}
        log.append_batch([StreamAppend(stream_id, [event], NO_STREAM) for stream_id, event in texts.items()])
        log.append("other", [RawEvent("Noted", '{"note":"fine"}')], expected=NO_STREAM)
        for cls in (Weighed, Noted):
            registry.register(cls)
        connection.execute("SET TimeZone = 'UTC'")
        log.bind(connection)
        envelopes = pa.Table.from_batches(log.read(columns=ENVELOPE_SCHEMA.names))
        connection.register("given", envelopes)
        connection.execute("CREATE TABLE landed AS SELECT * FROM given")
        connection.execute(f"CREATE VIEW landed_events AS {from_payloads('landed', envelopes, registry)}")
        for stream_id in texts:
            reading = python_reads(log, stream_id)
            assert sql_reads(connection, "events", stream_id) == reading
            assert sql_reads(connection, "landed_events", stream_id) == reading
        assert sql_reads(connection, "events", "other")["note"] == "fine"


@pytest.mark.parametrize("kind", ["folder", "memory"])
def test_one_orders_payload_is_one_orders_trouble(tmp_path, kind):
    registry = EventRegistry()
    with open_log(":memory:" if kind == "memory" else tmp_path / "log", create=True, registry=registry) as log:
        for order_id, quantity in (("A", "1"), ("B", '"two"'), ("C", "3")):
            item = f'{{"item_id":"mug","quantity":{quantity},"price":"2.50"}}'
            events = [RawEvent("OrderCreated", '{"currency": "EUR"}', 2), RawEvent("ItemAdded", item, 2)]
            log.append(order_id, events, expected=NO_STREAM)
        for cls in EVENT_TYPES:
            registry.register(cls)
        with connect(log) as session:
            assert session.sql("SELECT total FROM orders WHERE order_id = 'C'").rows() == [(Decimal("7.5"),)]
            assert session.sql("SELECT sum(total) FROM orders WHERE order_id <> 'B'").rows() == [(10,)]
            for asked in (
                lambda: session.sql("SELECT sum(total) FROM orders"),
                lambda: load_orders(log),
                lambda: load_order(log, "B"),
            ):
                with pytest.raises(InvalidEvent, match=r"position 4 .*'B'.*`int`"):
                    asked()
        assert load_order(log, "C").total == Decimal("7.5")
