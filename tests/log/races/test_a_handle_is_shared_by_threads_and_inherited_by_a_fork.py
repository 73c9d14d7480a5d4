import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from checking import check_log
from writing import Acks, batch_of, events_for, places, read_acks

from orders_es.log import ANY, open_log

PROGRAM = Path(__file__).parents[1] / "programs" / "forking.py"


def test_threads_on_one_handle_append_and_read_as_processes_do(tmp_path):
    folder = str(tmp_path / "log")
    log = open_log(folder, create=True)
    errors = []

    def run(name):
        acks = Acks(tmp_path / name)
        try:
            for i in range(15):
                pairs = events_for(["shared", name, name])
                acks.tell(events=places(pairs, log.append_batch(batch_of(pairs, {"shared": ANY, name: ANY}))))
                assert len(log.load(name)) == 2 * (i + 1)
                assert sum(batch.num_rows for batch in log.read(columns=["version"])) >= 3 * (i + 1)
        except Exception as error:  # noqa: BLE001 - whatever it is, the test is to hear of it
            errors.append(error)

    names = [f"thread-{i}" for i in range(6)]
    threads = [threading.Thread(target=run, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(600)
    assert errors == []
    check_log(folder, [tmp_path / name for name in names])
    assert log.head().position == 6 * 15 * 3


@pytest.mark.long
def test_a_handle_used_before_a_fork_works_in_parent_and_child(tmp_path):
    folder, acks = str(tmp_path / "log"), str(tmp_path / "acks")
    done = subprocess.run(
        [sys.executable, PROGRAM, folder, acks], check=False, capture_output=True, text=True, timeout=600
    )
    assert (done.returncode, done.stderr) == (0, "")
    check_log(folder, [acks])
    said = read_acks(acks)
    assert len(said) == 41
    with open_log(folder) as log:
        assert log.head().position == 41
    assert json.loads(done.stdout) == [41, 41]
