"""docs/backends.md: its example runs, and it names the methods that a backend has to have, no more and no fewer."""

import re
from pathlib import Path

from orders_es.log.core import LogCore

PAGE = (Path(__file__).parents[2] / "docs" / "backends.md").read_text(encoding="utf-8")


def test_the_example_is_a_test_class(run_page):
    names = run_page("docs/backends.md")
    assert issubclass(names["TestMyLog"], names["LogContract"])


def test_the_table_names_all_that_is_to_be_done():
    rows = re.findall(r"^\| (`.*?) \|", PAGE, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`(\w+)", row)}
    assert named == set(LogCore.__abstractmethods__)
