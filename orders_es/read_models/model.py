"""What a read model is, for whoever runs one: sessions, exports, and projections that keep tables up to date."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["ReadModel"]


@dataclass(frozen=True, slots=True)
class ReadModel:
    """One read model: what it is called, its definition, and what the comment at its file's top says about it.

    Args:
        name: The table's name, which is the file's name without `.sql`.
        sql: One SELECT over `events`, `moment` and other read models. Its lines are those of the file.
        types: The event types that it accounts for, from the line `-- Types:`. Streams that hold none of them are not its
            concern; another type in a stream of its own is an error. Without that line, those of the read models that it
            selects from or, where it selects from `events` itself, none here, which is all types that the registry
            knows; `*` is any event, known or not, for models that count events and do not care what they mean.
        title: The first line of the comment, without its end.
        key: The columns that tell its rows apart, from the line `-- Key:`; none if it names none.
        stream: The column that holds the stream to which a row belongs, from the line `-- Stream:`: each row then is made
            from the events of that stream alone, and a table of such rows can be kept up to date stream by stream. None
            for models whose rows are made from the events of many.
        reads: The other read models that it selects from, sorted by name.
        reads_events: Whether it selects from `events` itself.
        reads_moment: Whether it selects from `moment`, so that its rows depend on when they are asked for.
        internal: Whether it is there for other read models, from the line `-- Internal:`: it can be asked like any, and is
            in no report and no projection unless it is named.
        columns: Name and meaning of columns, from the lines after `-- Columns:`.
        path: The file; empty if it came from none.

    Example:
        >>> ReadModel("streams", "SELECT count(DISTINCT stream_id) AS n FROM events").key
        ()
    """

    name: str
    sql: str = field(repr=False)
    types: tuple[str, ...] = field(default=(), repr=False)
    title: str = field(default="", repr=False)
    key: tuple[str, ...] = field(default=(), repr=False)
    stream: str | None = field(default=None, repr=False)
    reads: tuple[str, ...] = field(default=(), repr=False)
    reads_moment: bool = field(default=False, repr=False)
    reads_events: bool = field(default=True, repr=False)
    internal: bool = field(default=False, repr=False)
    columns: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    path: str = field(default="", repr=False)
