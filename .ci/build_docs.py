"""The documentation as a site, in build/site: `make docs`. Ends with 1 if anything on it is wrong.

Pages are those of docs/, and a few that follow from the code: event types, the Python reference, the list of decisions. The
README is the first page. A link that leads out of docs/ becomes the file's name, as the site has no copy of it. When the site
is built, every link and every picture on it is followed; the site may load nothing from elsewhere.
"""

import functools
import importlib
import re
import shutil
import subprocess
import sys
import tomllib
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).parents[1]
PAGES, SITE = ROOT / "build" / "docs", ROOT / "build" / "site"
LINK = re.compile(r"(?<!!)\[([^\]]*)\]\((?!https?:|mailto:|#)([^)\s]+)\)")
PACKAGES = (
    "orders_es",
    "orders_es.orders",
    "orders_es.log",
    "orders_es.service",
    "orders_es.replay",
    "orders_es.projections",
    "orders_es.lag",
    "orders_es.audit",
    "orders_es.sources",
    "orders_es.export",
    "orders_es.evidence",
    "orders_es.report",
    "orders_es.plots",
    "orders_es.ipython",
    "orders_es.shop",
    "orders_es.http",
    "orders_es.mcp",
    "orders_es.errors",
    "orders_es.testing",
)
"""The packages whose public names are the reference, in the order of docs/architecture.md read from below."""


def main() -> int:
    """Put the pages together, build the site, follow its links."""
    shutil.rmtree(PAGES, ignore_errors=True)
    shutil.rmtree(SITE, ignore_errors=True)
    shutil.copytree(ROOT / "docs", PAGES)
    first = re.sub(r"\]\(docs/", "](", (ROOT / "README.md").read_text(encoding="utf-8"))
    (PAGES / "index.md").write_text(first, encoding="utf-8")
    (PAGES / "reference").mkdir()
    made = subprocess.run(
        [sys.executable, "-m", "orders_es", "events", "--markdown"],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    (PAGES / "reference" / "events.md").write_text(made.stdout, encoding="utf-8")
    if not (PAGES / "performance.md").exists():
        text = "# Performance\n\nNo figures are kept: they differ from machine to machine. `make bench` measures on yours, beside a rival or a floor.\n"
        (PAGES / "performance.md").write_text(text, encoding="utf-8")
    reference()
    decisions()
    for page in PAGES.rglob("*.md"):
        page.write_text(LINK.sub(functools.partial(inside, page), page.read_text(encoding="utf-8")), encoding="utf-8")
    built = subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--clean", "--strict"],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    sys.stdout.write(built.stdout + built.stderr)
    wrong = [f"not in the navigation: {name}" for name in not_in_navigation()] + broken()
    said = f"{len(list(SITE.rglob('*.html')))} pages, no broken link: {SITE / 'index.html'}"
    sys.stdout.write(("\n".join(wrong) or said) + "\n")
    warned = re.search(r"^\s*(warning|error)\b", built.stdout + built.stderr, re.IGNORECASE | re.MULTILINE)
    return 1 if wrong or built.returncode or warned else 0


def reference() -> None:
    """One page for each package, and one that lists them."""
    lines = ["# Python reference", "", "What is not listed in a package's `__all__` is not public, and may change.", ""]
    for name in PACKAGES:
        module = importlib.import_module(name)
        lines.append(f"- [`{name}`]({name}.md): {(module.__doc__ or '').strip().partition(chr(10))[0]}")
        (PAGES / "reference" / f"{name}.md").write_text(f"# {name}\n\n::: {name}\n", encoding="utf-8")
    (PAGES / "reference" / "python.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def decisions() -> None:
    """The list of the decisions, by number."""
    lines = [
        "# Decisions",
        "",
        "Why things are as they are: each page has the question, what was measured, what was decided, and what against.",
        "",
    ]
    for page in sorted((PAGES / "decisions").glob("0*.md")):
        title = page.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")
        title = re.sub(r"^\d+[.:]? ", "", title)  # not all of them say their number
        lines.append(f"- [{page.name[:4]}: {title}]({page.name})")
    (PAGES / "decisions" / "index.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def inside(page: Path, link: re.Match[str]) -> str:
    """A link as it stands, or, where it leads to a file of the repository that is no page, its text and the file's name."""
    text, target = link.groups()
    path = (page.parent / target.partition("#")[0]).resolve()
    if path.is_file():
        return link[0]
    here = ROOT / ("" if page.name == "index.md" and page.parent == PAGES else "docs") / page.parent.relative_to(PAGES)
    source = (here / target.partition("#")[0]).resolve()
    if (
        source.is_relative_to(ROOT / "docs")
        and source.is_dir()
        and (PAGES / source.relative_to(ROOT / "docs") / "index.md").exists()
    ):
        return f"[{text}]({target.rstrip('/')}/index.md)"
    if not source.exists() or source.is_relative_to(ROOT / "docs"):
        return link[0]  # broken, which the site's own check says
    name = f"`{source.relative_to(ROOT)}`"
    return name if text.strip("`") in name else f"{text} ({name})"


def not_in_navigation() -> list[str]:
    """Pages that no reader would find."""
    nav = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))["project"]["nav"]

    def named(entry: object) -> list[str]:
        if isinstance(entry, str):
            return [entry]
        return [name for part in (entry.values() if isinstance(entry, dict) else entry) for name in named(part)]

    listed = set(named(nav))
    pages = {page.relative_to(PAGES).as_posix() for page in PAGES.glob("*.md")}
    return sorted(pages - listed)


class Page(HTMLParser):
    """What a page links to and loads, and which places it has."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.places: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """One element."""
        known = {name: value for name, value in attrs if value}
        self.places |= {known[name] for name in ("id", "name") if name in known}
        if tag == "a" and "href" in known:
            self.links.append(known["href"])
        if tag in {"img", "script"} and "src" in known:
            self.loads.append(known["src"])
        if tag == "link" and "href" in known and known.get("rel") not in {"canonical", "next", "prev"}:
            self.loads.append(known["href"])


def broken() -> list[str]:
    """Links and pictures that lead nowhere, and what would be loaded from elsewhere."""
    pages = {path: Page(path) for path in SITE.rglob("*.html")}
    wrong = []
    for path, page in pages.items():
        if path.name == "404.html":
            continue
        for target in page.links + page.loads:
            where = urlsplit(target)
            if where.scheme or where.netloc:
                if target in page.loads and where.scheme != "data":
                    wrong.append(f"{path.relative_to(SITE)}: loads {target}")
                continue
            file = (path.parent / unquote(where.path)).resolve() if where.path else path
            file = file / "index.html" if file.is_dir() else file
            if not file.exists():
                wrong.append(f"{path.relative_to(SITE)}: no such page: {target}")
            elif where.fragment and file in pages and unquote(where.fragment) not in pages[file].places:
                wrong.append(f"{path.relative_to(SITE)}: no such place on it: {target}")
    return sorted(set(wrong))


if __name__ == "__main__":
    sys.exit(main())
