"""Files in DuckDB's words: every scan of the house says what it means, and leaves DuckDB nothing to guess.

Left alone, DuckDB takes `year=2026/` in a path for a column (Hive partitioning), `*`, `?` and `[` for a pattern, a column
named `filename` for its own, and a CSV file's looks for its types. None of that is ever meant here.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from orders_es.errors import InvalidSetting
from orders_es.errors.system import no_file, words_of
from orders_es.log.relation import text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["literal", "no_database", "parquet_files", "text_columns"]

_SIGNS = "*?["


def literal(path: str) -> str:
    """A path as DuckDB's scans want it to mean that one file, whatever signs are in its name.

    Raises:
        InvalidSetting: It has a backslash and a sign of patterns as well, or is not UTF-8, for which DuckDB has no spelling.

    Example:
        >>> literal("/shop/[2026]/what?.parquet")
        '/shop/[[]2026]/what[?].parquet'
    """
    if not path.isascii():
        _check_utf8(path)
    if not any(sign in path for sign in _SIGNS):
        return path
    if "\\" in path:
        raise InvalidSetting("path", path, "DuckDB cannot read a path that has a backslash and one of * ? [; rename it")
    return "".join(f"[{sign}]" if sign in _SIGNS else sign for sign in path)


def _check_utf8(path: str) -> None:
    try:
        path.encode()
    except UnicodeEncodeError:
        raise InvalidSetting("path", path, "DuckDB cannot read a path that is not UTF-8; rename it") from None


def parquet_files(paths: Iterable[str], *, schema: Mapping[str, str] | None = None, filename: str | None = None) -> str:
    """SQL for the rows of Parquet files that all have the same columns.

    Args:
        paths: The files; no patterns.
        schema: Name and DuckDB type of each column, where the files' own are not to be looked up; a column that a file
            lacks is null. Other columns are left out.
        filename: A name for one more column, the path of the file that a row is from.

    Example:
        >>> parquet_files(["/shop/year=2026/a.parquet"])
        "read_parquet(['/shop/year=2026/a.parquet'], hive_partitioning = false, union_by_name = false)"
    """
    listed = ", ".join(text(literal(path)) for path in paths)
    options = ["hive_partitioning = false", "union_by_name = false"]
    if schema is not None:
        columns = ", ".join(
            f"{text(name)}: {{name: {text(name)}, type: {text(kind)}, default_value: NULL}}"
            for name, kind in schema.items()
        )
        options.append(f"schema = MAP {{{columns}}}")
    if filename is not None:
        options.append(f"filename = {text(filename)}")
    return f"read_parquet([{listed}], {', '.join(options)})"


def text_columns(path: str, count: int) -> str:
    """SQL for the rows of a CSV file as exports are written: texts `c0`, `c1` and so on, an empty cell without quotes null.

    Args:
        path: The file, with a line of heads; not a pattern.
        count: How many columns it has.

    Example:
        >>> print(text_columns("/a.csv", 1)[:44])
        read_csv(['/a.csv'], hive_partitioning = fal
    """
    kinds = ", ".join(f"'c{i}': 'VARCHAR'" for i in range(count))
    return (
        f"read_csv([{text(literal(path))}], hive_partitioning = false, union_by_name = false, filename = false, "
        f"compression = 'none', encoding = 'utf-8', auto_detect = false, columns = {{{kinds}}}, header = true, delim = ',', "
        "quote = '\"', escape = '\"', comment = '', nullstr = '', allow_quoted_nulls = false, null_padding = false, "
        "ignore_errors = false, skip = 0, parallel = false)"
    )


def no_database(path: str) -> str | None:
    """Why DuckDB must not be asked to open a path as a database; None where it may.

    It takes `?` for the beginning of options and a backslash for a slash, and would end up elsewhere, or with its
    write-ahead log elsewhere; and on a named pipe it waits for ever.

    Example:
        >>> no_database("/shop/orders.duckdb") is None
        True
        >>> no_database("/what?/orders.duckdb")
        "DuckDB takes the '?' in its path for something else; name another place"
    """
    try:
        path.encode()
    except UnicodeEncodeError:
        return "its path is not UTF-8, and DuckDB cannot read it; name another place"
    for sign in "?\\":
        if sign in path:
            return f"DuckDB takes the {sign!r} in its path for something else; name another place"
    try:
        what = no_file(Path(path).stat().st_mode)
    except FileNotFoundError:
        return "it is a symbolic link that leads nowhere; mend or remove the link" if Path(path).is_symlink() else None
    except OSError as error:
        return words_of(error)
    return None if what is None else f"{what}; name a file"
