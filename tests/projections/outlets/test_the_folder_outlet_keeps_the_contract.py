"""The contract, on the outlet that writes files; and what only files have."""

import json

import pytest

from orders_es.errors import OutletUnavailable
from orders_es.projections import FolderOutlet
from orders_es.testing import OutletContract
from orders_es.testing.outlet_contract import _TARGET, _gone, _row, _rows


class TestFolderOutlet(OutletContract):
    @pytest.fixture
    def make_outlet(self, tmp_path):
        return lambda: FolderOutlet(tmp_path / "out")

    def contents(self, outlet):
        table = outlet.table()
        return [] if table is None else table.to_pylist()


@pytest.fixture
def outlet(tmp_path):
    outlet = FolderOutlet(tmp_path / "out")
    outlet.open(_TARGET)
    outlet.deliver(None, _rows(_row("north"), _row("south")), 10)
    return outlet


def test_json_lines_say_the_same(outlet):
    outlet.deliver(_gone("south"), _rows(_row("north", 5)), 20)
    [_, last] = sorted(outlet.path.glob("0*"))
    lines = [json.loads(line) for line in (last / "changes.jsonl").read_text().splitlines()]
    assert lines[0] == {"removed": {"region": "south", "day": "2026-06-03"}}
    assert lines[1]["row"]["revenue"] == "12.7500"
    assert lines[1]["row"]["last_at"] == "2026-06-03T15:00:00.123456Z"


@pytest.mark.parametrize("step", ["mkdir", "write_bytes", "rename"])
def test_a_delivery_is_there_whole_or_not_at_all(outlet, monkeypatch, step):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    before = outlet.table()
    with monkeypatch.context() as patch:
        patch.setattr(f"pathlib.Path.{step}", full)
        with pytest.raises(OutletUnavailable, match="No space left"):
            outlet.deliver(_gone("south"), _rows(_row("west")), 20)
    assert outlet.table() == before
    assert FolderOutlet(outlet.path).open(_TARGET) == 10
    outlet.deliver(_gone("south"), _rows(_row("west")), 20)
    assert {row["region"] for row in outlet.table().to_pylist()} == {"north", "west"}
    assert not list(outlet.path.glob(".*"))
