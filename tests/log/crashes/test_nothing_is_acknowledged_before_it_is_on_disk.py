"""A killed process loses nothing that the kernel has; a power cut does. So the order of the system calls is held, too."""

import os
import stat

import pytest
from writing import events_for, table_of

from orders_es.log import ANY, open_log
from orders_es.log.parquet import ParquetLog


@pytest.fixture
def calls(monkeypatch):
    """The names of the calls that matter for durability, as they succeed; fsync says of what."""
    made = []

    def watched(name):
        call = getattr(os, name)

        def run(*args, **options):
            result = call(*args, **options)
            if name == "fsync":
                made.append("fsync folder" if stat.S_ISDIR(os.fstat(args[0]).st_mode) else "fsync file")
            else:
                made.append(name)
            return result

        monkeypatch.setattr(os, name, run)

    for name in ("fsync", "link", "unlink", "rename", "replace"):
        watched(name)
    return made


@pytest.mark.parametrize("temporary", ["unnamed", "named"])
@pytest.mark.parametrize("what", ["append", "append_table", "compact"])
def test_the_file_is_synced_then_linked_then_the_folder_is_synced(tmp_path, monkeypatch, calls, what, temporary):
    if temporary == "named":
        monkeypatch.setattr(os, "O_TMPFILE", 0)
    with open_log(tmp_path / "log", create=True) as log:
        assert isinstance(log, ParquetLog)
        for _ in range(2):
            log.append("a", [event for _, event in events_for(["a"])], expected=ANY)
        del calls[:]
        if what == "append":
            log.append("a", [event for _, event in events_for(["a"])], expected=ANY)
        elif what == "append_table":
            log.append_table(table_of(events_for(["b"] * 200)))
        else:
            log.compact()
    unlink = ["unlink"] if temporary == "named" else []
    files = 2 if what == "compact" else 1  # the segment first, then its copy sorted by stream
    assert calls == ["fsync file", "link", *unlink, "fsync folder"] * files
