"""After `erase` no byte of what was erased is left in the folder, and every leaf, root, checkpoint and receipt is what it was."""

import json
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from erasable import SECRETS, Subscribed, everything, fill, places_of, registry

from orders_es import audit
from orders_es.audit import erasure
from orders_es.audit.tree import LogTree
from orders_es.errors import (
    CannotErase,
    InvalidArgument,
    InvalidSetting,
    NoSuchHold,
    NothingToRollBackTo,
    ProjectionChanged,
    ReadOnlyLog,
    StreamNotFound,
    UnderLegalHold,
)
from orders_es.log import ANY, RawEvent, open_log, order_registry
from orders_es.log.columns import ENVELOPE_SCHEMA
from orders_es.log.parquet import ParquetLog, erasing
from orders_es.orders import OrderCreated, OrderPlaced
from orders_es.projections import Handlers, Projector, set_projections
from orders_es.replay import Snapshots, connect, load_order

KEY = audit.generate_key("example.com/shop")


@pytest.fixture
def log(tmp_path):
    with open_log(tmp_path / "log", create=True, registry=registry()) as opened:
        assert isinstance(opened, ParquetLog)
        opened.upkeep = False
        fill(opened)
        yield opened


def figures(log):
    with connect(log) as session:
        return session.sql("SELECT count(*), sum(total), sum(paid), count(customer_id) FROM orders").rows()


@pytest.mark.long
def test_no_byte_is_left_and_every_proof_holds(log):
    vkey = KEY.key
    Snapshots(log, every=50).take("A-1")
    log.compact(target_events=200)
    early = audit.checkpoint(log, KEY)
    receipts = [audit.prove_order(log, "A-1"), audit.prove_order(log, "mail-1")]
    before, root, position = figures(log), log.head().root, log.head().position
    assert places_of(log.url, *SECRETS)

    done = audit.erase(log, customer=SECRETS[0], why="request", by="Zoë")
    also = audit.erase(log, "mail-1", why="request", by="Zoë")

    assert places_of(log.url, *SECRETS) == set()
    assert done.streams == ("A-1", "A-3", "A-5")
    assert len(done.positions) == 3
    assert log.load("mail-1")[0].data == Subscribed("erased", phone="erased")
    assert load_order(log, "A-1").customer_id == "erased"
    assert load_order(log, "A-2").customer_id == "C-other"
    assert figures(log) == before
    assert LogTree(log).root(position) == root
    assert not list(Path(log.url).rglob("*.blocks"))  # which are compressed
    assert not list(Path(log.url).rglob("snapshots/*/*/*"))
    for receipt in receipts:
        assert audit.verify_receipt(receipt.text, vkey).size == early.size
    again = audit.prove_order(log, "A-1", checkpoint=early)
    said = audit.verify_receipt(again.text, vkey).events[0]
    assert json.loads(said["payload"])["customer_id"] == "erased"
    found = audit.verify(log)
    assert found.ok, found.problems
    assert len(found.erased) == 4
    assert [one.positions for one in audit.erasures(log)] == [done.positions, also.positions]
    later = audit.checkpoint(log, KEY)
    assert later.size == position + 2
    with open_log(log.url, registry=registry()) as fresh:
        assert load_order(fresh, "A-3").customer_id == "erased"
        assert audit.erase(fresh, customer=SECRETS[0], why="once more").positions == ()


def test_a_program_that_marks_nothing_erases_as_well(log):
    with open_log(log.url) as plain:  # and does not know what a subscription is
        audit.erase(plain, "A-1", why="request")
        audit.erase(plain, "mail-1", why="request")
    assert places_of(log.url, *SECRETS[1:]) == set()
    with open_log(log.url, registry=registry()) as again:
        assert again.load("mail-1")[0].data == Subscribed("erased", phone="erased")
        with connect(again, read_models=[]) as session:
            query = "SELECT email, phone, customer_id FROM events WHERE stream_id IN ('A-1', 'mail-1') AND version = 1 ORDER BY 1"
            assert session.sql(query).rows() == [("erased", "erased", None), (None, None, "erased")]
        assert audit.verify(again).ok


def test_a_hold_refuses_and_says_whose_it_is(log):
    order = audit.place_hold(log, "A-1", why="case 17", by="Legal")
    customer = audit.place_hold(log, customer=SECRETS[0], why="tax audit", by="Finance")
    assert [audit.covered(log, hold) for hold in audit.holds(log)] == [["A-1"], ["A-1", "A-3", "A-5"]]
    with pytest.raises(InvalidArgument):
        audit.place_hold(log, "", why="case 17")
    head = log.head()
    with pytest.raises(UnderLegalHold, match=r"'A-1' is under legal hold 'H-1', placed by Legal \(case 17\)"):
        audit.erase(log, customer=SECRETS[0], why="request")
    with pytest.raises(UnderLegalHold, match=r"'H-2', placed by Finance \(tax audit\)"):
        audit.erase(log, "A-3", why="request")
    with pytest.raises(InvalidSetting, match="records of holds"):  # which would take away whom the hold is for
        audit.erase(log, "log:privacy", why="request")
    assert log.head() == head
    audit.erase(log, "A-2", why="request")
    audit.release_hold(log, order.hold, why="closed", by="Legal")
    assert audit.release_hold(log, customer.hold, why="closed", by="Finance").released_by == "Finance"
    with pytest.raises(NoSuchHold):
        audit.release_hold(log, order.hold, why="again")
    audit.erase(log, customer=SECRETS[0], why="request")
    assert places_of(log.url, SECRETS[0]) == set()
    assert [one.subject for one in audit.holds(log)] == ["A-1", "erased"]
    assert audit.verify(log).ok


def test_what_cannot_be_erased_is_said(log):
    with open_log(log.url) as plain:  # a program that marks nothing
        plain.append("B-1", [OrderCreated(currency="EUR", customer_id=SECRETS[0])], expected=ANY)
    with pytest.raises(CannotErase, match=r"recorded before their fields were marked.*--leave-unsalted"):
        audit.erase(log, customer=SECRETS[0], why="request")
    assert len(audit.erase(log, customer=SECRETS[0], why="request", leave_unsalted=True).left) == 1
    for stream, customer in ((None, None), ("A-1", "C")):
        with pytest.raises(InvalidSetting):
            audit.erase(log, stream, customer=customer, why="x")
    with pytest.raises(InvalidSetting):
        audit.erase(log, "A-1", why=" ")
    with pytest.raises(StreamNotFound):
        audit.erase(log, "A-99", why="x")
    with open_log(log.url, read_only=True) as reader, pytest.raises(ReadOnlyLog):
        audit.erase(reader, "A-1", why="x")


def test_what_many_streams_hold_is_what_each_of_them_holds(log, monkeypatch):
    with open_log(log.url) as plain:  # a program that marks nothing
        plain.append("B-1", [OrderCreated(currency="EUR", customer_id=SECRETS[0])], expected=ANY)
    audit.erase(log, "A-3", why="request")
    streams = ["A-1", "A-2", "A-3", "B-1", "mail-1"]
    each = erasure._personal(log, streams)
    monkeypatch.setattr(erasure, "_ONE_BY_ONE", 0)
    assert erasure._personal(log, streams) == each
    assert (len(each[0]), len(each[1])) == (3, 1)


def test_in_memory_as_well():
    with open_log("memory:", registry=registry()) as log:
        fill(log)
        root = pa.Table.from_batches(log.read(columns=ENVELOPE_SCHEMA.names))
        assert audit.erase(log, customer=SECRETS[0], why="request").positions
        assert load_order(log, "A-1").customer_id == "erased"
        assert audit.verify(log).ok
        assert log.head().position == root.num_rows + 1


def test_what_is_decided_and_not_done_is_found(log):
    text = json.dumps({"why": "x", "positions": [1], "streams": ["A-0"], "left": []})
    log.append(erasure.STREAM, [RawEvent("PersonalDataErased", text)], expected=ANY)
    problems = audit.verify(log).problems
    assert any("were to be erased" in problem.what for problem in problems)


def test_what_nobody_recorded_as_erased_is_found(log):
    intent = erasing.Intent(log.load("A-1")[0].event_id, [log.load("A-1")[0].position], ["A-1"])
    with erasing.begun(log.url, intent):
        erasing.finish(log.url, log.checked, log.registry, intent)
    with open_log(log.url, registry=registry()) as again:
        problems = audit.verify(again).problems
    assert any("no event in the log says so" in problem.what for problem in problems)


def test_states_and_whatever_else_is_derived_go_with_what_they_were_made_from(tmp_path, monkeypatch):
    from orders_es.replay.states import build

    monkeypatch.setattr(build, "SPAN", 50)
    monkeypatch.setenv("ORDERS_ES_UPKEEP", "off")
    known = order_registry()
    known.mark_personal("OrderCreated", "customer_id")
    with open_log(tmp_path / "log", create=True, registry=known) as log:
        for number in range(30):
            created = OrderCreated(currency="EUR", customer_id=SECRETS[0] if number < 3 else "C-other")
            log.append(f"A-{number}", [created, OrderPlaced()], expected=ANY)
        _erase_with_states(log, build)


def _erase_with_states(log, build):
    log.compact(target_events=200)
    assert build.make_states(log)
    unknown = Path(log.url, "derived", "of-tomorrow")
    unknown.mkdir()
    (unknown / "made").write_text(SECRETS[0], "utf-8")
    places = [path for path, data in everything(log.url) if SECRETS[0].encode() in data]
    assert any("states" in path.parts for path in places)

    audit.erase(log, customer=SECRETS[0], why="request")

    assert places_of(log.url, SECRETS[0]) == set()
    assert not unknown.exists()
    with connect(log) as session:
        assert session.sql("SELECT count(*) FROM orders WHERE customer_id = 'erased'").rows() == [(3,)]


@pytest.mark.long
def test_the_next_run_of_a_projection_takes_an_erased_customer_out_of_its_table(log, tmp_path):
    path = tmp_path / "models.duckdb"
    projector = Projector(log, path, set_projections(["orders", "customer_value"]))
    projector.run()
    projector.rebuild("orders")
    audit.erase(log, customer=SECRETS[0], why="asked for", by="Zoë")
    log.append("A-0", [OrderPlaced()], expected=ANY)
    Projector(log, path, set_projections(["orders", "customer_value"])).run()
    with duckdb.connect(str(path), read_only=True) as models, connect(log) as session:
        assert (
            models.execute("SELECT * FROM orders_es.generations").fetchall() == []
        )  # nobody goes back to the tables before
        held = models.execute("SELECT order_id, customer_id FROM orders ORDER BY 1").fetchall()
        assert held == session.sql("SELECT order_id, customer_id FROM orders ORDER BY 1").rows()
        assert {customer for _, customer in held} == {"C-other", "erased"}
        assert SECRETS[0] not in str(models.execute("FROM customer_value").fetchall())


def keeping_customers():
    def keep(event, tables):
        tables.execute("INSERT INTO customers VALUES (?, ?)", [event.stream_id, event.data.customer_id])

    return Handlers(
        "customers",
        1,
        {OrderCreated: keep},
        tables="CREATE TABLE customers(order_id TEXT, name TEXT)",
        pause=0,
        attempts=1,
    )


def keeping_placed():
    def keep(event, tables):
        tables.execute("INSERT INTO placed VALUES (?)", [event.stream_id])

    return Handlers("placed", 1, {OrderPlaced: keep}, tables="CREATE TABLE placed(order_id TEXT)", pause=0, attempts=1)


@pytest.mark.long
def test_tables_of_handlers_that_were_given_it_wait_for_a_rebuild(log, tmp_path):
    path = tmp_path / "models.duckdb"
    projector = Projector(log, path, [keeping_customers(), keeping_placed()])
    projector.run()
    done = audit.erase(log, customer=SECRETS[0], why="asked for")
    log.append("B-1", [OrderCreated(currency="EUR", customer_id="C-new")], expected=ANY)
    with pytest.raises(
        ProjectionChanged, match=rf"'customers' was given personal data .* position {done.position}.*rebuild"
    ):
        projector.run()
    with duckdb.connect(str(path), read_only=True) as models:
        assert models.execute("SELECT count(*) FROM placed").fetchall() == [(126,)]  # which was given none, and goes on
        assert models.execute("SELECT count(*) FROM customers WHERE name = 'C-new'").fetchall() == [(0,)]
    projector.rebuild("customers", dry_run=True)
    with pytest.raises(ProjectionChanged):
        projector.run()
    projector.rebuild("customers")
    projector.run()
    with duckdb.connect(str(path), read_only=True) as models:
        held = {name for (name,) in models.execute("SELECT name FROM customers").fetchall()}
        assert held == {"C-other", "C-new", "erased"}
    with pytest.raises(NothingToRollBackTo):
        projector.rollback("customers")
