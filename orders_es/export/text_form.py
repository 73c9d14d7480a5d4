"""Values as text, in DuckDB's words: exact, the same on every machine, and harmless in a spreadsheet."""

from __future__ import annotations

import re

from orders_es.log.relation import quoted, text

__all__ = ["as_text", "guard_text", "guarded", "local_millis"]

_FORMULA = r"^'*[\t\r\n=+\-@＝＋－＠]"
"""What a spreadsheet takes for the beginning of a formula. Apostrophes before it count, so that the guard can be undone."""
_WORDS = ("VARCHAR", "JSON", "ENUM")


def as_text(column: str, kind: str, *, guard: bool = False) -> str:
    """SQL for a column's values as text: money as digits, times in UTC with `Z`, everything else as DuckDB has it.

    Args:
        kind: Its DuckDB type.
        guard: Put an apostrophe before text that a spreadsheet would take for a formula.

    Example:
        >>> as_text("total", "DECIMAL(28,4)")
        '"total"::VARCHAR'
    """
    name = quoted(column)
    if kind == "TIMESTAMP WITH TIME ZONE":
        return f"replace(strftime({name} AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%fZ'), '.000000Z', 'Z')"
    if kind == "TIMESTAMP":
        return f"regexp_replace(strftime({name}, '%Y-%m-%dT%H:%M:%S.%f'), '\\.000000$', '')"
    if guard and kind.startswith(_WORDS):
        return guarded(f"{name}::VARCHAR")
    return f"{name}::VARCHAR"


def guarded(value: str) -> str:
    """SQL for a text, with an apostrophe before it where a spreadsheet would take it for a formula.

    To undo it, take one apostrophe from every text that begins with apostrophes and then such a sign.

    Args:
        value: SQL for a text.
    """
    return f"CASE WHEN regexp_matches({value}, {text(_FORMULA)}) THEN '''' || {value} ELSE {value} END"


def guard_text(value: str) -> str:
    """A text as `guarded` has it: with an apostrophe before it where a spreadsheet would take it for a formula.

    Example:
        >>> guard_text("=1+1"), guard_text("'=1+1"), guard_text("1+1")
        ("'=1+1", "''=1+1", '1+1')
    """
    return f"'{value}" if re.match(_FORMULA, value) else value


def local_millis(column: str, kind: str) -> str:
    """SQL for a time as a spreadsheet has it: milliseconds since 1970 on the clock of the connection's time zone.

    Args:
        column: A column of times, or of dates.
        kind: Its DuckDB type.
    """
    name = quoted(column)
    local = f"({name} AT TIME ZONE current_setting('TimeZone'))" if kind.endswith("ZONE") else f"{name}::TIMESTAMP"
    return f"round(epoch_us({local}) / 1000.0)::BIGINT"
