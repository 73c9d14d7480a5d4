"""The error about a name that there is not, with the one that was meant."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["unknown"]


def unknown(what: str, name: str, known: Iterable[str]) -> click.UsageError:
    """The error to raise: it names what was given, what is like it, and all that there are.

    Example:
        >>> str(unknown("colour", "gren", ["green", "red"]))
        "there is no colour 'gren'; did you mean green? There are: green, red"
    """
    names = {name.casefold(): name for name in known}
    found = get_close_matches(name.casefold(), names, n=1)
    meant = f"; did you mean {names[found[0]]}?" if found else "."
    return click.UsageError(f"there is no {what} {name!r}{meant} There are: {', '.join(names.values())}")
