"""Events of Stripe, as its API lists them and its webhooks send them; for `orders_es.sources.history`.

Source of the format: Stripe's API reference, "The Event object": `created` in seconds, `data.object` as it is after the event,
`data.previous_attributes` with the attributes that changed and what they were, which only events of changes have.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from orders_es.sources.history.records import Record, Row, Settings, loads, texts

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["stripe"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_JUST_MADE = 60
"""An object that was made at most so many seconds before its first event begins with it, whatever the event is called."""


def stripe(line: Row, settings: Settings) -> Iterator[Record]:
    """What an event says about its object, and of an invoice about its lines.

    Args:
        line: The text under `line`.

    Raises:
        ValueError: It is no event.
    """
    del settings
    event = loads(line["line"], "the line")
    if event is None:
        return
    data = event.get("data") if isinstance(event, dict) else None
    data = data if isinstance(data, dict) else {}
    given = data.get("object")
    if not isinstance(given, dict) or "type" not in event or "created" not in event:
        raise ValueError("the line is no event of Stripe: it has no type, created and data.object")
    if not isinstance(given.get("id"), str):
        raise ValueError(f"data.object of {event.get('id')} ({event['type']}) has no id, so nothing can be kept of it")  # noqa: TRY004 - the line is wrong
    at = _time(event["created"], "created")
    kind = str(event["type"]).rpartition(".")[2]
    previous = data.get("previous_attributes")
    request = event.get("request")
    lines = given.pop("lines", None) if given.get("object") == "invoice" else None
    after = flattened(given)
    said: dict[str, Any] = {
        "at": at,
        "transaction": texts(request.get("id") if isinstance(request, dict) else request),
        "reason": str(event["type"]),
    }
    yield Record(
        table=str(given.get("object") or str(event["type"]).partition(".")[0]),
        key=given["id"],
        op=_op(kind, given, at),
        after=None if kind == "deleted" else after,
        before=None if not isinstance(previous, dict) else flattened(previous),
        closed=True,  # an event has the whole object, so a field that it lacks has no value
        **said,
    )
    if isinstance(lines, dict) and kind != "deleted":
        for one in lines.get("data") or ():
            row = flattened(one) | {"invoice": given["id"]}
            yield Record(table=str(one.get("object") or "line_item"), key=str(one["id"]), op="state", after=row, **said)


def _op(kind: str, given: dict[str, Any], at: datetime) -> str:
    if kind == "deleted":
        return "delete"
    if kind == "created":
        return "insert"
    made = given.get("created")
    # A charge has no event that says that it was created: it begins with having succeeded, or failed.
    return "state" if made is not None and (at - _time(made, "created")).total_seconds() <= _JUST_MADE else "update"


def _time(given: Any, column: str) -> datetime:
    said = texts(given)
    if said is None or not (said.isascii() and said.isdecimal()):
        raise ValueError(f"{column} {said!r} is no time in seconds")
    return _EPOCH + timedelta(seconds=int(said))


def flattened(given: dict[str, Any], above: str = "") -> Row:
    """An object as a row: what stands in objects within it has its path as its name, and a list is a text of JSON.

    Example:
        >>> flattened({"id": "ch_1", "card": {"brand": "visa"}, "ids": ["a"]})
        {'id': 'ch_1', 'card.brand': 'visa', 'ids': '["a"]'}
    """
    row: Row = {}
    for name, value in given.items():
        if isinstance(value, dict) and value:
            row |= flattened(value, f"{above}{name}.")
        else:
            row[f"{above}{name}"] = texts(value)
    return row
