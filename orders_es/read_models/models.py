"""Reading read models from `.sql` files: for sessions, and for whoever keeps such tables up to date. Imports no database."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from orders_es.errors import BadReadModel

if TYPE_CHECKING:
    import os
    from importlib.resources.abc import Traversable

__all__ = ["ReadModel", "load_read_models"]

_NAME = re.compile(r"[a-z_][a-z0-9_]*")
_RESERVED = {"events"}


@dataclass(frozen=True, slots=True)
class ReadModel:
    """One read model: what it is called, its definition, and which events it understands.

    Args:
        name: The table's name, which is the file's name without `.sql`.
        sql: One SELECT over the relation `events`.
        types: The event types that it accounts for, from the line `-- Types:` of the comment at the file's top. Streams
            that hold none of them are not its concern; another type in a stream of its own is an error. Without that
            line, all types that the registry knows.
    """

    name: str
    sql: str = field(repr=False)
    types: tuple[str, ...] = field(default=(), repr=False)


def load_read_models(folder: str | os.PathLike[str] | None = None) -> tuple[ReadModel, ...]:
    """The read models in a folder's `.sql` files, sorted by name; those of this package if left out. Read-only.

    Args:
        folder: A folder with `.sql` files.

    Raises:
        BadReadModel: A file has no SELECT, or a name that a table cannot have here.

    Example:
        >>> [model.name for model in load_read_models()]
        ['order_history', 'order_items', 'order_record_history', 'orders']
    """
    place: Traversable = resources.files("orders_es.read_models") if folder is None else Path(folder)
    if not place.is_dir():
        raise BadReadModel(str(folder), "it is no folder; give one that holds .sql files")
    files = sorted((file for file in place.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name)
    return tuple(_read(file) for file in files)


def _read(file: Traversable) -> ReadModel:
    name = file.name.removesuffix(".sql")
    if not _NAME.fullmatch(name) or name in _RESERVED:
        raise BadReadModel(
            str(file), "a read model is named after its file: small letters, digits and _, and not `events`"
        )
    sql = file.read_text(encoding="utf-8").strip().removesuffix(";").rstrip()
    body = re.sub(r"--[^\n]*", "", sql).strip()
    if not re.match(r"(SELECT|WITH|FROM)\b", body, re.IGNORECASE):
        raise BadReadModel(str(file), "it has to be one SELECT over the relation `events`")
    return ReadModel(name, sql, _types(sql))


def _types(sql: str) -> tuple[str, ...]:
    """The names on the line `-- Types:` and the comment lines after it that are set in."""
    found = re.search(r"^--\s*Types:([^\n]*(?:\n--\s{3,}[^\n]*)*)", sql, re.MULTILINE)
    return () if found is None else tuple(re.findall(r"[^\s,]+", found[1].replace("--", " ")))
