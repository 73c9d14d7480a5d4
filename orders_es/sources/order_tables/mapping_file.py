"""Mappings as they are written: TOML files, each checked to the last key; for `orders_es.sources.order_tables`.

Whatever is wrong in a mapping is said with the line of the file that it stands on.
"""

from __future__ import annotations

import os
import re
import tomllib
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orders_es.errors import BadSource
from orders_es.sources.order_tables.mapping_reader import MappingReader

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orders_es.sources.order_tables.mapping import TableMapping

__all__ = ["load_table_mapping", "shipped_table_mappings"]

_MANY = re.compile(r"\s*\[\[\s*([^\[\]]+?)\s*\]\]\s*(?:#.*)?")

_TABLE = re.compile(r"\s*\[\s*([^\[\]]+?)\s*\]\s*(?:#.*)?")

_KEY = re.compile(r"""\s*((?:[A-Za-z0-9_.-]|"[^"]*"|'[^']*')+)\s*=""")

_MAPPINGS = resources.files("orders_es.sources.order_tables") / "mappings"


def shipped_table_mappings() -> list[str]:
    """The names of the mappings that come with the package.

    Example:
        >>> shipped_table_mappings()
        ['shopify']
    """
    return sorted(entry.name.removesuffix(".toml") for entry in _MAPPINGS.iterdir() if entry.name.endswith(".toml"))


def load_table_mapping(given: str | os.PathLike[str] | Mapping[str, Any]) -> TableMapping:
    """A mapping, from a TOML file, by the name of one that comes with the package, or from what would stand in one; read-only.

    Raises:
        BadSource: There is no such file, or it makes no sense; with the line.

    Example:
        >>> mapping = load_table_mapping({
        ...     "rows": "order",
        ...     "order": {"id": "No", "currency": {"value": "EUR"}, "occurred": "Date", "placed": True},
        ... })
        >>> mapping.rules["order.currency"].value
        'EUR'
    """
    if not isinstance(given, str | os.PathLike):
        return MappingReader("mapping=", {}).read(dict(given))
    path = os.fspath(given)
    try:
        shipped = _MAPPINGS / f"{path}.toml"
        text = (shipped if path in shipped_table_mappings() else Path(path)).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = (error.strerror or str(error)) if isinstance(error, OSError) else "it is not UTF-8"
        raise BadSource(
            path, None, f"no mapping can be read there: {why}; let --propose write one for your table"
        ) from error
    try:
        found = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise BadSource(path, None, _twice(text) or f"it is not TOML: {error}") from error
    return MappingReader(path, _lines(text)).read(found)


def _twice(text: str) -> str | None:
    """What is said a second time, if that is why a text is no TOML."""
    seen: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), 1):
        found = _TABLE.fullmatch(line)
        key = _KEY.match(line)
        if many := _MANY.fullmatch(line):
            table = f"{many[1]} {number}"  # each one of several is a table of its own
            continue
        if found:
            table, name = found[1], f"[{found[1]}]"
        elif key:
            name = f"{table}.{key[1]}" if table else key[1]
        else:
            continue
        if name in seen:
            return (
                f"line {number}: {name} is said a second time, and stands on line {seen[name]} already; say it once. "
                "Nothing was appended"
            )
        seen[name] = number
    return None


def _lines(text: str) -> dict[str, int]:
    lines: dict[str, int] = {}
    table = ""
    many: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if found := _MANY.fullmatch(line):
            many[found[1]] = many.get(found[1], 0) + 1
            name = found[1] if many[found[1]] == 1 else f"{found[1]}#{many[found[1]]}"
            table = name + "."
            lines.setdefault(name, number)
        elif found := _TABLE.fullmatch(line):
            table = found[1] + "."
            lines.setdefault(found[1], number)
        elif found := _KEY.match(line):
            lines.setdefault(table + found[1].strip("\"'"), number)
    return lines
