"""What a check of an exported file comes to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orders_es.evidence import Provenance

__all__ = ["SHOWN", "Checked", "Finding", "other_package"]

SHOWN = 300
"""Of a row or line that is wrong, so many characters are shown."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Args:
        about: What: `file`, `totals`, `lines`, `log`, `identity`, `definition`, `package`, `columns` or `rows`.
        good: Whether it is as it should be; None for what is worth knowing and decides nothing.
        text: What was found.
    """

    about: str
    good: bool | None
    text: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check of an exported file came to.

    Args:
        provenance: What the file says of itself.
        findings: What was found, in the order in which it was looked at.
    """

    path: str
    provenance: Provenance
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong: the file is as it was written and, where a log was given, holds what that gives, row by row."""
        return all(finding.good is not False for finding in self.findings)


def other_package(known: Provenance) -> Iterator[Finding]:
    """A note, where another version wrote the file."""
    from importlib.metadata import version  # loads half of the standard library

    if version("orders_es") != known.package:
        yield Finding("package", None, f"the file was written by {known.package}, this is {version('orders_es')}")
