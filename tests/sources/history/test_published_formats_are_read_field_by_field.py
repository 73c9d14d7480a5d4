"""Shapes whose makers do not run here: their published formats, with each oddity and its right answer."""

import base64
import io
import json
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from orders_es.errors import BadSource, InvalidSetting
from orders_es.log import open_log
from orders_es.sources.history import SHAPES, import_history
from orders_es.sources.rows import rows_at

BASE = 1_780_300_800_000  # 2026-06-01 08:00 UTC
SCHEMA = {
    "fields": [
        {
            "field": side,
            "fields": [
                {"field": "id", "type": "int32"},
                {
                    "field": "total",
                    "type": "bytes",
                    "name": "org.apache.kafka.connect.data.Decimal",
                    "parameters": {"scale": "2"},
                },
                {"field": "day", "type": "int32", "name": "io.debezium.time.Date"},
                {"field": "seen", "type": "int64", "name": "io.debezium.time.MicroTimestamp"},
                {"field": "rate", "type": "struct", "name": "io.debezium.data.VariableScaleDecimal"},
            ],
        }
        for side in ("before", "after")
    ]
}


def number(unscaled):
    return base64.b64encode(unscaled.to_bytes(8, "big", signed=True)).decode()


def envelope(op, before, after, minute, **source):
    source = {"table": "orders", "ts_ms": BASE + minute * 60_000, "lsn": 100 + minute, "txId": 7, **source}
    return {"before": before, "after": after, "source": source, "op": op, "ts_ms": source["ts_ms"] + 999}


def bring(tmp_path, *lines, log=None, **how):
    path = tmp_path / "orders.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    log = log or open_log(":memory:")
    return log, import_history(log, path, key="id", **how)


def test_debezium_with_schemas(tmp_path):
    row = {"id": 1, "total": number(-2150), "day": 20_605, "seen": 1, "rate": {"scale": 3, "value": number(1_500)}}
    log, done = bring(
        tmp_path,
        {"schema": SCHEMA, "payload": envelope("r", None, row, 0)},
        {"schema": SCHEMA, "payload": envelope("u", None, {**row, "total": number(1_999_999_999_999)}, 1)},
        {"schema": SCHEMA, "payload": envelope("d", {"id": 1}, None, 2)},
        {"schema": None, "payload": None},
        None,
    )
    opening, changed, deleted = log.load("orders/1")
    assert opening.data.opening
    assert json.loads(opening.data.row_after) == {
        "id": "1",
        "total": "-21.50",
        "day": "2026-06-01",
        "seen": "1970-01-01 00:00:00.000001",
        "rate": "1.500",
    }
    assert json.loads(changed.data.row_after) == {"total": "19999999999.99"}
    assert json.loads(changed.data.row_before) == {"total": "-21.50"}
    assert deleted.occurred_at == datetime(2026, 6, 1, 8, 2, tzinfo=UTC)
    assert deleted.correlation_id == "7"
    assert not done.gaps
    assert rows_at(log, "orders").num_rows == 0


def test_debezium_without_schemas(tmp_path):
    big = {"id": 1, "total": number(100), "text": "long"}
    kept = {"id": 1, "total": number(200), "text": "__debezium_unavailable_value"}
    log, done = bring(
        tmp_path,
        envelope("c", None, big, 0),
        envelope("u", None, kept, 1),
        envelope("m", None, None, 2),
        envelope("u", big, {**big, "total": number(300)}, 3),
        envelope("t", None, None, 4),
        envelope("c", None, {"id": 2, "total": 1.10, "text": "x"}, 5),
        scales={"total": 2},
    )
    assert [json.loads(event.data.row_after) for event in log.load("orders/1")[:-1]] == [
        {"id": "1", "total": "1.00", "text": "long"},
        {"total": "2.00"},
        {"total": "3.00"},
    ]
    assert done.gaps.count("before differs") == 1
    assert rows_at(log, "orders").to_pylist() == [{"id": "2", "total": "1.1", "text": "x"}]


@pytest.mark.parametrize(
    "line", [[], 7, {"op": "c"}, {"op": "c", "source": 1, "after": {"id": 1}}, {"op": "u", "source": {}, "after": None}]
)
def test_a_line_that_is_no_envelope_is_named(tmp_path, line):
    with pytest.raises(BadSource, match="row 1"):
        bring(tmp_path, line)


def test_lines_come_through_a_pipe(monkeypatch):
    line = json.dumps(envelope("c", None, {"id": 1}, 0)) + "\n"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(line.encode())))
    assert import_history(open_log(":memory:"), "-", key="id").events == 1


def history(**columns):
    return pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})


def kinds(log, stream):
    return [(event.type, f"{event.occurred_at:%d %H:%M:%S.%f}".rstrip("0.:").strip()) for event in log.load(stream)]


def test_dbt_snapshots_end_where_a_row_was_gone():
    log = open_log(":memory:")
    done = import_history(
        log,
        history(
            id=["1", "1", "2", "2", "3", "3", "4", "4"],
            status=["open", "paid", "open", "open", "a", "b", "x", "y"],
            dbt_valid_from=[f"2026-06-{day:02} 00:00:00" for day in (1, 2, 1, 5, 1, 2, 1, 2)],
            dbt_valid_to=[
                "2026-06-02 00:00:00",
                None,
                "2026-06-03 00:00:00",
                "2026-06-06 00:00:00",
                "2026-06-04 00:00:00",
                None,
                None,
                None,
            ],
            dbt_is_deleted=["False", "False", "False", "True", "False", "False", "False", "False"],
        ),
        key="id",
        table="orders",
    )
    assert [kind for kind, _ in kinds(log, "orders/1")] == ["RowInserted", "RowChanged"]
    assert kinds(log, "orders/2")[1] == ("RowDeleted", "03")
    assert (
        done.gaps.count("intervals overlap"),
        done.gaps.count("interval missing"),
        done.gaps.count("two are current"),
    ) == (1, 1, 1)


def test_fivetran_ends_a_millisecond_early_and_that_is_no_gap():
    log = open_log(":memory:")
    done = import_history(
        log,
        history(
            id=["1", "1"],
            status=["open", "paid"],
            _fivetran_start=["2026-06-01 00:00:00.000", "2026-06-02 00:00:00.000"],
            _fivetran_end=["2026-06-01 23:59:59.999", "9999-12-31 23:59:59.999"],
            _fivetran_active=["false", "true"],
        ),
        key="id",
        table="orders",
    )
    assert [kind for kind, _ in kinds(log, "orders/1")] == ["RowInserted", "RowChanged"]
    assert not done.gaps


def test_paper_trail_and_envers():
    log = open_log(":memory:")
    import_history(
        log,
        history(
            id=["1", "2", "3"],
            item_type=["Order"] * 3,
            item_id=["7"] * 3,
            event=["create", "update", "destroy"],
            whodunnit=["ann"] * 3,
            object=[None, '{"id":7,"status":"open"}', '{"id":7,"status":"paid"}'],
            object_changes=['{"id":[null,7],"status":[null,"open"]}', '{"status":["open","paid"]}', None],
            created_at=["2026-06-01 08:00:00", "2026-06-02 08:00:00", "2026-06-03 08:00:00"],
        ),
    )
    assert [event.type for event in log.load("Order/7")] == ["RowInserted", "RowChanged", "RowDeleted"]
    assert log.load("Order/7")[2].data.row_before == '{"id":"7","status":"paid"}'
    with pytest.raises(BadSource, match="is YAML"):
        import_history(
            log,
            history(
                id=["1"], item_id=["1"], event=["create"], object_changes=["---\nid: 1"], created_at=["2026-06-01"]
            ),
        )
    import_history(
        log,
        history(
            id=["1", "1"],
            status=["open", None],
            REV=["1", "2"],
            REVTYPE=["0", "2"],
            REVTSTMP=[str(BASE), str(BASE + 1)],
        ),
        key="id",
        table="audited",
    )
    assert kinds(log, "audited/1") == [("RowInserted", "01 08"), ("RowDeleted", "01 08:00:00.001")]


def test_a_shape_that_cannot_be_told_is_asked_for(tmp_path):
    with pytest.raises(BadSource, match="no shape that is known"):
        import_history(open_log(":memory:"), history(id=["1"]), key="id")
    with pytest.raises(BadSource, match="it lacks history_id"):
        import_history(open_log(":memory:"), history(id=["1"]), key="id", shape="django-simple-history")
    with pytest.raises(InvalidSetting, match="which column names a row"):
        import_history(open_log(":memory:"), history(op=["I"], ts=["2026-06-01"], record=["{}"], old_record=[""]))
    with pytest.raises(InvalidSetting, match="there are debezium"):
        bring(tmp_path, shape="else")
    assert all(shape.columns and shape.of for shape in SHAPES.values())
