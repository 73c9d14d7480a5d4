import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from orders_es.log import ANY, open_log
from orders_es.orders import OrderDelivered

ORDERS_ES = Path(sys.executable).with_name("orders-es")


def call(*args, **options):
    return subprocess.run([ORDERS_ES, *map(str, args)], capture_output=True, text=True, check=False, **options)


def test_the_installed_script_answers(shop):
    done = call("info", "--log", shop, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["events"] == 10


def test_an_error_is_one_line_on_stderr_and_nothing_on_stdout(tmp_path):
    done = call("info", "--log", tmp_path / "none")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith("orders-es: no log at")


@pytest.mark.long
def test_a_terminal_that_lacks_a_character_gets_a_question_mark(shop):
    env = {**os.environ, "PYTHONIOENCODING": "iso8859-2", "PYTHONUTF8": "0"}
    done = subprocess.run([ORDERS_ES, "show", "A-1", "--log", shop], capture_output=True, check=True, env=env)
    assert "Rosé ?" in done.stdout.decode("iso8859-2")
    exact = subprocess.run(
        [ORDERS_ES, "show", "A-1", "--log", shop, "--json"], capture_output=True, check=True, env=env
    ).stdout
    assert json.loads(exact.decode())["order"]["lines"][0]["description"] == "Rosé £"


@pytest.mark.long
def test_a_reader_that_leaves_early_is_no_error(shop):
    # More than a pipe holds, so that the writer is still writing when its reader has gone.
    with open_log(str(shop)) as log:
        log.append("LONG", [OrderDelivered()] * 2_000, expected=ANY)
    with subprocess.Popen(
        [ORDERS_ES, "history", "LONG", "--log", shop, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.read(1)
        process.stdout.close()
        err = process.stderr.read()
        code = process.wait(timeout=600)
    assert (code, err) == (141, b"")


@pytest.mark.long
def test_ctrl_c_is_one_line(tmp_path):
    with subprocess.Popen(
        [ORDERS_ES, "simulate", "--orders", "2000000", "--log", tmp_path / "big"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        deadline = time.monotonic() + 600
        while not (tmp_path / "big" / "log.json").exists():
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=600)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert err.splitlines()[-1].startswith("orders-es: interrupted")
