"""Whatever ends a run, the cells that ran are in the file, and the answer names the cell, the line and the reason."""

import pytest

from tests.late import late

nbformat = late("nbformat")
late("papermill")

SETUP = """%load_ext orders_es.ipython
from orders_es import connect, open_log
session = connect(open_log(':memory:', create=True))
print('so far')"""
ENDS = {
    "a mistake in a SQL cell": (
        "%%events_sql\nSELECT order_id,\n       totl\nFROM orders",
        ("in cell 2: ", "totl", "(line 3: totl)"),
    ),
    "an error some lines down": (
        "def f():\n    return 1 / 0\nprint('begun')\nf()",
        ("in cell 2: ZeroDivisionError: division by zero (line 2: return 1 / 0)",),
    ),
    "no Python": ("x = 1\ny = = 2", ("in cell 2: SyntaxError", "(line 2: y = = 2)")),
    "a dead kernel": ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", ("in cell 2: the kernel died",)),
}


# Each starts a kernel. A mistake in a cell that is Python is also told of a notebook with parameters, beside this file.
_AMONG_THE_SHORT = {"a mistake in a SQL cell"}


@pytest.mark.parametrize(
    "what", [what if what in _AMONG_THE_SHORT else pytest.param(what, marks=pytest.mark.long) for what in ENDS]
)
def test_it_is_bad_news_that_says_why_and_how_far_it_got(run, tmp_path, what):
    source, said = ENDS[what]
    cells = [nbformat.v4.new_code_cell(SETUP), nbformat.v4.new_markdown_cell("Text"), nbformat.v4.new_code_cell(source)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "book.ipynb")
    out = tmp_path / "out.ipynb"
    answer = run("notebook", "run", tmp_path / "book.ipynb", "--out", out, code=1).out
    assert answer.count("\n") == 1
    for part in said:
        assert part in answer
    written = nbformat.read(out, 4)
    assert written.cells[0].outputs[0].text == "so far\n"
