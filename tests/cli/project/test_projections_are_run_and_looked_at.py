"""`project` and `dead-letters` on the small shop."""

import re
import sys

import duckdb
import pytest

from orders_es.log import ANY, RawEvent, open_log

HANDLERS = """
from orders_es.orders import OrderCreated, OrderPlaced
from orders_es.projections import Handlers

BROKEN = {broken}


def note(event, tables):
    tables.execute("INSERT INTO notes VALUES (?)", [event.stream_id])
    if event.stream_id in BROKEN:
        raise ValueError("no notes on " + event.stream_id)


notes = Handlers("notes", 1, {{OrderCreated: note, OrderPlaced: note}}, tables="CREATE TABLE notes(order_id TEXT)",
                 on_error="continue", block_streams=True, attempts=2, pause=0)
both = [notes, Handlers("more", 1, {{OrderPlaced: print}})]
number = 5
"""


@pytest.fixture
def models(tmp_path):
    return tmp_path / "models.duckdb"


@pytest.fixture
def ask(run, shop, models):
    """Call with the shop's log and the file."""
    return lambda *words, **options: run(*words, "--log", shop, "--models", models, **options)


@pytest.fixture
def handlers(tmp_path, monkeypatch):
    """Write the module `shop_notes`, whose handler fails on some orders."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def write(*broken):
        monkeypatch.delitem(sys.modules, "shop_notes", raising=False)
        (tmp_path / "shop_notes.py").write_text(HANDLERS.format(broken=set(broken) or "set()"))
        return "shop_notes:notes"

    yield write
    sys.modules.pop("shop_notes", None)


def test_a_run_says_how_far_each_one_came(ask):
    out = ask("project", "run", "orders", "daily_sales").out
    assert re.search(r"orders: up to position 10 of 10, 10 events in 1 batch \(\d+\.\d s\)", out)
    told = ask("project", "run", "--json").json["projections"]
    assert [(one["projection"], one["position"], one["events"], one["error"]) for one in told] == [
        ("daily_sales", 10, 0, None),
        ("orders", 10, 0, None),
    ]


@pytest.mark.long
def test_a_new_file_gets_all_read_models(ask):
    ask("project", "run")
    names = {one["name"] for one in ask("project", "status", "--json").json["projections"]}
    assert {"orders", "order_items", "order_history", "daily_sales", "cohorts"} <= names


def test_one_that_fails_is_told_and_the_others_are_done(ask, shop):
    with open_log(shop) as log:
        log.append("A-1", [RawEvent("OrderBlessed", "{}")], expected=ANY)
    answer = ask("project", "run", "orders", "activity", code=1)
    assert "orders: stands at position 10 of 11" in answer.out
    assert "activity: up to position 11 of 11" in answer.out
    assert "orders-es: orders: projection 'orders' stands before position 11 of stream 'A-1'" in answer.err
    status = ask("project", "status").out
    assert "stopped_by_error" in status
    assert "OrderBlessed" in status


def test_status_shows_where_each_one_is(ask):
    ask("project", "run", "orders")
    head, row = ask("project", "status").out.splitlines()
    assert head.split()[:6] == ["projection", "kind", "version", "generation", "position", "of"]
    assert row.split()[:7] == ["orders", "set", "1", "1", "10", "10", "ok"]
    [told] = ask("project", "status", "--json").json["projections"]
    assert (told["checkpoint"], told["head_position"], told["runner"], told["dead_letters"]) == (10, 10, None, 0)


@pytest.mark.long
def test_a_rebuild_compares_and_swaps_and_can_be_taken_back(ask, models):
    ask("project", "run", "orders")
    assert "orders: the same 2 rows" in ask("project", "rebuild", "orders", "--dry-run").out
    with duckdb.connect(str(models)) as connection:
        connection.execute("UPDATE orders_es_orders_1.orders SET total = 7 WHERE order_id = 'A-1'")
    text = ask("project", "rebuild", "orders", "--dry-run", code=1).out
    assert "2 rows before, 2 rebuilt; 0 only before, 0 only rebuilt, 1 changed" in text
    assert "changed: order_id=A-1, total=7.0000 -> order_id=A-1, total=32.6000" in text
    told = ask("project", "rebuild", "orders", "--json").json
    assert (told["generation"], told["promoted"], told["same"], told["differences"][0]["changed"]) == (
        2,
        True,
        False,
        1,
    )
    assert told["differences"][0]["samples"][0]["before"]["total"] == "7.0000"
    assert "generation 1 serves, up to position 10" in ask("project", "rollback", "orders").out
    assert ask("project", "drop", "orders", "--json").json["dropped"] == "orders"
    assert "no projections yet" in ask("project", "status").out


@pytest.mark.long
def test_dead_letters_are_listed_shown_retried_and_discarded(ask, handlers):
    where = handlers("A-1")
    ask("project", "run", "notes", "--handlers", where)
    listed = ask("dead-letters", "list", code=1).out.splitlines()
    assert [line.split()[:7] for line in listed[1:]] == [
        ["1", "notes", "1", "A-1", "OrderCreated", "open", "2"],
        ["2", "notes", "5", "A-1", "OrderPlaced", "waits", "0"],
    ]
    shown = ask("dead-letters", "show", 1).out
    assert "event" in shown
    assert "2 tries" in shown
    assert 'raise ValueError("no notes on " + event.stream_id)' in shown
    assert "Traceback" in ask("dead-letters", "show", 1, "--json").json["traceback"]
    again = ask("dead-letters", "retry", 2, "--handlers", where, code=1)
    assert "0 of 2 dead letters processed" in again.out
    mended = ask("dead-letters", "retry", 2, "--handlers", handlers(), "--json").json["dead_letters"]
    assert [one["state"] for one in mended] == ["retried", "retried"]
    assert ask("dead-letters", "list").out == "no dead letters\n"
    assert len(ask("dead-letters", "list", "--all", "--json").json["dead_letters"]) == 2


def test_one_that_is_given_up_stays_on_the_list_of_all(ask, handlers):
    ask("project", "run", "notes", "--handlers", handlers("A-1"))
    assert "dead letter 1 is discarded" in ask("dead-letters", "discard", 1).out
    assert (
        "1 of 1 dead letter processed"
        in ask("dead-letters", "retry", "--projection", "notes", "--handlers", handlers()).out
    )
    states = [one["state"] for one in ask("dead-letters", "list", "--all", "--json").json["dead_letters"]]
    assert states == ["discarded", "retried"]


@pytest.mark.long_but_first
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["project", "run", "nothing"], "there is no projection 'nothing'"),
        (["project", "run", "--handlers", "shop_notes"], "MODULE:NAME"),
        (["project", "run", "--handlers", "shop_notes:number"], "it is int"),
        (["project", "run", "--handlers", "no_such_module:x"], "no_such_module"),
        (["project", "run", "orders", "--tz", "Mars/Olympus"], "time zone"),
        (["dead-letters", "retry"], "--projection"),
        (["dead-letters", "show", 9], "no open dead letter 9"),
        (["project", "drop", "orders"], "there is no projection 'orders'"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, list) else "",
)
def test_mistakes_are_told_in_one_line(ask, handlers, words, said):
    handlers()
    ask("project", "run", "order_items")
    answer = ask(*words, code=2)
    assert said in answer.err
    assert "Traceback" not in answer.err


def test_the_file_has_to_be_named(run, shop):
    assert "ORDERS_ES_MODELS" in run("project", "status", "--log", shop, code=2).err
    assert "there is no read-model file" in run("project", "status", "--models", "nowhere.duckdb", code=1).err


@pytest.mark.long
def test_what_an_earlier_run_left_undone_is_done_by_the_next_and_status_says_incomplete(ask, monkeypatch):
    from orders_es.projections.run import projector

    run_one, count = vars(projector)["run_one"], []

    def interrupted(*args, **options):
        if len(count) == 2:
            raise KeyboardInterrupt
        count.append(1)
        return run_one(*args, **options)

    monkeypatch.setattr(projector, "run_one", interrupted)
    ask("project", "run", "orders", "activity", "order_items", "cohorts", code=130)
    monkeypatch.setattr(projector, "run_one", run_one)
    said = ask("project", "status").out
    assert "incomplete: a run was asked for order_items, cohorts and ended before that was done" in said
    assert ask("project", "status", "--json").json["unfinished"] == ["order_items", "cohorts"]
    answer = ask("project", "run", "orders", code=1)
    assert "not done yet, though an earlier run was asked for it: order_items, cohorts" in answer.err
    out = ask("project", "run").out
    assert [line.partition(":")[0] for line in out.splitlines()] == ["activity", "orders", "order_items", "cohorts"]
    assert "incomplete" not in ask("project", "status").out


def test_handlers_that_an_earlier_run_was_asked_for_are_named_until_they_are_given(ask, handlers, monkeypatch):
    from orders_es.projections.run import projector

    run_one = vars(projector)["run_one"]
    monkeypatch.setattr(projector, "run_one", lambda *_args, **_options: (_ for _ in ()).throw(KeyboardInterrupt))
    ask("project", "run", "orders", "notes", "--handlers", handlers(), code=130)
    monkeypatch.setattr(projector, "run_one", run_one)
    answer = ask("project", "run", code=1)
    assert "orders: up to position 10" in answer.out
    assert "an earlier run was asked for it: notes" in answer.err
    assert ask("project", "run", "--handlers", handlers(), "--json").json["unfinished"] == []
