"""A log with a segment and commits, and what it looks like; the programs of these tests can be imported."""

import sys
from datetime import timedelta
from pathlib import Path

import pytest

from orders_es.log.parquet import ParquetLog

sys.path.insert(0, str(Path(__file__).parents[1] / "programs"))

from checking import rows_of
from writing import batch_of, events_for

from orders_es.log import ANY, open_log


class Sample:
    """A log in a folder: one segment of positions 1 to 12, and commits from 13, 16 and 19 on."""

    def __init__(self, folder):
        self.folder = folder
        with open_log(folder, create=True) as log:
            assert isinstance(log, ParquetLog)
            for i in range(7):
                log.append_batch(batch_of(events_for(["a", "b", "b"]), {"a": ANY, "b": ANY}))
                if i == 3:
                    log.compact()
                    log.vacuum(grace=timedelta(0))
        self.rows = self.read()
        self.files = self.look()

    def path(self, which):
        if which == "segment":
            return self.folder / "segments" / f"{1:020d}-{12:020d}.parquet"
        return self.folder / "commits" / f"{which:020d}.parquet"

    def look(self):
        """Every file and its bytes."""
        return {str(p): p.read_bytes() if p.is_file() else None for p in sorted(self.folder.rglob("*"))}

    def read(self):
        return rows_of(str(self.folder))[0]

    def append(self, stream="a"):
        with open_log(self.folder) as log:
            return log.append_batch(batch_of(events_for([stream]), {stream: ANY}))


@pytest.fixture
def sample(tmp_path):
    return Sample(tmp_path / "log")
