"""Typed columns of events that a program does not know as they are: nothing is read out of them silently.

What a column of another version means is not known, so whoever looks at it gets an error; the envelope can always be looked at. An event of a type
that nobody registered has no columns: that one of its fields is called as one of ours says nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orders_es.log.bookkeeping import BOOKKEEPING
from orders_es.log.relation import event_columns, quoted, text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orders_es.log.registry import EventRegistry

__all__ = ["NOT_KNOWN", "known_columns", "not_known"]

NOT_KNOWN = "orders_es does not know "
"""What DuckDB's message begins with where an event is not known; a JSON array of its facts follows."""


def not_known() -> str:
    """SQL that fails for an event which is not known: within a query over events."""
    facts = 'json_array(type, schema_version, "position", stream_id)::VARCHAR'
    return f"error({text(NOT_KNOWN)} || {facts} || ': an event of this type, schema version, position and stream is not known')"


def known_columns(events: str, registry: EventRegistry, held: Iterable[tuple[str, int]]) -> str:
    """SQL for events with nothing in typed columns that this program cannot know the meaning of; the same where it knows all.

    Args:
        events: A SELECT with the envelope and the registry's columns.
        held: The types and schema versions in the log, as recorded.
    """
    odd = [
        pair
        for pair in held
        if pair[0] not in BOOKKEEPING and not registry.is_today(*pair) and not registry.upcasts(*pair)
    ]
    nameless = sorted({name for name, _ in odd if name not in registry})
    versions = sorted(pair for pair in odd if pair[0] in registry)
    listed = []
    for column in event_columns(registry.columns):
        arms = []
        if column in registry.columns:
            failing = [
                f"(type = {text(name)} AND schema_version = {version})"
                for name, version in versions
                if any(field.name == column for field in registry[name].fields)
            ]
            arms += [f"WHEN {' OR '.join(failing)} THEN {not_known()}"] if failing else []
            arms += [f"WHEN type IN ({', '.join(map(text, nameless))}) THEN NULL"] if nameless else []
        value = quoted(column)
        listed.append(f"CASE {' '.join(arms)} ELSE {value} END AS {value}" if arms else value)
    return f"SELECT {', '.join(listed)} FROM ({events})" if odd else events
