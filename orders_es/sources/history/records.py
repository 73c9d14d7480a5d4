"""What every shape of history comes down to: a record of one row, before and after; for `orders_es.sources.history`."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from orders_es.sources.rows.instants import Instants
from orders_es.sources.tables.ids import clean_id

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from orders_es.sources.tables.options import TableOptions

__all__ = ["JOINED", "LEFT", "Record", "Row", "Settings", "key_of", "pairs", "texts", "values_of"]

JOINED, LEFT = " (joined)", " (left)"
"""Stand behind the name of a column whose value lists what came into it, or went out of it."""

Row = dict[str, str | None]
"""A row of the history, as the export has it: texts and nulls, by column."""


@dataclass(frozen=True, slots=True)
class Record:
    """What a source says about one row at one time.

    Args:
        table: Of which table the row is.
        key: Its key; an empty text for a record of the whole table.
        op: `insert`, `update`, `delete`, `snapshot` (it is there, nobody knows since when) or `truncate` (all rows are gone).
        at: When the source learned of it.
        after: What it was after that; None where it was not, or nothing is said.
        before: What it was before, as far as that is said.
        whole: Whether `after` holds every column, and not only those that changed.
        order: The source's own order, if it has one.
        until: Up to when this version held, where the source keeps intervals; None for the current one.
        interval: Whether the source keeps intervals.
        closed: Whether a column that `after` lacks is known to have no value, as with documents that are always sent whole.
        space: In which schema or database the table is, if the source says it.
    """

    table: str
    key: str
    op: str
    at: datetime
    after: Row | None = None
    before: Row | None = None
    whole: bool = True
    order: int | None = None
    actor: str | None = None
    transaction: str | None = None
    reason: str | None = None
    until: datetime | None = None
    interval: bool = False
    closed: bool = False
    space: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a reader has to know besides the row.

    Args:
        table: What the table is called, where the history does not say it.
        key: The columns that name a row, where the history has none of its own for that.
        options: How times are read.
        scales: The number of decimals of columns whose numbers come as bytes, by column.
        instants: What reads times; made from the options if left out.
    """

    table: str
    key: tuple[str, ...]
    options: TableOptions
    scales: Mapping[str, int] = field(default_factory=dict)
    instants: Instants | None = None

    def instant(self, text: str | None, column: str) -> datetime:
        """A time as an instant.

        Raises:
            ValueError: It is none, or has two readings.
        """
        return (self.instants or Instants(self.options))(text, column)


def texts(value: Any) -> str | None:
    """A value of JSON as a text, numbers digit for digit; None for null.

    Example:
        >>> texts(True), texts("a"), texts({"b": [1]}), texts(None)
        ('true', 'a', '{"b":[1]}', None)
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, _Number):
        return value.text
    return _spelt(value)


def _spelt(value: Any) -> str:
    """A value within an object or a list as JSON, numbers digit for digit, which `json` itself would make floats of."""
    if isinstance(value, dict):
        return (
            "{" + ",".join(f"{json.dumps(name, ensure_ascii=False)}:{_spelt(one)}" for name, one in value.items()) + "}"
        )
    if isinstance(value, list):
        return "[" + ",".join(map(_spelt, value)) + "]"
    return value.text if isinstance(value, _Number) else json.dumps(value, ensure_ascii=False)


class _Number:
    """A number of JSON with its digits."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


def loads(text: str | None, column: str) -> Any:
    """What a text of JSON says, its numbers digit for digit.

    Raises:
        ValueError: It is no JSON, or says a key twice.
    """
    try:
        if text is None or not text.strip():
            return None
        return json.loads(text, parse_float=_Number, parse_int=_Number, object_pairs_hook=_object)
    except _Twice as error:
        raise ValueError(f"{column} {error}") from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{column} {text[:60] if text else ''!r} is no JSON: {error}") from None


class _Twice(ValueError):
    """An object says a key twice."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise _Twice(
            f"says {next(name for name in names if names.count(name) > 1)!r} twice, and only one of them can be meant"
        )
    return found


def values_of(given: Any, column: str) -> Row | None:
    """A JSON object as a row of texts.

    Args:
        given: The object, or a text of it.

    Raises:
        ValueError: It is something else.

    Example:
        >>> values_of('{"id": 1, "total": 21.00}', "record")
        {'id': '1', 'total': '21.00'}
    """
    value = loads(given, column) if isinstance(given, str) or given is None else given
    if value is None:
        return None
    if not isinstance(value, dict):
        raise ValueError(f"{column} is no object with a value for each column")  # noqa: TRY004 - the cell is wrong
    return {name: texts(one) for name, one in value.items()}


def pairs(given: str | None, column: str) -> tuple[Row, Row]:
    """Old and new values out of a JSON object of `[old, new]`, as two rows.

    Raises:
        ValueError: It is something else.

    Example:
        >>> pairs('{"status": ["open", "paid"]}', "changes")
        ({'status': 'open'}, {'status': 'paid'})
    """
    value = loads(given, column)
    if value is None:
        return {}, {}
    if not isinstance(value, dict):
        raise ValueError(f"{column} is no object of old and new values")  # noqa: TRY004 - the cell is wrong
    old: Row = {}
    new: Row = {}
    for name, two in value.items():
        if not isinstance(two, list) or len(two) != 2:  # noqa: PLR2004 - an old and a new one
            raise ValueError(f"{column} of {name!r} are no pair of an old and a new value")
        old[name], new[name] = texts(two[0]), texts(two[1])
    return old, new


def key_of(row: Row | None, settings: Settings, what: str) -> str:
    """The key of a row, its parts joined.

    Args:
        row: Its values.
        what: Where they come from, for the error.

    Raises:
        ValueError: A column of the key is missing or empty, or holds what stands between the parts.
    """
    if not settings.key:
        raise ValueError("which columns name a row? Give key= (--key)")
    parts = []
    for name in settings.key:
        part = None if row is None else row.get(name, _spelt_otherwise(row, name))
        if part is None or not part.strip():
            raise ValueError(f"{what} has no {name}, and that names the row")
        if name not in settings.options.verbatim and not (part.isascii() and part.isdecimal()):
            try:
                part = clean_id(part)
            except ValueError as error:
                raise ValueError(f"{name} {part!r} {error}, or say verbatim= (--verbatim)") from None
        if len(settings.key) > 1 and "-" in part:
            raise ValueError(f"{name} {part!r} holds '-', which stands between the parts of a key")
        parts.append(part.strip())
    return "-".join(parts)


def _spelt_otherwise(row: Row, name: str) -> str | None:
    """The value of a column that is there in other letters, small or capital."""
    found = [value for other, value in row.items() if other.lower() == name.lower()]
    return found[0] if len(found) == 1 else None
