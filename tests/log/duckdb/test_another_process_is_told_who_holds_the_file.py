import os
import pickle
import subprocess
import sys

import pytest

from orders_es.errors import LogInUse
from orders_es.log import ANY, open_log
from orders_es.orders import OrderPlaced

OPEN = """
import sys
from orders_es.errors import LogInUse
from orders_es.log import ANY, open_log
from orders_es.orders import OrderPlaced
try:
    with open_log(sys.argv[1]) as log:
        print(log.append("there", [OrderPlaced()], expected=ANY).last_position)
except LogInUse as error:
    print(error.pid, error)
"""
HOLD = """
import sys
from orders_es.log import open_log
log = open_log(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path):
    with open_log(tmp_path / "log.duckdb", create=True) as log:
        log.append("here", [OrderPlaced()], expected=ANY)
    return str(tmp_path / "log.duckdb")


def elsewhere(path):
    return subprocess.run([sys.executable, "-c", OPEN, path], capture_output=True, text=True, check=True).stdout


def test_the_error_names_the_process_and_says_to_use_a_folder(path):
    with open_log(path):
        said = elsewhere(path)
    assert said.startswith(f"{os.getpid()} process {os.getpid()} ")
    assert path in said
    assert "folder log" in said


def test_the_holder_goes_on_undisturbed(path):
    with open_log(path) as log:
        elsewhere(path)
        assert log.append("here", [OrderPlaced()], expected=1).last_position == 2


@pytest.mark.long
def test_the_error_is_raised_here_while_the_file_is_held_there(path):
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(LogInUse) as caught:
            open_log(path)
        assert caught.value.pid == holder.pid
        assert caught.value.path == path
        assert pickle.loads(pickle.dumps(caught.value)).pid == holder.pid
        holder.stdin.close()
    with open_log(path) as log:
        assert log.head().position == 1


@pytest.mark.long
def test_a_closed_log_can_be_opened_elsewhere_and_used_again_here_afterwards(path):
    log = open_log(path)
    other = open_log(path)
    log.close()
    assert elsewhere(path).startswith(str(os.getpid())), "the other handle still holds the file"
    other.close()
    assert elsewhere(path) == "2\n"
    assert log.append("here", [OrderPlaced()], expected=1).last_position == 3
    log.close()


@pytest.mark.long
def test_a_handle_that_is_forgotten_lets_go_of_the_file(path):
    log = open_log(path)
    del log
    assert elsewhere(path) == "2\n"


def test_a_pickled_handle_opens_the_file_again(path):
    log = open_log(path)
    pickled = pickle.dumps(log)
    log.close()
    script = "import pickle, sys; print(pickle.loads(sys.stdin.buffer.read()).head().position)"
    done = subprocess.run([sys.executable, "-c", script], input=pickled, capture_output=True, check=True)
    assert done.stdout == b"1\n"


FORK = """
import os, sys
from orders_es.errors import LogInUse
from orders_es.log import ANY, open_log
from orders_es.orders import OrderPlaced
log = open_log(sys.argv[1])
memory = open_log(":memory:")
child = os.fork()
if not child:
    refused = 0
    for use in (
        lambda: log.append("child", [OrderPlaced()], expected=ANY),
        lambda: log.head(),
        lambda: list(log.read()),
        lambda: log.load("here"),
        lambda: open_log(sys.argv[1]),
        lambda: memory.head(),
    ):
        try:
            use()
        except LogInUse as error:
            refused += error.pid == os.getppid()
    log.close()
    sys.exit(refused)
_, status = os.waitpid(child, 0)
log.append("here", [OrderPlaced()], expected=1)
print(os.waitstatus_to_exitcode(status), log.head().position)
"""


@pytest.mark.long
def test_a_forked_process_is_refused_and_does_its_parents_file_no_harm(path):
    done = subprocess.run([sys.executable, "-c", FORK, path], capture_output=True, text=True, check=True, timeout=600)
    assert done.stdout == "6 2\n"
    with open_log(path) as log:
        assert [e.version for e in log.load("here")] == [1, 2]
