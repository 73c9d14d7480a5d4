import subprocess
import sys

from orders_es.log import open_log
from orders_es.testing.log_contract.basis import assert_sound

INTERRUPTED = """
import os, signal, sys, threading, time
from orders_es.log import ANY, open_log
from orders_es.testing.log_contract.basis import events
log = open_log(sys.argv[1], create=True)
log.append("A", events(1), expected=ANY)
appended, interrupts, over, inside = 1, 0, False, False

def ctrl_c(*_):
    global inside
    if inside:  # once an append, and not between two of them, where nothing is tried
        inside = False
        raise KeyboardInterrupt

signal.signal(signal.SIGINT, ctrl_c)

def interrupt():
    while not over:
        time.sleep(0.004)
        os.kill(os.getpid(), signal.SIGINT)

thread = threading.Thread(target=interrupt)
thread.start()
while interrupts < 10:
    try:
        inside = True
        log.append("A", events(1), expected=ANY)
        inside = False
        appended += 1
    except KeyboardInterrupt:
        interrupts += 1
signal.signal(signal.SIGINT, signal.SIG_IGN)
over = True
thread.join()
log.append("A", events(1), expected=ANY)
print(appended + 1, interrupts, log.head().position)
"""


def test_ctrl_c_is_a_keyboard_interrupt_and_the_log_goes_on_after_it(tmp_path):
    path = str(tmp_path / "log.duckdb")
    done = subprocess.run([sys.executable, "-c", INTERRUPTED, path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    appended, interrupts, position = map(int, done.stdout.split())
    assert interrupts == 10
    assert appended <= position <= appended + interrupts
    with open_log(path) as log:
        assert log.head().position == position
        assert_sound(log)
