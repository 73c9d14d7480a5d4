import re
import shutil
import subprocess
import sys

import pytest

APPEND = """
import os, sys
from orders_es.log import ANY, open_log
from orders_es.testing.log_contract.basis import events, table
log = open_log(sys.argv[1], create=True)
for i in range(8):
    os.write(2, b"begins")
    if i % 3 == 2:
        log.append_table(table(["B"] * 500), expected=ANY)
    else:
        log.append("A", events(1), expected=ANY)
    os.write(2, b"returned")
    if i == 4:
        log.compact()
"""


def test_the_write_ahead_log_is_synced_and_so_is_the_name_of_a_new_one(tmp_path):
    if shutil.which("strace") is None:
        pytest.skip("there is no strace to look with")
    trace = tmp_path / "trace"
    calls = "trace=write,fdatasync,fsync,openat"
    done = subprocess.run(
        ["strace", "-f", "-e", calls, "-o", trace, sys.executable, "-c", APPEND, tmp_path / "log.duckdb"],
        capture_output=True,
        text=True,
        check=False,
    )
    if "ptrace" in done.stderr:
        pytest.skip("nobody may look here")
    assert done.returncode == 0, done.stderr
    appends = re.findall(r'write\(2, "begins".*?write\(2, "returned"', trace.read_text(), re.DOTALL)
    assert len(appends) == 8
    for one in appends:
        written = one.rfind("write(")
        assert "fdatasync(" in one[:written]
        if '.wal", O_WRONLY|O_CREAT' in one:
            assert f'openat(AT_FDCWD, "{tmp_path}", O_RDONLY' in one, "the folder, which holds the name"
            assert " fsync(" in one
    assert sum('.wal", O_WRONLY|O_CREAT' in one for one in appends) >= 1
