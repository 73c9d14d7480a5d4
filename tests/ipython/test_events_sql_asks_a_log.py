"""`%%events_sql` in a real IPython: answers as DataFrames, moments, variables, completion, and mistakes in one line."""

from datetime import UTC, datetime
from decimal import Decimal

import pandas as pd
import pytest

from orders_es.audit import close
from orders_es.ipython.call import CallError, names_of, read_call
from orders_es.log import ANY, NewEvent, open_log
from orders_es.orders import ItemAdded, OrderCreated, OrderPlaced
from orders_es.replay import connect

pytest.importorskip("IPython")


@pytest.fixture
def log(tmp_path):
    with open_log(tmp_path / "shop", create=True) as log:
        for day, data in (
            (1, OrderCreated(currency="EUR")),
            (2, ItemAdded(item_id="mug", quantity=2, price=Decimal("2.50"))),
            (3, OrderPlaced()),
        ):
            log.append("A-1", [NewEvent(data=data, occurred_at=datetime(2025, 6, day, 12, tzinfo=UTC))], expected=ANY)
        yield log


@pytest.fixture
def shell(tmp_path, monkeypatch):
    from IPython.core.interactiveshell import InteractiveShell

    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    shell.history_manager.enabled = False
    shell.run_line_magic("load_ext", "orders_es.ipython")
    yield shell
    shell.run_line_magic("unload_ext", "orders_es.ipython")
    shell.history_manager.end_session()
    InteractiveShell.clear_instance()


@pytest.fixture
def session(log, shell):
    with connect(log) as session:
        shell.user_ns["session"] = session
        yield session


def run(shell, text):
    done = shell.run_cell(text)
    done.raise_error()
    return done.result


def refused(shell, text, capsys):
    """What is said of a cell that fails, which must be a line or DuckDB's own few, and no traceback."""
    capsys.readouterr()
    done = shell.run_cell(text)
    assert not done.success
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    assert "UsageError" in out + err
    return (out + err).replace("UsageError: ", "").strip()


@pytest.mark.usefixtures("session")
def test_the_answer_is_a_frame_with_exact_money(shell):
    frame = run(shell, "%%events_sql\nSELECT order_id, status, total FROM orders")
    assert isinstance(frame, pd.DataFrame)
    assert frame.to_dict("records") == [{"order_id": "A-1", "status": "placed", "total": Decimal("5.0000")}]


@pytest.mark.usefixtures("session")
def test_everything_in_it_is_bound_to_the_moment(shell):
    assert run(shell, "%%events_sql --at 2025-06-02\nSELECT status FROM orders")["status"].tolist() == ["created"]
    assert run(shell, "%%events_sql --at '2025-06-01 11:59'\nFROM orders").empty
    assert run(shell, "%%events_sql --at 2025-06-01T13:59 --tz Europe/Berlin\nFROM orders").empty
    assert run(shell, "%%events_sql --known-at 2025-06-10\nFROM orders").empty
    assert len(run(shell, "%events_sql --at 2025-06-02 FROM events")) == 2


@pytest.mark.usefixtures("session")
def test_a_name_takes_the_answer_and_nothing_is_shown(shell):
    assert run(shell, "%%events_sql --at 2025-06-02 then <<\nFROM events") is None
    assert len(shell.user_ns["then"]) == 2
    assert run(shell, "%events_sql now << SELECT count(*) AS n FROM events") is None
    assert shell.user_ns["now"]["n"].tolist() == [3]


@pytest.mark.usefixtures("session")
def test_variables_are_values_and_never_text(shell):
    shell.user_ns["wanted"] = "A-1' OR true --"
    assert run(shell, "%events_sql FROM orders WHERE order_id = $wanted").empty
    shell.user_ns["wanted"] = "A-1"
    assert len(run(shell, "%%events_sql\nFROM orders WHERE order_id = $wanted AND '$none' <> ''")) == 1


def test_a_log_is_opened_once_and_closed_at_the_end(shell, log):
    for _ in range(2):
        assert len(run(shell, f'%%events_sql --log "{log.url}"\nFROM events')) == 3
    magics = shell.magics_manager.registry["EventsSql"]
    assert len(magics._opened) == 1
    shell.run_line_magic("unload_ext", "orders_es.ipython")
    assert not magics._opened
    assert shell.find_cell_magic("events_sql") is None
    shell.run_line_magic("load_ext", "orders_es.ipython")


def test_which_session_is_never_guessed(shell, log, capsys):
    assert "session = connect(log)" in refused(shell, "%events_sql FROM events", capsys)
    with connect(log) as one, connect(log) as two:
        shell.user_ns.update(one=one, two=two)
        assert "--session one or --session two" in refused(shell, "%events_sql FROM events", capsys)
        assert len(run(shell, "%events_sql --session two FROM events")) == 3
        assert "there is one, two" in refused(shell, "%events_sql --session three FROM events", capsys)


@pytest.mark.long_but_first
@pytest.mark.usefixtures("session")
@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("%%events_sql\nSELECT nothing FROM orders", "nothing"),
        ("%%events_sql\nSELEC 1", "syntax error"),
        ("%%events_sql --at yesterday\nFROM orders", "yesterday"),
        ("%%events_sql --when 2025-06-01\nFROM orders", "no option --when; there are --at"),
        ("%%events_sql --at 2025-06-01 --at 2025-06-02\nFROM orders", "--at is there twice"),
        ("%%events_sql --tz Mars\nFROM orders", "Mars"),
        ("%%events_sql\nFROM orders WHERE total > $least", "no variable 'least'"),
        ("%%events_sql FROM orders\nFROM orders", "neither an option nor `name <<`"),
        ("%events_sql", "there is no query"),
        ("%events_sql --log /nowhere/at/all FROM orders", "/nowhere/at/all"),
    ],
)
def test_a_mistake_is_told_without_a_traceback(shell, cell, said, capsys):
    assert said in refused(shell, cell, capsys)


@pytest.mark.long
@pytest.mark.usefixtures("session")
def test_relations_and_columns_are_completed_inside_a_query(shell):
    def inside(text):
        from IPython.core.completer import provisionalcompleter

        with provisionalcompleter():
            return {completion.text for completion in shell.Completer.completions(text, len(text))}

    assert {"order_items", "order_history", "orders_at"} <= inside("%%events_sql --at 2025-06-01\nSELECT * FROM order")
    assert "delivered_at" in inside("%%events_sql\nSELECT deliv")
    assert "delivered_at" in inside("%events_sql SELECT orders.deliv")
    assert "delivered_at" not in inside("deliv")


def test_nothing_of_ipython_is_loaded_by_the_package():
    import subprocess
    import sys

    code = "import orders_es.ipython, sys; print(sorted({'IPython', 'ipywidgets', 'pandas'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_only_dollars_in_sql_are_names():
    assert names_of("SELECT $a, '$b', \"$c\", $$ $d $$, $a -- $e\n, $f /* $g */") == ["a", "f"]


def test_a_line_is_options_then_a_name_then_the_query():
    call = read_call('--at="2025-06-01 12:00" --log my-log told << FROM orders;')
    assert (call.options, call.name, call.query) == (
        {"at": "2025-06-01 12:00", "log": "my-log"},
        "told",
        "FROM orders",
    )
    with pytest.raises(CallError, match="no query"):
        read_call("--at 2025-06-01", "  ")


@pytest.mark.usefixtures("session")
def test_a_closed_moment_is_asked_for_by_its_name(shell, log, capsys):
    close(log, "early", at="2025-06-02")
    asked = "SELECT event_count FROM orders"
    assert run(shell, f"%events_sql --as-closed early {asked}")["event_count"].tolist() == [2]
    assert "nothing was closed as" in refused(shell, f"%events_sql --as-closed late {asked}", capsys)
    assert "says all moments" in refused(shell, f"%events_sql --as-closed early --at 2025-06-02 {asked}", capsys)
