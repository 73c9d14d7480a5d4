"""Finding the columns an importer needs under the names a file gives them; for whoever reads another kind of file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orders_es.errors import BadSource

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence
    from pathlib import Path

__all__ = ["distinct", "match_columns", "missing_columns", "require_columns"]


def match_columns(path: Path, header: Sequence[str], columns: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The header's name for each wanted column that it has.

    Args:
        path: The file, for the error.
        header: The file's column names.
        columns: What the importer calls each column, and the names under which a file may hold it.

    Raises:
        BadSource: Two columns of the file claim to be the same one.

    Example:
        >>> from pathlib import Path
        >>> match_columns(Path("x.csv"), ["Customer ID", "Notes"], {"customer_id": ("CustomerID",)})
        {'customer_id': 'Customer ID'}
    """
    wanted = {plain(name): column for column, names in columns.items() for name in names}
    found: dict[str, str] = {}
    for name in header:
        column = wanted.get(plain(name))
        if column is None:
            continue
        if column in found:
            raise BadSource(
                str(path), None, f"both {found[column]!r} and {name!r} look like the same column; rename or remove one"
            )
        found[column] = name
    return found


def require_columns(
    path: Path,
    header: Sequence[str],
    found: Mapping[str, str],
    columns: Mapping[str, Sequence[str]],
    optional: Sequence[str] = (),
) -> None:
    """Nothing, if every column that is not optional was found.

    Args:
        path: The file, for the error.
        header: The file's column names.
        found: What `match_columns` returned.
        columns: What `match_columns` was given.
        optional: The columns that a file may lack.

    Raises:
        BadSource: Some are missing; the message names them, and what is there instead.

    Example:
        >>> from pathlib import Path
        >>> require_columns(Path("x.csv"), ["Price"], {"price": "Price"}, {"price": ("Price",)})
    """
    missing = _missing(found, columns, optional)
    if missing:
        raise BadSource(
            str(path),
            None,
            f"it lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}; "
            f"it has {', '.join(map(repr, header)) or 'none'}",
        )


def missing_columns(header: Sequence[str], columns: Mapping[str, Sequence[str]], optional: Sequence[str]) -> list[str]:
    """The names of the columns that a header ought to have and has not.

    Example:
        >>> missing_columns(["Price"], {"price": ("Price",), "day": ("Day", "Date")}, ())
        ['Day or Date']
    """
    have = {plain(name) for name in header}
    found = [column for column, names in columns.items() if have & {plain(name) for name in names}]
    return _missing(found, columns, optional)


def _missing(found: Container[str], columns: Mapping[str, Sequence[str]], optional: Sequence[str]) -> list[str]:
    return [" or ".join(names) for column, names in columns.items() if column not in found and column not in optional]


def distinct(names: Sequence[str]) -> list[str]:
    """The names, with the number of its column behind one that was there before, or is empty.

    Example:
        >>> distinct(["Price", "Note", "Note"])
        ['Price', 'Note', 'Note (column 3)']
    """
    seen: set[str] = set()
    result = []
    for i, name in enumerate(names, 1):
        result.append(f"{name} (column {i})".strip() if name in seen or not name else name)
        seen.add(name)
    return result


def plain(name: str) -> str:
    """A column name without case, blanks and punctuation."""
    return "".join(filter(str.isalnum, name.casefold()))
