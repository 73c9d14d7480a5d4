"""The command `events`: the event types that can stand in a log, and their fields, as the code has them."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import click

from orders_es.cli.options import as_json, domains, existing_log, log_option
from orders_es.cli.output import print_json, print_text, printable, table
from orders_es.cli.suggesting import unknown

if TYPE_CHECKING:
    from orders_es.log import EventType, Field

__all__ = ["events"]

_KINDS = {
    "string": "text",
    "int64": "whole number",
    "bool": "true or false",
    "decimal": "decimal with 4 places, as text in JSON",
    "timestamp": "time, ISO 8601 with its offset",
    "date": "date",
    "float64": "number",
    "json": "JSON, not a column in SQL",
}


@click.command(short_help="The event types and their fields.")
@click.argument("event_type", metavar="[TYPE]", required=False)
@click.option("--markdown", is_flag=True, help="Print a page in Markdown, for a site or a wiki.")
@log_option(required=False)
@as_json
def events(event_type: str | None, markdown: bool, log: str | None, as_json: bool) -> None:
    """The event types that this program knows, or one of them with its fields: names, kinds, and which must be there.

    With --log, how often each stands in that log as well, and types that stand there and nobody registered.

    \b
    Example:
      orders-es events
      orders-es events ItemAdded
      orders-es events --markdown > events.md
      orders-es events --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from orders_es.domains import registry_of

    if markdown and as_json:
        raise click.UsageError("--markdown and --json are two forms of one answer; give one of them")
    registry = registry_of(domains())
    known = {each.name: each for each in registry}
    counts = None if log is None else _counts(log)
    if event_type is not None and event_type not in {**known, **(counts or {})}:
        raise unknown("event type", event_type, known)
    chosen = [each for name, each in known.items() if event_type in {None, name}]
    strange = {} if counts is None else {n: c for n, c in counts.items() if n not in known and event_type in {None, n}}
    if as_json:
        listed = [_as_dict(each) | ({} if counts is None else {"events": counts.get(each.name, 0)}) for each in chosen]
        print_json({"event_types": listed, "not_registered": [{"name": n, "events": c} for n, c in strange.items()]})
    elif markdown:
        print_text("# Event types\n\n" + "\n".join(map(_markdown, chosen)))
    elif event_type is None:
        heads = ["type", "version", *([] if counts is None else ["events"]), "what it says"]
        rows = [
            [
                each.name,
                str(each.schema_version),
                *([] if counts is None else [f"{counts.get(each.name, 0):,}"]),
                printable(_meaning(each).partition("\n")[0], 90),
            ]
            for each in chosen
        ]
        rows += [[printable(name, 40), "", f"{number:,}", "nobody registered it"] for name, number in strange.items()]
        print_text(table(rows, heads=heads, right="lrl" if counts is None else "lrrl", indent=0))
    else:
        for each in chosen:
            print_text(f"{each.name}, schema version {each.schema_version}\n\n{_meaning(each)}\n")
            print_text(table([_row(f) for f in each.fields], heads=["field", "kind", "", "what it holds"], indent=0))
        for name, number in strange.items():
            print_text(f"{printable(name)}: {number:,} in the log; nobody registered it, so its fields are not known")


def _counts(log: str) -> dict[str, int]:
    from orders_es.replay import connect

    with existing_log(log) as opened, connect(opened) as session:
        return dict(session.sql("SELECT type, count(*) FROM events GROUP BY type ORDER BY type").rows())


def _meaning(event_type: EventType) -> str:
    """The class's own words, without its example; nothing where it has none."""
    return inspect.cleandoc(event_type.cls.__doc__ or "").partition("\nExample:")[0].strip()


def _holds(field: Field) -> str:
    limits = [
        "an id or a code, never empty" if field.identifier and field.pattern is None else "",
        field.pattern[1] if field.pattern is not None else "",
        f"at most {field.largest:,}, above zero or below" if field.largest is not None else "",
    ]
    return "; ".join(limit for limit in limits if limit)


def _row(field: Field) -> list[str]:
    needed = "required" if field.required else "may be null" if field.optional else "has a default"
    return [field.name, _KINDS.get(field.kind, field.kind), needed, _holds(field)]


def _markdown(event_type: EventType) -> str:
    rows = "\n".join(f"| `{cells[0]}` | {' | '.join(cells[1:])} |" for cells in map(_row, event_type.fields))
    heads = "| field | kind | | what it holds |\n| --- | --- | --- | --- |"
    return f"## {event_type.name}\n\nSchema version {event_type.schema_version}. {_meaning(event_type)}\n\n{heads}\n{rows}\n"


def _as_dict(event_type: EventType) -> dict[str, Any]:
    return {
        "name": event_type.name,
        "schema_version": event_type.schema_version,
        "meaning": _meaning(event_type),
        "fields": [
            {
                "name": f.name,
                "kind": f.kind,
                "required": f.required,
                "optional": f.optional,
                "identifier": f.identifier,
                "largest": f.largest,
                "pattern": None if f.pattern is None else f.pattern[0],
            }
            for f in event_type.fields
        ],
    }
