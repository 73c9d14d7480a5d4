"""`orders-es notebook list` and `run`, on a notebook of three cells in a folder of its own."""

import pytest

from tests.late import late

nbformat = late("nbformat")
late("papermill")


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


@pytest.mark.long
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


@pytest.mark.parametrize("content", ["not json", "", "{}", '{"a": 1}'])
def test_what_is_no_notebook_is_said_so(run, tmp_path, content):
    (tmp_path / "notes.ipynb").write_text(content)
    err = run("notebook", "run", tmp_path / "notes.ipynb", "--out", tmp_path / "out.ipynb", code=2).err
    assert "is no notebook" in err
    assert err.count("\n") == 1


@pytest.mark.long
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


@pytest.mark.long
def test_one_command_runs_it_for_many_values_and_one_failure_stops_none_of_the_others(run, folder, tmp_path):
    out = f"{tmp_path}/year/{{count}}.ipynb"
    done = run(
        "notebook", "run", "month_end", "--each", "count=12, 4", "--out", out, "--folder", folder, "--json", code=1
    )
    assert [(each["parameters"]["count"], each["ok"]) for each in done.json["runs"]] == [
        (12, False),
        (4, True),
    ]
    assert "too many" in done.json["runs"][0]["error"]
    assert printed(tmp_path / "year" / "4.ipynb").startswith("2025-01-31 8 ")


@pytest.mark.parametrize(
    ("each", "out", "said"),
    [
        ("at=2025-01..2025-02", "out.ipynb", "it needs {at} in it"),
        ("at=2025-03..2025-02", "{at}.ipynb", "the earlier one first"),
        ("at", "{at}.ipynb", "write it as NAME=VALUE,VALUE"),
        ("att=1,2", "{att}.ipynb", "do you mean at?"),
        ("at=a/b,a_b", "{at}.ipynb", "would be written to one file"),
    ],
)
def test_a_mistake_in_a_series_is_one_line_before_anything_runs(run, folder, tmp_path, each, out, said):
    arguments = ("month_end", "--each", each, "--out", tmp_path / out, "--folder", folder)
    assert said in run("notebook", "run", *arguments, code=2).err
    assert not list(tmp_path.glob("*.ipynb"))


def test_a_months_notebook_comes_with_the_package(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    [shipped] = run("notebook", "list", "--json").json["notebooks"]
    assert shipped["name"] == "09_month_end"
    assert list(shipped["parameters"]) == ["log", "at", "zone"]
