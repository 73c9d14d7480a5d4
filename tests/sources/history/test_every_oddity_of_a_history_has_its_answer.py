"""What histories and feeds are like in real life, each with the rows that it has to become, or the refusal; one line a case."""

import json

import pyarrow as pa
import pytest

from orders_es.errors import BadSource
from orders_es.log import open_log
from orders_es.sources.history import import_history
from orders_es.sources.rows import rows_at

DAY = "2026-06-0{} 08:00:00"
BASE = 1_780_300_800_000


def frame(**columns):
    longest = max(len(v) for v in columns.values() if isinstance(v, list))
    return pa.table({k: pa.array(v if isinstance(v, list) else [v] * longest, pa.string()) for k, v in columns.items()})


def django(**columns):
    n = len(columns["id"])
    own = {"history_id": [str(i + 1) for i in range(n)], "history_date": [DAY.format(i + 1) for i in range(n)]}
    return frame(**{**own, "history_type": ["+", "~", "-"][:n], **columns})


def auditlog(*changes, action=("0", "1", "1"), pk="5"):
    n = len(changes)
    return frame(
        id=[str(i) for i in range(n)], model="orders", object_pk=pk, action=list(action[:n]), changes=list(changes),
        timestamp=[DAY.format(i + 1) for i in range(n)],
    )  # fmt: skip


def continuum(**columns):
    own = {"id": ["1", "1"], "user_id": ["42", "42"], "status": ["a", "b"], "transaction_id": ["1", "2"]}
    return frame(**{**own, "operation_type": ["0", "1"], **columns})


def dbt(until, **columns):
    own = {"id": ["1"], "status": ["a"], "dbt_valid_from": [DAY.format(1)]}
    return frame(**{**own, "dbt_valid_to": [until], **columns})


def fivetran(**columns):
    own = {"status": ["a"], "_fivetran_start": [DAY.format(1)], "_fivetran_end": ["9999-12-31 23:59:59.999"]}
    return frame(**{**own, "_fivetran_active": ["true"], **columns})


def envers(**columns):
    return frame(**{"id": ["1"], "REV": ["1"], "REVTYPE": ["0"], "REVTSTMP": [str(BASE)], **columns})


def triggers(*records, **columns):
    n = len(records)
    own = {"id": [str(i) for i in range(n)], "ts": [DAY.format(i + 1) for i in range(n)], "op": "INSERT"}
    return frame(**{**own, "table_name": "orders", "record": list(records), "old_record": [None] * n, **columns})


def sap(*values, **columns):
    own = {"OBJECTCLAS": "VERKBELEG", "OBJECTID": "1", "CHANGENR": "9", "TABNAME": "orders", "TABKEY": "10"}
    own |= {"CHNGIND": "U", "UDATE": "20260601", "UTIME": "091500", "FNAME": "NETWR"}
    return frame(**own | {"VALUE_OLD": [old for old, _ in values], "VALUE_NEW": [new for _, new in values]} | columns)


def envelope(op, after, minute=0, before=None, **source):
    source = {"table": "orders", "ts_ms": BASE + minute * 60_000, "lsn": 100 + minute, **source}
    return {"before": before, "after": after, "source": source, "op": op}


def typed(value, kind):
    fields = [{"field": "id", "type": "int32"}, {"field": "t", "type": "int64", "name": kind}]
    schema = {"fields": [{"field": side, "fields": fields} for side in ("before", "after")]}
    return [{"schema": schema, "payload": envelope("c", {"id": 1, "t": value})}]


def charge(second, **values):
    thing = {"id": "ch_1", "object": "orders", "created": BASE // 1000, **values}
    return {
        "id": f"evt_{second}",
        "type": "charge.updated",
        "created": BASE // 1000 + second,
        "data": {"object": thing},
    }


def brought(tmp_path, source, log=None, **how):
    if isinstance(source, list):
        path = tmp_path / "feed.jsonl"
        path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in source))
        source = path
    log = log or open_log(":memory:")
    return log, import_history(log, source, **{"key": "id", "table": "orders", **how})


@pytest.mark.long_but_first
@pytest.mark.parametrize(
    ("source", "rows"),
    [
        (django(id=["1"], history_note=["x"]), [{"id": "1", "history_note": "x"}]),
        (django(id=["17850.0", "9.0"], history_type=["+", "+"]), ["9", "17850"]),
        (django(id=["1"], history_id=["6f9619ff-8b86-4011-b42d-00cf4fc964ff"]), [{"id": "1"}]),
        (django(id=["1"], history_date=["2026-06-01 08:00:00 UTC"]), [{"id": "1"}]),
        (continuum(issued_at=[DAY.format(1), DAY.format(2)]), [{"id": "1", "user_id": "42", "status": "b"}]),
        (
            auditlog(
                '{"s": ["None", "open"]}',
                '{"tags": {"type": "m2m", "operation": "add", "objects": ["gift", "vip"]}}',
                '{"tags": {"type": "m2m", "operation": "delete", "objects": ["gift"]}}',
            ),
            [{"s": "open", "tags": '["vip"]'}],
        ),
        (dbt("9999-12-31"), [{"id": "1", "status": "a"}]),
        (dbt("2999-01-01 00:00:00"), [{"id": "1", "status": "a"}]),
        (dbt(None, dbt_note=["mine"]), [{"id": "1", "status": "a", "dbt_note": "mine"}]),
        (fivetran(_fivetran_id=["k"]), [{"_fivetran_id": "k", "status": "a"}]),
        (envers(REVTSTMP=["2026-06-01 08:00:00.5"]), [{"id": "1"}]),
        (
            triggers('{"id": 1, "t": [1.10, 0.12345678901234567890, 1e400]}'),
            [{"id": "1", "t": "[1.10,0.12345678901234567890,1e400]"}],
        ),
        ([{"payload": envelope("c", {"id": 1})}], [{"id": "1"}]),
        (typed(1_780_300_800_123_456_789, "io.debezium.time.NanoTimestamp"), "2026-06-01 08:00:00.123456789"),
        (typed(1_780_300_800_123_000_000, "io.debezium.time.NanoTimestamp"), "2026-06-01 08:00:00.123000"),
        (typed(34_200_001, "io.debezium.time.Time"), "09:30:00.001000"),
        (typed(34_200_000_000, "io.debezium.time.MicroTime"), "09:30:00"),
        (typed(34_200_000_000_001, "io.debezium.time.NanoTime"), "09:30:00.000000001"),
        # A snapshot read of a row that is known counts, and says nothing of an opening.
        ([envelope("c", {"id": 1, "s": "a"}, 1), envelope("r", {"id": 1, "s": "b"}, 5)], [{"id": "1", "s": "b"}]),
    ],
)  # fmt: skip
def test_it_is_read_as_it_shows(tmp_path, source, rows):
    key = "_fivetran_id" if isinstance(source, pa.Table) and "_fivetran_id" in source.column_names else "id"
    log, _ = brought(tmp_path, source, key=key)
    found = rows_at(log, "orders").to_pylist()
    if isinstance(rows, str):
        assert found == [{"id": "1", "t": rows}]
    elif isinstance(rows[0], str):
        assert {f"orders/{key}" for key in rows} == set(log.stream_ids())
    else:
        assert found == rows


@pytest.mark.long_but_first
@pytest.mark.parametrize(
    ("source", "says"),
    [
        (django(id=["17850.0", "17850"]), r"ids with \.0"),
        (django(id=["5.36E+05"]), "row 1: id '5.36E.05' has lost digits"),
        (django(id=["nan"]), "row 1: id 'nan' is no id"),
        (django(id=["1", "1"], history_date=["2026-06-01 08:00+02:00", "2026-06-02 08:00"]), "names no zone, while"),
        (django(id=["1"], history_date=["2026-06-01 08:00:00.1234567"]), "row 1: .* below the microsecond"),
        (django(id=["1"], history_date=["20260601"]), "row 1: history_date '20260601' is no time"),
        (django(id=["1"], history_date=["2026-W23-1"]), "is no time"),
        (django(id=["1"], history_date=["0000-00-00 00:00:00"]), "is no time"),
        (auditlog('{"s": ["open"]}'), "no pair of an old and a new value"),
        (auditlog('{"s": ["None", "open"]}', pk="None"), "object_pk is empty"),
        (auditlog('{"s": ["a", "b"], "s": ["a", "c"]}'), "says 's' twice"),
        (dbt("2026-05-01 00:00:00"), "row 1: dbt_valid_to '2026-05-01 00:00:00' is before the version began"),
        (fivetran(id=["1"], _fivetran_active=[None]), "neither true nor false"),
        (fivetran(id=["1"], _fivetran_active=["false"]), "that it has not"),
        (triggers('{"id": 1}', '{"id": 1}', table_schema=["shop", "archive"]), "row 2: the table 'orders' is that of"),
        (sap(("1", "2"), ("2", "3")), "FNAME NETWR stands twice in one change"),
        (sap(("1", "2"), UTIME="1500"), "row 1: UDATE and UTIME '2026-06-01 1500' is no time"),
        ([envelope("c", {"id": 1}, schema="a"), envelope("c", {"id": 2}, schema="b")], "row 2: the table 'orders'"),
        (['{"before":null,"after":{"id":1,"id":2},"source":{"ts_ms":1},"op":"c"}'], "row 1: the line says 'id' twice"),
    ],
)
def test_what_has_two_readings_or_none_is_refused_and_nothing_is_appended(tmp_path, source, says):
    log = open_log(":memory:")
    with pytest.raises(BadSource, match=says):
        brought(tmp_path, source, log)
    assert log.head().position == 0


def test_who_did_it_is_not_a_column_of_the_row_that_is_called_so(tmp_path):
    transactions = frame(
        id=["1", "2"], remote_addr=[None, None], user_id=["7", "8"], issued_at=[DAY.format(1), DAY.format(2)]
    )
    log, _ = brought(tmp_path, continuum(), transactions=transactions)
    assert [event.actor for event in log.load("orders/1")] == ["7", "8"]
    assert rows_at(log, "orders").to_pylist() == [{"id": "1", "user_id": "42", "status": "b"}]


def test_a_field_that_a_document_lacks_has_no_value_any_more(tmp_path):
    feed = [
        charge(1, metadata={"order": "A", "x": "1"}),
        charge(200, metadata={"order": "B"}),
        charge(300, metadata={}, card={"brand": "visa"}),
    ]
    log, _ = brought(tmp_path, feed, key=())
    (row,) = rows_at(log, "orders").to_pylist()
    assert {name: value for name, value in row.items() if value is not None} == {
        "id": "ch_1", "object": "orders", "created": str(BASE // 1000), "metadata": "{}", "card.brand": "visa",
    }  # fmt: skip


def test_the_log_of_mysql_says_what_came_first(tmp_path):
    place = {"lsn": None, "file": "bin.000003", "row": 0}
    log, done = brought(
        tmp_path,
        [
            envelope("u", {"id": 1, "s": "b"}, before={"id": 1, "s": "a"}, **place, pos=90),
            envelope("c", {"id": 1, "s": "a"}, **place, pos=4),
        ],
    )
    assert (rows_at(log, "orders").to_pylist(), done.gaps.gaps) == ([{"id": "1", "s": "b"}], ())


def test_beats_and_ends_of_transactions_among_envelopes_are_passed_over(tmp_path):
    began = {"status": "BEGIN", "id": "571:5", "event_count": None, "data_collections": None, "ts_ms": BASE}
    ended = {
        **began,
        "status": "END",
        "event_count": 1,
        "data_collections": [{"data_collection": "public.orders", "event_count": 1}],
    }
    log, done = brought(tmp_path, [began, envelope("c", {"id": 1, "s": "a"}), ended, {"ts_ms": BASE}, "null"])
    assert (rows_at(log, "orders").to_pylist(), done.gaps.gaps) == ([{"id": "1", "s": "a"}], ())
    with pytest.raises(BadSource, match="flattened"):
        brought(tmp_path, [{"id": 1, "status": "BEGIN", "ts_ms": BASE}, envelope("c", {"id": 2, "s": "a"})])
