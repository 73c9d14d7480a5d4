import json
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from orders_es.log import open_log
from orders_es.testing.log_contract.basis import assert_sound, events

LIMITED = """
import json, os, resource, signal, sys
from orders_es.errors import LogError
from orders_es.log import ANY, open_log
from orders_es.testing.log_contract.basis import events, table
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
said = []
log = open_log(sys.argv[1])
log.append("A", events(1), expected=ANY)
largest = max(os.path.getsize(sys.argv[1]), os.path.getsize(sys.argv[1] + ".wal")) + 100
resource.setrlimit(resource.RLIMIT_FSIZE, (largest, resource.RLIM_INFINITY))
for _ in range(3):
    try:
        log.append_table(table([f"S-{i}" for i in range(30000)]), expected=ANY)
        said.append("appended")
    except LogError as error:
        said.append(type(error).__name__)
        reason = str(error)
    said.append(log.head().position)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
log.append("A", events(1), expected=ANY)
said.append(log.head().position)
print(json.dumps([said, reason]))
"""


@pytest.mark.long
def test_a_full_disk_is_an_error_and_the_log_goes_on_when_there_is_room(tmp_path):
    path = tmp_path / "log.duckdb"
    with open_log(path, create=True) as log:
        log.append("A", events(3), expected=0)
    done = subprocess.run([sys.executable, "-c", LIMITED, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said, reason = json.loads(done.stdout)
    assert said == ["StorageError", 4, "StorageError", 4, "StorageError", 4, 5]
    assert "nothing was appended" in reason
    with open_log(path) as log:
        assert log.head().position == 5
        assert_sound(log)


READ_ONLY = """
import os, sys
from orders_es.errors import ReadOnlyLog
from orders_es.log import ANY, open_log
from orders_es.orders import OrderPlaced

def use(log):
    said = [log.head().position, len(log.load("A")), sum(batch.num_rows for batch in log.read()), log.stream_version("A")]
    try:
        log.append("A", [OrderPlaced()], expected=ANY)
    except ReadOnlyLog:
        said.append("read-only")
    log.compact()
    return said

import pyarrow.compute
warm = open_log(":memory:")
use(warm), use(warm)  # whatever is imported late, also at the second look, is imported now
if not os.geteuid():
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
print(use(open_log(sys.argv[1])))
"""


def test_a_file_that_cannot_be_written_can_still_be_read():
    with tempfile.TemporaryDirectory() as place:  # nobody may look into pytest's own folders
        path = Path(place) / "log.duckdb"
        with open_log(path, create=True) as log:
            log.append("A", events(3), expected=0)
        path.chmod(0o444)
        path.parent.chmod(0o555)
        try:
            done = subprocess.run(
                [sys.executable, "-c", READ_ONLY, str(path)], capture_output=True, text=True, check=False
            )
        finally:
            path.parent.chmod(0o755)
        assert done.stdout == "[3, 3, 3, 3, 'read-only']\n", done.stderr
