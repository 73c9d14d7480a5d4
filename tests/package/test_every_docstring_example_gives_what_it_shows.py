"""The examples in the docstrings, of public and of private modules alike, give what they show, without a warning."""

import doctest
import importlib
import io
import os
import sys
from pathlib import Path

import pytest

import orders_es

ROOT = Path(orders_es.__file__).parent


def name_of(path):
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


WITH_EXAMPLES = [name_of(path) for path in sorted(ROOT.rglob("*.py")) if ">>> " in path.read_text(encoding="utf-8")]


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", os.fspath(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)  # it is looked up again, and found where pytest tidies up
    monkeypatch.delenv("ORDERS_ES_LOG", raising=False)
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_every_docstring_example_gives_what_it_shows(name):
    report = io.StringIO()
    runner = doctest.DocTestRunner()
    for examples in doctest.DocTestFinder(exclude_empty=True).find(importlib.import_module(name)):
        runner.run(examples, out=report.write)
    ran = runner.summarize(verbose=False)
    assert ran.attempted
    assert not ran.failed, report.getvalue()
