"""The site's navigation has every page of docs/, and every package whose names are public; building it is `.ci/run`'s."""

import runpy
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
BUILD = runpy.run_path(str(ROOT / ".ci" / "build_docs.py"))


def listed(entry):
    if isinstance(entry, str):
        return [entry]
    return [name for part in (entry.values() if isinstance(entry, dict) else entry) for name in listed(part)]


def test_every_page_is_in_the_navigation_once():
    nav = listed(tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))["project"]["nav"])
    made = {"index.md", "performance.md", "reference/events.md", "reference/python.md", "decisions/index.md"}
    assert len(nav) == len(set(nav))
    assert set(nav) - made == {page.name for page in (ROOT / "docs").glob("*.md")} - made


def test_every_package_with_public_names_is_in_the_reference():
    rooms = {path.parent.name for path in (ROOT / "orders_es").glob("*/__init__.py")}
    assert {name.partition(".")[2] for name in BUILD["PACKAGES"]} >= rooms - {"cli", "read_models", "rows"}


def test_a_link_that_leaves_the_pages_becomes_the_name_of_what_it_leads_to():
    page = BUILD["PAGES"] / "own-domain.md"

    def shown(text):
        return BUILD["LINK"].sub(lambda link: BUILD["inside"](page, link), text)

    assert shown("see [the courier](../examples/courier)") == "see the courier (`examples/courier`)"
    assert shown("[`examples/courier`](../examples/courier)") == "`examples/courier`"
    assert shown("[broken](nowhere.md)") == "[broken](nowhere.md)"
