"""Writes what the last `make coverage` measured into CONTRIBUTING.md, where people see it.

    python .ci/coverage_figure.py

Lines and branches are counted together, as the total of coverage.py is; both are named, so that neither hides the other.
"""

import re
import sys
from datetime import UTC, datetime
from pathlib import Path

from coverage import Coverage

PAGE = Path(__file__).parents[1] / "CONTRIBUTING.md"
PLACE = re.compile(r"(<!-- coverage: `make coverage` writes here -->\n).*?(\n<!-- end -->)", re.DOTALL)


def figure() -> str:
    """One sentence."""
    coverage = Coverage()
    coverage.load()
    data = coverage.get_data()
    lines = missed = branches = partly = 0
    for path in data.measured_files():
        numbers = coverage._analyze(path).numbers  # noqa: SLF001 - the report says lines and branches only in one figure
        lines, missed = lines + numbers.n_statements, missed + numbers.n_missing
        branches, partly = branches + numbers.n_branches, partly + numbers.n_missing_branches
    total = 100 * (lines - missed + branches - partly) / max(1, lines + branches)
    day = datetime.now(UTC).date()
    return (
        f"**Coverage: {total:.1f} %** of lines and branches, by `make coverage` on {day}: the default tests reach {lines - missed:,} of "
        f"{lines:,} lines and {branches - partly:,} of {branches:,} branches. What only other processes run (the command as a process, "
        "killed writers, kernels of notebooks) is not counted."
    )


def main() -> None:
    """Replace what stands there."""
    said = figure()
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(PLACE.sub(lambda found: found[1] + said + found[2], page), encoding="utf-8")
    sys.stdout.write(f"{said}\n")


if __name__ == "__main__":
    main()
