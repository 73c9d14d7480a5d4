"""What the line after `%%events_sql` says."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Call", "CallError", "names_of", "read_call"]

_OPTION = re.compile(r"\s*--([a-z-]+)(?:\s+|=)(\"[^\"]*\"|'[^']*'|\S+)")
_STORED = re.compile(r"\s*([A-Za-z_]\w*)\s*<<(?=\s|$)")
_FLAG = re.compile(r"\s*--(allow-files)(?=\s|$)")
_OPTIONS = ("at", "known-at", "recorded-by", "as-closed", "log", "session", "tz", "allow-files")
# A dollar in a text, a name in quotes or a comment is none of ours; nor are DuckDB's own dollar quotes.
_NOT_SQL = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/|\$\$.*?\$\$", re.DOTALL)
_NAME = re.compile(r"\$([A-Za-z_]\w*)")


class CallError(ValueError):
    """The line cannot be understood; the message says why."""


@dataclass(frozen=True, slots=True)
class Call:
    """One use of the magic.

    Args:
        options: What was given after `--…`, by its name; empty for `--allow-files`, which takes nothing.
        name: The variable that the answer goes into; None if it is to be shown.
    """

    query: str
    options: dict[str, str]
    name: str | None


def read_call(line: str, cell: str | None = None) -> Call:
    """The call that a line, and the cell below it, make.

    Args:
        line: What stands after the magic's name.
        cell: The text below it; None where there is only the line.

    Raises:
        CallError: It cannot be understood.

    Example:
        >>> read_call("--at 2025-02-28 told << FROM orders").name
        'told'
        >>> read_call("--at '2025-02-28 12:00'", "FROM orders").options
        {'at': '2025-02-28 12:00'}
    """
    options: dict[str, str] = {}
    while found := _FLAG.match(line) or _OPTION.match(line):
        name, value = found[1], "" if found.re is _FLAG else found[2].strip("'\"")
        if name not in _OPTIONS:
            raise CallError(f"there is no option --{name}; there are {', '.join(f'--{known}' for known in _OPTIONS)}")
        if name in options:
            raise CallError(f"--{name} is there twice")
        options[name] = value
        line = line[found.end() :]
    stored = _STORED.match(line)
    if stored:
        line = line[stored.end() :]
    query = line.strip()
    if cell is not None:
        if query:
            raise CallError(f"{query!r} is neither an option nor `name <<`; the query stands on the lines below")
        query = cell.strip()
    if not query:
        raise CallError("there is no query; write it after the options, or on the lines below %%events_sql")
    return Call(query.rstrip(";").rstrip(), options, stored[1] if stored else None)


def names_of(query: str) -> list[str]:
    """The names that a query asks for with `$name`, each once.

    Example:
        >>> names_of("SELECT '$no' FROM orders WHERE total > $least AND order_id <> $least -- $no")
        ['least']
    """
    return list(dict.fromkeys(_NAME.findall(_NOT_SQL.sub(" ", query))))
