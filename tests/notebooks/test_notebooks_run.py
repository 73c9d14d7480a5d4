"""Every notebook, from top to bottom in a kernel of its own with small parameters; and how they are committed.

All but one are among the long tests, which `.ci/run` runs as well, besides all of them with their defaults.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.late import late

nbformat = late("nbformat")
late("papermill")

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
SMALL: dict[str, dict[str, object]] = {
    "01_quickstart": {},
    "02_any_moment": {"orders": 250, "at": "2025-02-14"},
    "03_projection_lag": {"seconds": 2, "rate": 40},
    "04_read_models": {"orders": 250},
    "05_own_domain": {"bikes": 20, "days": 14},
    "06_a_year_of_a_real_shop": {"source": "../data/nowhere.parquet"},
    "07_a_year_of_schema_changes": {"moment": "2025-03-01"},
    "08_bring_your_own_orders": {},
    "09_month_end": {"at": "2025-01-31"},
    "10_an_audit": {"orders": 120},
    "11_a_whole_shop": {"orders": 6},
}
SOON = {"01_quickstart"}
"""What a newcomer opens first."""
A_PATH = re.compile(r"(?<![\w.])/(home|root|tmp|Users|usr|var|work|opt|mnt|private)/|[A-Z]:\\\\Users")


def text_of(output):
    """All that an output says in words."""
    data = output.get("data", {})
    parts = [output.get("text", ""), *(data[kind] for kind in data if kind.startswith("text/"))]
    return "".join("".join(part) for part in parts)


def outputs_of(notebook):
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


def test_each_has_parameters_here():
    assert sorted(SMALL) == [path.stem for path in NOTEBOOKS]


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in SOON else pytest.mark.long) for name in sorted(SMALL)]
)
def test_it_runs_from_top_to_bottom_and_leaves_nothing_behind(name, tmp_path, monkeypatch):
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    before = {path.name for path in FOLDER.iterdir()}
    parameters = [text for key, value in SMALL[name].items() for text in ("-p", key, str(value))]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "papermill", "--no-progress-bar", "--cwd", FOLDER),
            *(FOLDER / f"{name}.ipynb", tmp_path / "out.ipynb", *parameters),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    outputs = outputs_of(nbformat.read(tmp_path / "out.ipynb", 4))
    assert outputs
    assert not [output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"]
    assert not any("Warning" in text_of(output) for output in outputs)
    assert {path.name for path in FOLDER.iterdir()} == before
    left = [path for path in temporary.iterdir() if not path.name.startswith(("jupyter", "matplotlib", "fontlist"))]
    assert not left, "files stay in the temporary folder"
    assert not _processes_with(str(temporary)), "processes stay"


def _processes_with(place):
    """Processes of this machine that were started with that temporary folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"TMPDIR={place}".encode() in entry.read_bytes().split(b"\0"):
                found.append(entry.parent.name)
        except OSError:  # it has just ended, or is somebody else's
            continue
    return found


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
class TestAsCommitted:
    def test_it_was_run_and_says_nothing_that_a_reader_should_not_see(self, path):
        notebook = nbformat.read(path, 4)
        code = [cell for cell in notebook.cells if cell.cell_type == "code"]
        counts = [cell.execution_count for cell in code]
        assert counts == list(range(1, len(code) + 1)), "run once, from top to bottom"
        for output in outputs_of(notebook):
            assert output.output_type != "error"
            assert output.get("name") != "stderr"
            assert not A_PATH.search(text_of(output)), text_of(output)[:300]
        assert path.stat().st_size < 500_000

    def test_it_begins_with_a_question_and_ends_with_what_was_learnt(self, path):
        first, *_, last = nbformat.read(path, 4).cells
        assert re.search(r"\*\*.*\?\*\*", first.source, re.DOTALL)
        assert "What you have learnt" in last.source
        assert "Where next" in last.source

    def test_it_has_one_cell_of_parameters_and_short_cells(self, path):
        cells = [cell for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]
        tagged = [cell for cell in cells if "parameters" in cell.metadata.get("tags", [])]
        assert len(tagged) == 1
        assert len({cell["id"] for cell in cells}) == len(cells)
        assert max(cell.source.count("\n") + 1 for cell in cells) <= 45

    def test_links_to_other_files_lead_somewhere(self, path):
        for cell in nbformat.read(path, 4).cells:
            for target in re.findall(r"\]\((?!https?:)([^)#]+)", cell.source if cell.cell_type == "markdown" else ""):
                assert (FOLDER / target).exists(), target
