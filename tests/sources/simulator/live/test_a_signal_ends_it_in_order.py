from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from orders_es.errors import NotALog
from orders_es.log import open_log

PROGRAM = """
import json, sys
from orders_es.sources.simulator import simulate_live
if __name__ == "__main__":
    done = simulate_live(sys.argv[1], rate=100, writers=2)
    print(json.dumps({"events": done.events, "stopped": done.stopped}))
"""


@pytest.mark.long_but_first
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_everything_counted_is_recorded_and_no_process_is_left(tmp_path, number):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    log_url = tmp_path / "log"
    process = subprocess.Popen(
        [sys.executable, str(program), str(log_url)], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    deadline = time.monotonic() + 600
    while events_in(log_url) < 20:
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.1)
    if number == signal.SIGINT:
        # As a terminal does it: the whole group.
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    output, _ = process.communicate(timeout=600)
    assert process.returncode == 0
    done = json.loads(output)
    assert done["stopped"]
    assert done["events"] == events_in(log_url) >= 20
    while running(process.pid):
        assert time.monotonic() < deadline + 30
        time.sleep(0.1)


def running(group):
    """The living processes of a group; the dead ones that nobody has buried yet do not count."""
    lines = subprocess.run(["ps", "-eo", "pgid=,stat="], capture_output=True, text=True, check=True).stdout.splitlines()
    return [line for line in lines if line.split()[0] == str(group) and not line.split()[1].startswith("Z")]


def events_in(log_url):
    try:
        with open_log(log_url) as log:
            return log.head().position
    except NotALog:
        return 0
