"""Full disks, read-only folders and the like: one clear error, nothing written, and the log goes on when it is over."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from checking import rows_of
from writing import batch_of, events_for, table_of

from orders_es.errors import StorageError
from orders_es.log import ANY, open_log
from orders_es.log.parquet import ParquetLog

PROGRAM = Path(__file__).parents[1] / "programs" / "limited.py"
APPENDS = ("append", "append_batch", "append_table")
READS = {"head": 21, "read": 21, "load": 7, "open": 21}


def under(limit, folder):
    done = subprocess.run(
        [sys.executable, PROGRAM, folder, limit], check=False, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return json.loads(done.stdout)


@pytest.mark.long
def test_a_file_that_cannot_grow(sample):
    said = under("file size", sample.folder)
    for call in (*APPENDS, "compact"):
        kind, text = said[call]
        assert kind == "StorageError"
        assert "File too large; nothing was appended" in text
    assert {name: said[name] for name in READS} == READS
    assert sample.look() == sample.files
    assert sample.append().first_position == 22


@pytest.mark.long
def test_no_file_descriptors(sample):
    said = under("descriptors", sample.folder)
    for call in (*APPENDS, "compact"):
        kind, text = said[call]
        assert kind in {"StorageError", "UnreadableLog"}
        assert "Too many open files" in text
        assert "nothing was" in text
        assert "backup" not in text
    assert said["open"][0] == "UnreadableLog"
    for call, right in READS.items():  # whatever needs no file that is not open is right
        assert said[call] == right or said[call][0] == "UnreadableLog", said[call]
    assert sample.look() == sample.files
    assert sample.append().first_position == 22


@pytest.mark.long
def test_a_folder_that_only_others_may_write(sample):
    with tempfile.TemporaryDirectory() as place:  # nobody may look into pytest's own folders
        Path(place).chmod(0o755)
        folder = Path(place) / "log"
        shutil.copytree(sample.folder, folder)
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)
        said = under("nobody", folder)
        for call in (*APPENDS, "compact", "create"):
            kind, text = said[call]
            assert kind == "ReadOnlyLog"
            assert "nothing was written. Reading still works" in text
        assert {name: said[name] for name in READS} == READS
        assert rows_of(str(folder))[0] == sample.rows
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o755)


def test_a_folder_that_nobody_else_may_read(sample):
    if os.geteuid():
        pytest.skip("taking the permission to read from oneself and giving it back is another test's work")
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        folder = Path(place) / "log"
        shutil.copytree(sample.folder, folder)
        folder.chmod(0o755)
        for path in folder.rglob("*.parquet"):
            path.chmod(0o600)
        done = subprocess.run(
            [sys.executable, PROGRAM, folder, "nobody"], check=False, capture_output=True, text=True, timeout=600
        )
        said = json.loads(done.stdout)
        kind, text = said["open"]
        assert kind == "UnreadableLog"
        assert "Permission denied" in text


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 256 KB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", disk], check=False, capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(
            f"this machine does not let us mount a small disk ({mounted.stderr.strip()}); a file limit is tested"
        )
    yield disk
    subprocess.run(["umount", disk], check=True)


@pytest.mark.long
def test_a_full_disk(small_disk):
    with open_log(small_disk / "log", create=True) as log:
        assert isinstance(log, ParquetLog)
        made = log.append("a", [event for _, event in events_for(["a"])], expected=ANY)
        with pytest.raises(StorageError, match="No space left on device; nothing was appended"):
            log.append_table(table_of(events_for([f"bulk-{i}" for i in range(30_000)])))
        assert log.head().position == made.last_position
        count = 1
        with pytest.raises(StorageError, match="No space left on device"):  # noqa: PT012 - again and again until it is full
            while count < 1_000_000:
                log.append_batch(batch_of(events_for(["a", "b"]), {"a": ANY, "b": ANY}))
                count += 2
        assert count > 20
        rows, _ = rows_of(small_disk / "log")
        assert rows["position"] == list(range(1, count + 1))
        assert log.head() == open_log(small_disk / "log").head()
        names = sorted(path.name for path in (small_disk / "log" / "commits").iterdir())
        assert len(names) == (count + 1) // 2
        with pytest.raises(StorageError):
            log.compact()
        subprocess.run(["mount", "-o", "remount,size=4m", small_disk], check=True)
        assert log.append("a", [event for _, event in events_for(["a"])], expected=ANY).first_position == count + 1
        assert log.compact().files_after == 1
