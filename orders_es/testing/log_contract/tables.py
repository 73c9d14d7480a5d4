"""What `append_table` promises: the same as appending one by one, from any kind of table, and nothing lost on the way."""

from __future__ import annotations

import dataclasses
import uuid
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from orders_es.errors import InvalidEvent, UnknownEventType, VersionConflict
from orders_es.log import ANY, NO_STREAM, EventLog, EventRegistry
from orders_es.log.columns import TIMESTAMP
from orders_es.orders import EVENT_TYPES, ItemAdded, OrderCancelled
from orders_es.testing.log_contract.basis import (
    MOMENT,
    Contract,
    HandClock,
    MakeLog,
    Measured,
    assert_sound,
    event,
    events,
    everything,
    rows,
    table,
    table_of,
)

__all__ = ["Tables", "one_of_each"]

ODD_TEXTS = (
    "",
    'say "hello"',
    "back\\slash \\n \\u0041",
    "new\nline\ttab\rreturn\b\f",
    "\x01\x1f\x7f\x80",
    "£ é 注文 😀 \u2028\u2029\ufeff\U0010ffff",
    "it's; -- {}",
    "</script>",
    " ",
)
TEXTS = [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())]


def one_of_each() -> list[Any]:
    """Every order event type twice: with all fields, and with the required ones alone."""
    values: dict[str, Any] = {
        "str": "text",
        "int": -3,
        "Decimal": Decimal("-12345678901234.5678"),
        "bool": True,
        "datetime": MOMENT,
    }
    made = []
    for cls in EVENT_TYPES:
        fields = dataclasses.fields(cls)
        full = {f.name: "EUR" if f.name == "currency" else values[str(f.type).split(" | ")[0]] for f in fields}
        made.append(cls(**full))
        made.append(cls(**{f.name: full[f.name] for f in fields if f.default is dataclasses.MISSING}))
    return made


def items(count: int, **columns: Any) -> pa.Table:
    """A table of ItemAdded events with typed columns."""
    given = {
        "item_id": pa.array(["I"] * count, pa.string()),
        "quantity": pa.array([1] * count, pa.int64()),
        "price": pa.array([Decimal("1.5")] * count, pa.decimal128(18, 4)),
        **columns,
    }
    return table(["A"] * count, "ItemAdded", **given)


def refused(log: EventLog, given: Any, field: str, says: str | None = None, **options: Any) -> InvalidEvent:
    """The error, after a look at what it names and that nothing was appended."""
    with pytest.raises(InvalidEvent, match=says) as caught:
        log.append_table(given, **options)
    assert caught.value.field == field
    assert log.head().position == 0
    return caught.value


class Tables(Contract):
    """Tables of events."""

    @pytest.mark.parametrize("typed", [False, True])
    def test_a_table_equals_its_events_appended_one_by_one(self, make_log: MakeLog, typed: bool) -> None:  # noqa: FBT001 - a parameter of pytest's
        new = [
            (
                f"S-{i % 3}",
                event(data, actor="a" if i % 2 else None, occurred_at=datetime(1969, 12, 31, 23, i, tzinfo=UTC)),
            )
            for i, data in enumerate(one_of_each())
        ]
        single = make_log(clock=HandClock())
        for stream_id, one in new:
            single.append(stream_id, [one], expected=ANY)
        bulk = make_log(clock=HandClock())
        bulk.append_table(table_of(bulk.registry, new, typed=typed))
        for stream_id in ("S-0", "S-1", "S-2"):
            pairs = list(zip(bulk.load(stream_id), single.load(stream_id), strict=True))
            assert [b.data for b, _ in pairs] == [s.data for _, s in pairs]
            assert [(b.position, b.version, b.event_id) for b, _ in pairs] == [
                (s.position, s.version, s.event_id) for _, s in pairs
            ]
        if not typed:  # the same bytes of payload give the same tree, however they came in
            assert everything(bulk) == everything(single)

    def test_typed_columns_and_payloads_give_the_same_shredded_columns(self, make_log: MakeLog) -> None:
        new = [("A", event(data)) for data in one_of_each()]
        logs = [make_log(clock=HandClock()) for _ in range(2)]
        for log, typed in zip(logs, (False, True), strict=True):
            log.append_table(table_of(log.registry, new, typed=typed))
        names = list(logs[0].registry.columns)
        assert rows(logs[0], columns=names) == rows(logs[1], columns=names)

    def test_rows_of_several_streams_may_alternate(self, log: EventLog) -> None:
        log.append("B", events(2), expected=NO_STREAM)
        streams = ["A", "B", "A", "C", "B", "A"]
        appended = log.append_table(table(streams, actor=[str(i) for i in range(6)]), expected=ANY)
        assert appended.versions == {"A": 3, "B": 4, "C": 1}
        assert [(e.version, e.position, e.actor) for e in log.load("B")[2:]] == [(3, 4, "1"), (4, 7, "4")]
        assert [row["stream_id"] for row in rows(log, after=2)] == streams
        assert_sound(log)

    def test_one_conflict_leaves_nothing_of_the_table(self, log: EventLog) -> None:
        log.append("taken", events(1), expected=NO_STREAM)
        with pytest.raises(VersionConflict) as caught:
            log.append_table(table(["A", "B", "taken"]), expected=NO_STREAM)
        assert caught.value.stream_id == "taken"
        assert log.stream_ids() == ["taken"]

    @pytest.mark.parametrize("typed", [False, True])
    def test_every_character_survives(self, make_log: MakeLog, typed: bool) -> None:  # noqa: FBT001 - a parameter of pytest's
        log = make_log()
        new = [
            ("A", event(OrderCancelled(reason=text), actor=text, correlation_id=text or "-", causation_id=text or "-"))
            for text in ODD_TEXTS
        ]
        log.append_table(table_of(log.registry, new, typed=typed))
        log.append("B", [dataclasses.replace(one, event_id=None) for _, one in new], expected=NO_STREAM)
        for stream_id in ("A", "B"):
            assert [(e.data.reason, e.actor, e.correlation_id, e.causation_id) for e in log.load(stream_id)] == [
                (text, text, text or "-", text or "-") for text in ODD_TEXTS
            ]
        reasons = [row["reason"] for row in rows(log, columns=["reason"])]
        assert reasons == [*ODD_TEXTS, *ODD_TEXTS]

    def test_fields_of_every_kind_are_kept_exactly(self, make_log: MakeLog) -> None:
        registry = EventRegistry([*EVENT_TYPES, Measured])
        log = make_log(registry)
        moments = [datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, 23, 59, 59, 999999, tzinfo=UTC), MOMENT]
        data = [
            Measured(ratio=0.1, taken_at=moments[0], day=date(1, 1, 2), valid=True, pieces=2**63 - 1),
            Measured(ratio=1e300, taken_at=moments[1], day=date(9999, 12, 30), valid=False, pieces=-(2**63)),
            Measured(ratio=-5e-324, taken_at=moments[2], worth=Decimal("99999999999999.9999"), note="x"),
            Measured(ratio=3.0),
        ]
        new = [("A", event(one)) for one in data]
        log.append_table(table_of(registry, new, typed=True))
        log.append("B", [dataclasses.replace(one, event_id=None) for _, one in new], expected=NO_STREAM)
        assert [e.data for e in log.load("A")] == [e.data for e in log.load("B")] == data
        names = [f.name for f in dataclasses.fields(Measured)]
        found = rows(log, columns=names)
        assert found == [{name: getattr(one, name) for name in names} for one in (*data, *data)]

    # -- kinds of tables

    def test_arrow_pandas_and_polars_are_taken_alike(self, make_log: MakeLog) -> None:
        pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
        arrow = table(
            ["A", "B", "A"],
            "ItemAdded",
            item_id=["é", 'q"', "z"],
            quantity=pa.array([1, 2, 3], pa.int64()),
            price=pa.array([Decimal("1.25"), Decimal(2), Decimal("3.0001")], pa.decimal128(18, 4)),
            description=["x", None, ""],
        )
        frame = pandas.DataFrame(arrow.to_pydict())
        assert frame["occurred_at"].dt.tz is not None
        given = [arrow, arrow.to_batches()[0], frame, polars.DataFrame(arrow), arrow.to_reader()]
        seen = []
        for one in given:
            log = make_log()
            log.append_table(one)
            seen.append([(e.type, e.data, e.occurred_at) for s in ("A", "B") for e in log.load(s)])
        assert all(one == seen[0] for one in seen)

    @pytest.mark.parametrize("text", TEXTS, ids=str)
    def test_text_may_be_encoded_in_any_way(self, log: EventLog, text: pa.DataType) -> None:
        columns = {
            name: pa.array(values, text)
            for name, values in {
                "stream_id": ["A", "B"],
                "type": ["X", "X"],
                "actor": ["A", None],
                "payload": ["{}", '{"é":1}'],
            }.items()
        }
        log.append_table(pa.table({**columns, "occurred_at": pa.array([MOMENT] * 2, TIMESTAMP)}))
        assert [(e.type, e.actor, e.payload) for e in (*log.load("A"), *log.load("B"))] == [
            ("X", "A", "{}"),
            ("X", None, '{"é":1}'),
        ]
        if pa.types.is_dictionary(text):
            views = pa.DictionaryArray.from_arrays(
                pa.array([0], pa.uint32()), pa.array(["OrderPlaced"], pa.string_view())
            )
            log.append_table(
                pa.table({"stream_id": ["C"], "type": views, "occurred_at": pa.array([MOMENT], TIMESTAMP)})
            )
            assert [e.type for e in log.load("C")] == ["OrderPlaced"]

    @pytest.mark.parametrize(
        "encode",
        [
            lambda ids: pa.ExtensionArray.from_storage(pa.uuid(), pa.array([i.bytes for i in ids], pa.binary(16))),
            lambda ids: pa.array([i.bytes for i in ids], pa.binary(16)),
            lambda ids: pa.array([i.bytes for i in ids], pa.binary()),
            lambda ids: pa.array([i.bytes for i in ids], pa.binary_view()),
            lambda ids: pa.array([str(i) for i in ids], pa.string()),
            lambda ids: pa.array([str(i) for i in ids], pa.large_string()),
            lambda ids: pa.array([str(i) for i in ids], pa.string_view()),
        ],
        ids=["uuid", "fixed", "binary", "binary_view", "string", "large_string", "string_view"],
    )
    def test_event_ids_may_be_encoded_in_any_way(self, log: EventLog, encode: Any) -> None:
        ids = [uuid.uuid4(), uuid.uuid4()]
        log.append_table(table(["A", "A"], event_id=encode(ids)))
        assert [e.event_id for e in log.load("A")] == ids

    def test_a_table_in_many_chunks_is_one_append(self, log: EventLog) -> None:
        chunks = pa.concat_tables([items(2), items(0), items(3)])
        assert log.append_table(chunks).count == 5
        assert_sound(log)

    # -- what is refused

    @pytest.mark.parametrize("name", ["stream_id", "type", "occurred_at"])
    def test_a_missing_envelope_column_is_named(self, log: EventLog, name: str) -> None:
        refused(log, items(1).drop_columns([name]), name, "missing")

    @pytest.mark.parametrize("name", ["position", "version", "recorded_at"])
    def test_a_column_that_the_log_assigns_is_refused(self, log: EventLog, name: str) -> None:
        refused(log, items(1, **{name: pa.array([1])}), name, "assigns")

    def test_an_unknown_column_is_refused_with_the_nearest_name(self, log: EventLog) -> None:
        refused(log, items(1, pirce=[Decimal(1)]), "pirce", "did you mean 'price'")

    def test_a_column_twice_is_refused(self, log: EventLog) -> None:
        given = items(1)
        refused(log, given.append_column("item_id", given.column("item_id")), "item_id", "twice")

    def test_payload_beside_fields_is_refused(self, log: EventLog) -> None:
        refused(log, items(1, payload=["{}"]), "item_id", "not both")

    @pytest.mark.parametrize("kind", [pa.float64(), pa.float32()], ids=str)
    def test_floats_for_money_are_refused(self, log: EventLog, kind: pa.DataType) -> None:
        refused(log, items(1, price=pa.array([1.5], kind)), "price", "floating point")

    @pytest.mark.parametrize("amount", ["0.00001", "100000000000000", "-100000000000000"])
    def test_an_amount_that_does_not_fit_is_refused(self, log: EventLog, amount: str) -> None:
        refused(log, items(1, price=pa.array([Decimal(amount)], pa.decimal128(38, 5))), "price", "4 decimals")

    def test_whole_numbers_are_exact_amounts(self, log: EventLog) -> None:
        log.append_table(items(1, price=pa.array([3], pa.int8())))
        assert log.load("A")[0].data.price == Decimal(3)

    @pytest.mark.parametrize("name", ["stream_id", "type", "occurred_at", "event_id"])
    def test_a_null_in_the_envelope_is_refused_with_its_row(self, log: EventLog, name: str) -> None:
        whole = items(3, event_id=pa.array([bytes([i] * 16) for i in range(3)], pa.binary(16)))
        values = whole.column(name).to_pylist()
        values[1] = None
        i = whole.schema.get_field_index(name)
        refused(log, whole.set_column(i, name, pa.array(values, whole.schema.types[i])), name, "row 1 ")

    @pytest.mark.parametrize(
        ("name", "values"), [("item_id", ["a", None]), ("quantity", [1, None]), ("price", [None, None])]
    )
    def test_a_required_field_without_a_value_is_refused_with_its_row(
        self, log: EventLog, name: str, values: Any
    ) -> None:
        error = refused(log, items(2, **{name: values}), name, "row ")
        assert error.type == "ItemAdded"

    def test_a_value_for_a_field_that_its_type_lacks_is_refused(self, log: EventLog) -> None:
        given = table(["A", "A"], "OrderPlaced", amount=pa.array([None, Decimal(1)], pa.decimal128(18, 4)))
        assert refused(log, given, "amount", "row 1 ").type == "OrderPlaced"

    def test_times_without_a_zone_are_refused(self, log: EventLog) -> None:
        refused(log, items(1, occurred_at=pa.array([0], pa.timestamp("us"))), "occurred_at", "time zone")

    def test_times_finer_than_microseconds_are_refused(self, log: EventLog) -> None:
        given = items(1, occurred_at=pa.array([1001], pa.timestamp("ns", "UTC")))
        refused(log, given, "occurred_at", "finer than a microsecond")

    @pytest.mark.parametrize("seconds", [-62135596801, -62135510401, 253402214400, 253402300800])
    def test_times_that_not_every_zone_holds_are_refused(self, log: EventLog, seconds: int) -> None:
        given = items(2, occurred_at=pa.array([0, seconds], pa.int64()).cast(pa.timestamp("s", "UTC")))
        refused(log, given, "occurred_at", "year")

    @pytest.mark.parametrize(
        ("name", "values"),
        [
            ("day", pa.array([-719163], pa.int32()).cast(pa.date32())),
            ("day", pa.array([2932896], pa.int32()).cast(pa.date32())),
            ("taken_at", pa.array([253402214400], pa.int64()).cast(pa.timestamp("s", "UTC"))),
            ("note", pa.array(["nul\0inside"])),
            ("taken_at", pa.array([253402300800], pa.int64()).cast(pa.timestamp("s", "UTC"))),
            ("ratio", pa.array([float("nan")])),
            ("ratio", pa.array([float("-inf")])),
            ("valid", pa.array([1])),
            ("pieces", pa.array([1.0])),
            ("pieces", pa.array([2**63], pa.uint64())),
            ("note", pa.array([1])),
            ("taken_at", pa.array([0], pa.timestamp("us"))),
        ],
    )
    def test_a_value_that_json_or_its_column_cannot_hold_is_refused(
        self, make_log: MakeLog, name: str, values: Any
    ) -> None:
        log = make_log(EventRegistry([Measured]))
        refused(log, table(["A"], "Measured", **{"ratio": [1.0], name: values}), name)

    @pytest.mark.parametrize("name", ["stream_id", "type", "actor", "payload"])
    def test_text_that_is_not_utf8_is_refused(self, log: EventLog, name: str) -> None:
        bad = pa.Array.from_buffers(
            pa.string(), 1, [None, pa.py_buffer(b"\x00\x00\x00\x00\x02\x00\x00\x00"), pa.py_buffer(b"\xff\xfe")]
        )
        columns = {**table(["A"], "Other", payload=["{}"]).to_pydict(), name: bad}
        columns["occurred_at"] = pa.array([MOMENT], TIMESTAMP)
        refused(log, pa.table(columns), name, "UTF-8")

    def test_text_of_a_field_that_is_not_utf8_is_refused(self, log: EventLog) -> None:
        bad = pa.Array.from_buffers(
            pa.string(), 1, [None, pa.py_buffer(b"\x00\x00\x00\x00\x02\x00\x00\x00"), pa.py_buffer(b"\xff\xfe")]
        )
        refused(log, table(["A"], "OrderCancelled", reason=bad), "reason", "UTF-8")

    @pytest.mark.parametrize("versions", [[0], [-1], [2**31], [None], ["1"], [1.0]])
    def test_a_schema_version_is_a_whole_number_from_1_on(self, log: EventLog, versions: list[Any]) -> None:
        refused(log, table(["A"], "Other", payload=["{}"], schema_version=pa.array(versions)), "schema_version")

    def test_typed_columns_are_of_the_registered_schema_version(self, log: EventLog) -> None:
        now = log.registry["ItemAdded"].schema_version
        refused(log, items(1, schema_version=[now + 1]), "schema_version", "registered")
        given = table(["A"], "ItemAdded", payload=['{"sku":"I"}'], schema_version=[now + 1])
        refused(log, given, "schema_version", f"{now + 1} is not the registered {now}")

    def test_typed_columns_of_an_unregistered_type_are_refused(self, log: EventLog) -> None:
        with pytest.raises(UnknownEventType) as caught:
            log.append_table(table(["A", "A"], "ParcelLost"))
        assert caught.value.type == "ParcelLost"

    def test_payloads_of_an_unregistered_type_are_kept_byte_for_byte(self, log: EventLog) -> None:
        payload = '{ "b":1.10 , "a":"\\u00e9"}'
        log.append_table(table(["A"], "ParcelLost", payload=[payload]))
        [found] = log.load("A")
        assert (found.type, found.payload) == ("ParcelLost", payload)
        with pytest.raises(UnknownEventType):
            _ = found.data

    @pytest.mark.parametrize("payload", ["{", "[]", "", "null", '{"quantity":1}'])
    def test_a_payload_that_does_not_fit_is_refused_with_its_row(self, log: EventLog, payload: str) -> None:
        good = log.registry.encode(ItemAdded(item_id="I", quantity=1, price=Decimal(1)))[1]
        with pytest.raises(InvalidEvent, match="row 1"):
            log.append_table(table(["A", "A"], "ItemAdded", payload=[good, payload]))
        assert log.head().position == 0

    @pytest.mark.parametrize("given", [None, [{"stream_id": "A"}], {"stream_id": ["A"]}, "A"])
    def test_what_is_no_table_is_a_type_error(self, log: EventLog, given: Any) -> None:
        with pytest.raises(TypeError, match="no table"):
            log.append_table(given)

    def test_an_empty_table_is_refused(self, log: EventLog) -> None:
        with pytest.raises(ValueError, match="empty"):
            log.append_table(items(0))
