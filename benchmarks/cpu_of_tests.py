"""Where the CPU time of the tests goes: `make test-cpu`, or `PYTHONPATH=benchmarks pytest -p cpu_of_tests -n 2 tests/log`.

A plugin of pytest. For each test, with its fixtures, it adds up the CPU seconds of its process and of all processes that it started,
those that are still there included; so the figures mean the same beside other work, which a clock's do not. Servers
that left their parents' family are not in it. Tests are told by folder, by file and one by one, the dearest first; and what each
worker spent before its first test.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

FOLDER = "CPU_OF_TESTS"
SHOWN = 40
_TICKS = os.sysconf("SC_CLK_TCK")


def spent() -> float:
    """CPU seconds of this process and of all below it, whether they have ended or not."""
    children: dict[int, list[int]] = {}
    used: dict[int, float] = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                fields = (
                    Path(entry.path, "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
                )
            except OSError:  # it has just ended
                continue
            children.setdefault(int(fields[1]), []).append(int(entry.name))
            used[int(entry.name)] = sum(map(int, fields[11:15])) / _TICKS
    total, todo = sum(os.times()[:4]), list(children.get(os.getpid(), ()))
    while todo:
        process = todo.pop()
        total += used[process]
        todo += children.get(process, ())
    return total


class Recorder:
    """Writes a line for each test, as it ends."""

    def __init__(self, folder: Path, worker: str) -> None:
        self._out = (folder / f"{worker}.jsonl").open("w", buffering=1, encoding="utf-8")

    def _note(self, what: str, seconds: float) -> None:
        self._out.write(json.dumps([what, seconds]) + "\n")

    def pytest_collection_finish(self) -> None:
        """Imports and collection are behind."""
        self._note("", spent())

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, bool | None, bool | None]:
        """A test with the setup and the teardown of its fixtures."""
        before = spent()
        result = yield
        self._note(item.nodeid, spent() - before)
        return result


class Reporter:
    """Adds the workers' lines up when all is done."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """The dearest folders, files and tests."""
        begun: list[float] = []
        tests: Counter[str] = Counter()
        for path in sorted(self._folder.glob("*.jsonl")):
            for what, seconds in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
                if what:
                    tests[what] += seconds
                else:
                    begun.append(seconds)
        say = terminalreporter.write_line
        terminalreporter.section("CPU seconds")
        say(f"{sum(tests.values()):8.1f}  {len(tests):,} tests; before the first one, each process: {begun}")
        for title, depth in (("folders", 2), ("files", 99)):
            groups: Counter[str] = Counter()
            for name, seconds in tests.items():
                groups["/".join(name.partition("::")[0].split("/")[:depth])] += seconds
            say(f"-- {title}")
            for name, seconds in groups.most_common(SHOWN):
                say(f"{seconds:8.1f}  {name}")
        say("-- tests")
        for name, seconds in tests.most_common(SHOWN):
            say(f"{seconds:8.1f}  {name}")


def pytest_configure(config: pytest.Config) -> None:
    """Workers write to the folder that the process which started them made."""
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker is None:
        os.environ[FOLDER] = tempfile.mkdtemp(prefix="cpu-of-tests-")
        config.pluginmanager.register(Reporter(Path(os.environ[FOLDER])))
    config.pluginmanager.register(Recorder(Path(os.environ[FOLDER]), worker or "alone"))
