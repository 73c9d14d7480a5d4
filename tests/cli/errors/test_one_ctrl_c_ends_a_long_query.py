"""Ctrl-C, once: wherever DuckDB or Arrow is at work and looks at no signals. Each process is ended from outside if it hangs."""

import json
import signal
import subprocess
import sys
import textwrap

import pytest

from orders_es.log import open_log

ENDLESS = "FROM range(100_000_000_000) AS t(a) WHERE hash(a) % 1_000_000_007 = 0"
HANGS = 120
"""Seconds after which a process is taken to hang."""


@pytest.fixture
def log(tmp_path):
    open_log(tmp_path / "log", create=True).close()
    return tmp_path / "log"


@pytest.mark.long
def test_in_python_it_is_a_keyboard_interrupt_and_the_session_goes_on(log):
    program = f"""
        import os, signal, threading, time
        from orders_es.log import open_log
        from orders_es.replay import connect

        session = connect(open_log({str(log)!r}))
        session.sql("SELECT 1")
        asks = [
            lambda: session.sql("SELECT a {ENDLESS}"),
            lambda: session.sql("SELECT a {ENDLESS}", at="2025-06-30"),
            lambda: session.sql("EXPLAIN ANALYZE SELECT a {ENDLESS}"),
            lambda: session.write("SELECT a FROM range(100_000_000_000) AS t(a)", {str(log.parent / "out.parquet")!r}),
        ]
        for ask in asks:
            threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT)).start()
            try:
                ask()
            except KeyboardInterrupt:
                assert session.sql("SELECT count(*) FROM orders").rows() == [(0,)]
            else:
                raise SystemExit("it was not interrupted")
        print("well")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=HANGS, check=False
    )
    assert (done.stdout, done.returncode) == ("well\n", 0), done.stderr
    assert [file.name for file in log.parent.iterdir()] == ["log"]


def test_a_query_that_forgot_it_is_told_again_until_it_ends():
    """As DuckDB forgets an interrupt that comes in the moment before it runs."""
    program = """
        import os, signal, time
        from orders_es.log import interrupts

        class Query:
            told = 0

            def interrupt(self):
                self.told += 1

        query = Query()
        with interrupts.interruptible(query):
            os.write(interrupts._watch.number, bytes([signal.SIGINT]))  # as Python does when a signal comes
            while query.told < 3:
                time.sleep(0.001)
        print("well")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=HANGS, check=False
    )
    assert (done.stdout, done.returncode) == ("well\n", 0), done.stderr


@pytest.mark.long
@pytest.mark.parametrize("form", [(), ("--json",)], ids=["table", "json"])
def test_on_the_command_line_it_is_one_line_and_130(log, form):
    loads = "import duckdb, orders_es.cli; from orders_es.__main__ import start; print('loaded', flush=True); start()"
    command = [sys.executable, "-u", "-c", loads]
    call = [*command, "sql", f"SELECT a {ENDLESS}", *form, "--log", str(log)]
    with subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "loaded\n"
        with pytest.raises(subprocess.TimeoutExpired):  # give it time to ask
            process.wait(1.5)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=HANGS)
    assert process.returncode == 130
    assert out == ""
    said = "interrupted; whatever had been committed stays, nothing is half there"
    if form:
        assert json.loads(err) == {"error": {"type": "KeyboardInterrupt", "message": said, "exit_code": 130}}
    else:
        assert err == f"orders-es: {said}\n"


def test_while_it_loads_there_is_no_traceback_either():
    program = "import os, signal, sys, types\n" + textwrap.dedent("""
        class Loader:
            def find_spec(self, name, *_):
                if name == "click":
                    os.kill(os.getpid(), signal.SIGINT)

        sys.meta_path.insert(0, Loader())
        from orders_es.__main__ import start
        start()
    """)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=HANGS, check=False)
    assert (done.returncode, done.stderr) == (130, "")


def test_a_ctrl_c_that_comes_as_a_query_ends_does_not_end_the_next_one():
    program = """
        import os, signal, time
        from orders_es.log import interrupts

        class Query:
            told = 0

            def interrupt(self):
                self.told += 1

        ended, next_ones = Query(), [Query() for _ in range(200)]
        for query in next_ones:
            with interrupts.interruptible(ended):
                os.write(interrupts._watch.number, bytes([signal.SIGINT]))  # as Python does when a signal comes
            with interrupts.interruptible(query):
                time.sleep(0.001)
        print(sum(query.told for query in next_ones))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=HANGS, check=False
    )
    assert (done.stdout, done.returncode) == ("0\n", 0), done.stderr
