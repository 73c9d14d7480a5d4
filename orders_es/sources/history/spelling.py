"""Keys of rows that somebody's program spelt in two ways; for `orders_es.sources.history`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orders_es.errors import BadSource

if TYPE_CHECKING:
    import duckdb

    from orders_es.sources.history.records import Settings

__all__ = ["spell_keys"]

_FLOAT = r"-?[0-9]+\.0+"


def spell_keys(work: duckdb.DuckDBPyConnection, source: str, settings: Settings) -> None:
    """Cut `.0` off the keys in `record` where a program made decimals of all of them.

    A source that has `007` and `7` means two rows: no program between its database and us has touched one and left the other.

    Raises:
        BadSource: Some keys have it and others not: nobody knows whether `7.0` and `7` are one row.
    """
    if not settings.key or settings.options.verbatim:
        return
    keep = "Write them alike, or keep each as it is written with verbatim= (--verbatim). Nothing was appended"
    whole = "regexp_full_match(row_key, '-?[0-9]+')"
    floats = f"regexp_full_match(row_key, '{_FLOAT}')"
    found = work.execute(
        f"SELECT source_table, any_value(row_key) FILTER ({floats}), any_value(row_key) FILTER ({whole}), "
        f"count(*) FILTER (NOT {floats} AND row_key <> '') FROM record GROUP BY source_table HAVING count(*) FILTER ({floats}) > 0"
    ).fetchall()
    for table, with_point, without, others in found:
        if without is not None:
            raise BadSource(
                source,
                None,
                f"{' and '.join(settings.key)} has {with_point!r} and {without!r}: are ids with .0 behind them others, or the same "
                f"that a program wrote as decimals? {keep}",
            )
        if not others:
            work.execute(
                "UPDATE record SET row_key = regexp_replace(row_key, '\\.0+$', '') WHERE source_table = ?", [table]
            )
