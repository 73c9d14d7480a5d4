"""`orders-es notebook list` and `run`, on a notebook of three cells in a folder of its own."""

import pytest

nbformat = pytest.importorskip("nbformat")
pytest.importorskip("papermill")


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "books"
    folder.mkdir()
    cells = [
        nbformat.v4.new_code_cell(
            'at = "2025-01-31"\ncount = 2\nshare = 0.5\nfast = True', metadata={"tags": ["parameters"]}
        ),
        nbformat.v4.new_code_cell(
            "from pathlib import Path\nprint(at, count * 2, share, fast, Path('.').resolve().name)"
        ),
        nbformat.v4.new_code_cell("assert count < 10, 'too many'"),
    ]
    book = nbformat.v4.new_notebook(cells=cells)
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(book, folder / "01_month_end.ipynb")
    return folder


def printed(path):
    book = nbformat.read(path, 4)
    return "".join(output.text for cell in book.cells for output in cell.get("outputs", []) if output.get("text"))


def test_the_list_shows_parameters_with_their_defaults(run, folder):
    assert run("notebook", "list", "--folder", folder).out == (
        "01_month_end  at=2025-01-31, count=2, share=0.5, fast=True\n"
    )
    [book] = run("notebook", "list", "--folder", folder, "--json").json["notebooks"]
    assert book == {"name": "01_month_end", "parameters": {"at": "2025-01-31", "count": 2, "share": 0.5, "fast": True}}


def test_it_runs_with_other_parameters_in_the_notebooks_folder(run, folder, tmp_path):
    out = tmp_path / "march.ipynb"
    given = ("-p", "at=2025-03-31", "--parameter", "count=3", "-p", "fast=false")
    said = run("notebook", "run", "month_end", *given, "--out", out, "--folder", folder).out
    assert said == f"{out}: 01_month_end with at=2025-03-31, count=3, share=0.5, fast=False\n"
    assert printed(out) == "2025-03-31 6 0.5 False books\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("month_end", "-p", "cuont=3"), "has no parameter 'cuont'; do you mean count? It has at, count, share, fast"),
        (("month_end", "-p", "count"), "write it as NAME=VALUE"),
        (("mnth_end",), "there is no notebook 'mnth_end'"),
        (("mnth_end",), "do you mean month_end?"),
    ],
)
def test_a_mistake_is_one_line_before_anything_runs(run, folder, tmp_path, arguments, said):
    out = tmp_path / "out.ipynb"
    err = run("notebook", "run", *arguments, "--out", out, "--folder", folder, code=2).err
    assert said in err
    assert err.count("\n") == 1
    assert not out.exists()


def test_a_file_that_is_there_is_not_replaced_unasked(run, folder, tmp_path):
    out = tmp_path / "out.ipynb"
    out.write_text("mine")
    assert "is there already" in run("notebook", "run", "1", "--out", out, "--folder", folder, code=2).err
    assert out.read_text() == "mine"


def test_what_is_no_notebook_is_said_so(run, tmp_path):
    (tmp_path / "notes.ipynb").write_text("not json")
    err = run("notebook", "run", tmp_path / "notes.ipynb", "--out", tmp_path / "out.ipynb", code=2).err
    assert "is no notebook" in err
    assert err.count("\n") == 1


def test_a_cell_that_fails_is_bad_news_that_names_it(run, folder, tmp_path):
    out = tmp_path / "out.ipynb"
    out.write_text("what an earlier run left")
    arguments = ("notebook", "run", folder / "01_month_end.ipynb", "-p", "count=10", "--out", out, "--replace")
    told = run(*arguments, "--json", code=1).json
    assert (told["ok"], told["parameters"]["count"]) == (False, 10)
    assert "20" in printed(out)


@pytest.mark.long
def test_a_cell_that_fails_is_told_in_words(run, folder, tmp_path):
    out = tmp_path / "out.ipynb"
    said = run("notebook", "run", folder / "01_month_end.ipynb", "-p", "count=10", "--out", out, code=1).out
    assert (
        "01_month_end.ipynb failed in cell 4: AssertionError: too many (line 1: assert count < 10, 'too many')" in said
    )
    assert str(out) in said
