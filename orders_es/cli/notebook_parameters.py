"""The parameters that a notebook declares, and what is given for them on the command line."""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["Parameter", "declared", "month_ends", "value_of"]

_MONTHS = re.compile(r"([0-9]{4})-([0-9]{2})\.\.([0-9]{4})-([0-9]{2})")
_INT = re.compile(r"[+-]?[0-9]+")
_FLOAT = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_WORDS = {"true": True, "yes": True, "false": False, "no": False}
_TYPES = ("str", "int", "float", "bool", "json")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a notebook.

    Args:
        kind: `str`, `int`, `float`, `bool`, `json`, `date` or `datetime`; None where the notebook does not say.
        default: Its default; where that is no plain value, the text of its expression.
        optional: Whether it may be `null`.
    """

    name: str
    kind: str | None
    default: Any
    optional: bool = False


def declared(path: Path) -> dict[str, Parameter]:
    """The parameters of a notebook, in order, as its cell tagged `parameters` has them; none where it has no such cell.

    Args:
        path: The notebook.
    """
    try:
        import nbformat
        import papermill  # noqa: F401 - as above
    except ImportError as error:
        raise click.UsageError(
            "running notebooks needs papermill and Jupyter: pip install 'orders_es[notebooks]'"
        ) from error
    try:
        book = nbformat.read(path, 4)
        cells = [cell.source for cell in book.cells if "parameters" in cell.metadata.get("tags", [])]
    except (
        nbformat.reader.NotJSONError,
        nbformat.ValidationError,
        OSError,
        ValueError,
        AttributeError,
        KeyError,
    ) as error:
        raise click.UsageError(f"{path} is no notebook: {' '.join(str(error).split())[:200]}") from error
    found: dict[str, Parameter] = {}
    for source in cells[:1]:
        try:
            statements = ast.parse(source).body
        except SyntaxError as error:
            raise click.UsageError(f"{path}: its cell of parameters is no Python: {error.msg}") from error
        for statement in statements:
            parameter = _parameter(statement)
            if parameter is not None:
                found[parameter.name] = parameter
    return found


def _parameter(statement: ast.stmt) -> Parameter | None:
    """The parameter that a statement of the cell declares; None if it is another kind of statement."""
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        name, expression = statement.target.id, statement.value
        said = ast.unparse(statement.annotation).strip("'\"").replace("Optional[", "None | ").rstrip("]")
    elif (
        isinstance(statement, ast.Assign) and len(statement.targets) == 1 and isinstance(statement.targets[0], ast.Name)
    ):
        name, expression, said = statement.targets[0].id, statement.value, ""
    else:
        return None
    try:
        default = None if expression is None else ast.literal_eval(expression)
        kind = None if default is None else type(default).__name__
    except ValueError:
        assert expression is not None
        default = ast.unparse(expression)
        call = expression.func if isinstance(expression, ast.Call) else None
        kind = {"date": "date", "datetime": "datetime"}.get("" if call is None else ast.unparse(call).split(".")[-1])
    parts = [part.strip().split(".")[-1] for part in said.split("|")] if said else []
    kinds = [part for part in parts if part != "None"]
    if kinds:
        kind = kinds[0].partition("[")[0] if len(kinds) == 1 else None
    if kind in ("list", "dict", "tuple"):
        kind = "json"
    known = kind if kind in (*_TYPES, "date", "datetime") else None
    return Parameter(name, known, default, optional="None" in parts or (default is None and known is not None))


def value_of(given: str, known: Mapping[str, Parameter], notebook: str, *, raw: bool) -> tuple[str, Any]:
    """The name of a parameter and its value.

    Args:
        given: What was typed: `NAME=VALUE` or `NAME:TYPE=VALUE`.
        known: The notebook's parameters.
        raw: Whether the value is text whatever the notebook declares.
    """
    name, equals, text = given.partition("=")
    name, colon, kind = name.partition(":")
    option = "-r" if raw else "-p"
    if not equals or not name.isidentifier() or (raw and colon):
        raise click.UsageError(f"{option} {given}: write it as NAME=VALUE")
    if colon and kind not in _TYPES:
        raise click.UsageError(f"-p {given}: there is no type {kind!r}; the types are {', '.join(_TYPES)}")
    if name not in known:
        near = get_close_matches(name, known, 1)
        hint = f"; do you mean {near[0]}?" if near else ""
        raise click.UsageError(f"{notebook} has no parameter {name!r}{hint or '.'} It has {', '.join(known) or 'none'}")
    if raw:
        return name, text
    parameter = known[name]
    if not colon and parameter.kind is None:
        return name, _undeclared(name, text)
    wanted = kind or parameter.kind or "str"
    if not colon and parameter.optional and wanted != "str" and text.lower() in ("null", "none"):
        return name, None
    return name, _read(name, text, wanted)


def _undeclared(name: str, text: str) -> str:
    """Text, for a parameter of which the notebook does not say what it is; refused where it could be something else."""
    looks_like = next(
        (
            kind
            for kind, looks in (
                ("int", _INT.fullmatch(text) is not None),
                ("float", _FLOAT.fullmatch(text) is not None),
                ("bool", text.lower() in _WORDS),
                ("json", text.lower() in ("null", "none") or text[:1] in ("[", "{")),
            )
            if looks
        ),
        None,
    )
    if looks_like is not None:
        raise click.UsageError(
            f"-p {name}={text}: the notebook does not say what {name} is; write -p {name}:{looks_like}={text}, or for text "
            f"-r {name}={text}"
        )
    return text


def _read(name: str, text: str, kind: str) -> Any:
    """A text as a value of a kind."""
    wrong = {
        "int": "a whole number, such as 7",
        "float": "a number, such as 0.5",
        "bool": "true or false",
        "json": "JSON, such as [1, 2]",
        "date": "a date, such as 2025-01-31",
        "datetime": "a time, such as 2025-01-31T12:00:00Z",
    }
    try:
        if kind == "int" and _INT.fullmatch(text):
            return int(text)
        if kind == "float" and _FLOAT.fullmatch(text):
            return float(text)
        if kind == "bool" and text.lower() in _WORDS:
            return _WORDS[text.lower()]
        if kind == "json":
            return json.loads(text)
        if kind == "date":
            return date.fromisoformat(text).isoformat()
        if kind == "datetime":
            datetime.fromisoformat(text)
    except ValueError:
        pass
    else:
        if kind in ("str", "datetime"):
            return text
    raise click.UsageError(f"-p {name}={text}: {name} is {kind}; give {wrong[kind]}. As text: -r {name}={text}")


def month_ends(text: str) -> list[str]:
    """The last days of the months from one to another, both of them included; none where the text does not name months.

    Example:
        >>> month_ends("2024-12..2025-02")
        ['2024-12-31', '2025-01-31', '2025-02-28']
    """
    found = _MONTHS.fullmatch(text)
    if found is None:
        return []
    first, last = (int(found[year]) * 12 + int(found[year + 1]) - 1 for year in (1, 3))
    if not (1 <= int(found[2]) <= 12 and 1 <= int(found[4]) <= 12 and first <= last):  # noqa: PLR2004 - months of a year
        raise click.UsageError(f"{text}: give two months, the earlier one first, such as 2025-01..2025-12")
    starts = [date(month // 12, month % 12 + 1, 1) for month in range(first + 1, last + 2)]
    return [(start - timedelta(days=1)).isoformat() for start in starts]
