"""Keys of rows that somebody's program spelt otherwise, in one dump or from one to the next; for `orders_es.sources.dumps`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from orders_es.errors import BadSource
from orders_es.sources.rows.work_database import value
from orders_es.sources.tables.ids import clean_id
from orders_es.sources.tables.values import ERRORS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import duckdb

    from orders_es.sources.tables.options import TableOptions

__all__ = ["check_keys", "remember_keys", "spell_keys"]

_FLOAT = r"-?[0-9]+\.0"
_ODD = (
    r"#.*|nan|nat|na|n/a|<na>|null|none|\\n|[+-]?[0-9.,]+e[+-]?[0-9]+|[0-9]{1,2}-[a-z]{3}(-[0-9]{2,4})?|[a-z]{3}-[0-9]{2,4}"
    r"|[0-9]{4}-[0-9]{2}-[0-9]{2}[ t].*"
)
"""Ids that may be none any more; whatever cannot be seen or typed is looked at, too."""


def spell_keys(
    work: duckdb.DuckDBPyConnection, path: Path, cells: Mapping[str, str], options: TableOptions
) -> dict[int, str]:
    """Take the ids in `dump` as a table's ids are taken; the reasons, by row, where that cannot be done.

    Args:
        cells: The columns of the key, and what they are called in `dump`.

    Raises:
        BadSource: Some ids have `.0` behind them and others not, or all long ones were rounded.
    """
    failures: dict[int, str] = {}
    for name, cell in cells.items():
        if name in options.verbatim:
            continue
        _spell_floats(work, path, name, cell)
        odd = work.execute(
            f"SELECT rowid, {cell} FROM dump WHERE NOT regexp_full_match({cell}, '[0-9]{{1,17}}') AND "
            f"(NOT regexp_full_match({cell}, '[!-~]+') OR regexp_full_match(lower({cell}), '{_ODD}'))"
        ).fetchall()
        cleaned = {}
        for row, said in odd:
            try:
                if said in ERRORS:
                    raise ValueError("is an error of the spreadsheet, not a value")
                if (plain := clean_id(said)) != said:
                    cleaned[row] = plain
            except ValueError as error:
                if said.strip():
                    failures[row] = f"{name} {said!r} {error}, or say verbatim= (--verbatim)"
        if cleaned:
            work.register(
                "cleaned", pa.table({"at": pa.array(cleaned.keys(), pa.int64()), "k": pa.array(cleaned.values())})
            )
            work.execute(f"UPDATE dump SET {cell} = cleaned.k FROM cleaned WHERE cleaned.at = dump.rowid")
            work.unregister("cleaned")
    return failures


def _spell_floats(work: duckdb.DuckDBPyConnection, path: Path, name: str, cell: str) -> None:
    floats = f"({cell} LIKE '%.0' AND regexp_full_match({cell}, '{_FLOAT}'))"
    long = f"(strlen({cell}) > 17 AND regexp_full_match({cell}, '[1-9][0-9]{{17,}}'))"
    with_point, others, long_one, exact = work.execute(
        f"SELECT any_value({cell}) FILTER ({floats}), count({cell}) FILTER (NOT {floats}), any_value({cell}) FILTER ({long}), "
        f"count(*) FILTER ({long} AND NOT regexp_full_match({cell}, '[1-9][0-9]{{14}}0+')) FROM dump"
    ).fetchall()[0]
    if long_one is not None and not exact:
        raise _two_readings(
            path,
            name,
            f"{name} {long_one!r} and all others of 18 digits and more are zeros behind the fifteenth, as a spreadsheet leaves them: are "
            "they the ids as they were?",
        )
    if with_point is None:
        return
    whole = value(work, f"SELECT any_value({cell}) FROM dump WHERE regexp_full_match({cell}, '[0-9]+')")
    if whole is not None:
        raise _two_readings(
            path,
            name,
            f"{name} has {with_point!r} and {whole!r}: are ids with .0 behind them others, or the same that a program wrote as decimals?",
        )
    if not others:
        work.execute(f"UPDATE dump SET {cell} = regexp_replace({cell}, '\\.0+$', '')")


def remember_keys(work: duckdb.DuckDBPyConnection, relation: str) -> None:
    """Keep the keys of a relation in `key_before`, to be compared with those of the next dump."""
    work.execute(f"CREATE OR REPLACE TABLE key_before AS SELECT k FROM {relation}")


def check_keys(work: duckdb.DuckDBPyConnection, path: Path, key: Sequence[str], options: TableOptions) -> None:
    """Nothing, unless rows of `key_before` are gone whose ids come back in `good` with other leading zeros.

    Raises:
        BadSource: Some are: a program may have cut the zeros off, and then no row is gone.
    """
    if set(key) & set(options.verbatim):
        return
    padded = "k LIKE '0%' AND regexp_full_match(k, '[0-9]{2,}')"
    for one, other in (("good", "key_before"), ("key_before", "good")):
        if not value(work, f"SELECT count(*) FROM {one} WHERE {padded}"):
            continue
        found = work.execute(
            f"SELECT p.k, o.k FROM (SELECT k FROM {one} WHERE {padded}) AS p JOIN (SELECT k FROM {other} WHERE regexp_full_match(k, '[0-9]+')) "
            f"AS o ON ltrim(p.k, '0') = ltrim(o.k, '0') AND p.k <> o.k WHERE p.k NOT IN (SELECT k FROM {other}) AND o.k NOT IN "
            f"(SELECT k FROM {one}) ORDER BY ALL LIMIT 1"
        ).fetchone()
        if found:
            here, before = found if one == "good" else found[::-1]
            raise _two_readings(
                path,
                " and ".join(key),
                f"{' and '.join(key)} {here!r} is new, and {before!r} of the dump before is gone: did a program change the leading zeros, or "
                "are these two?",
            )


def _two_readings(path: Path, name: str, what: str) -> BadSource:
    return BadSource(
        str(path),
        None,
        f"{what} Write them alike, or keep each as it is written with verbatim= (--verbatim {name!r}). Nothing of this dump was appended",
    )
