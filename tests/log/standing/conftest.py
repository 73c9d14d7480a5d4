"""Logs that change under an open handle, and the events to append to them."""

import shutil
from pathlib import Path

import pytest

from orders_es.log import ANY, open_log
from orders_es.orders import OrderPlaced


class Shop:
    """A log of six one-event commits, with a backup of the folder as it was after three."""

    def __init__(self, template: Path, place: Path) -> None:
        self.folder = place / "log"
        self.backup = place / "backup"
        shutil.copytree(template, self.folder)
        shutil.copytree(template, self.backup)
        for name in ("commits/00000000000000000004.parquet", "commits/00000000000000000005.parquet"):
            (self.backup / name).unlink()
        self.handle = open_log(self.folder)
        assert self.append(self.handle, "order-5").first_position == 6

    @staticmethod
    def append(log, stream_id="late"):
        return log.append(stream_id, [OrderPlaced()], expected=ANY)

    def elsewhere(self, stream_id="theirs", times=1):
        """Appends by somebody who opens the log now."""
        with open_log(self.folder) as log:
            for _ in range(times):
                self.append(log, stream_id)

    def restore(self, *, in_place=True):
        if in_place:
            for name in ("commits", "segments"):
                for path in (self.folder / name).iterdir():
                    path.unlink()
        else:
            shutil.rmtree(self.folder)
        shutil.copytree(self.backup, self.folder, dirs_exist_ok=True)

    def last(self):
        return max((self.folder / "commits").iterdir())

    def files(self):
        return sorted(path.name for path in self.folder.rglob("*.parquet"))


@pytest.fixture(scope="session")
def template(tmp_path_factory):
    folder = tmp_path_factory.mktemp("standing") / "log"
    with open_log(folder, create=True) as log:
        for number in range(5):
            Shop.append(log, f"order-{number}")
    return folder


@pytest.fixture
def shop(template, tmp_path):
    return Shop(template, tmp_path)
