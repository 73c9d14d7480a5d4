"""The commands `schema list`, `show`, `diff`, `check` and `write`: what events look like, and whether that broke."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orders_es.cli.options import as_json, domain_option, domains
from orders_es.cli.output import count, print_json, print_text, printable, table
from orders_es.files import asked_for, write_whole

if TYPE_CHECKING:
    from orders_es.log import EventRegistry
    from orders_es.log.schemas import Change

__all__ = ["check", "diff", "list_", "schema", "show", "write"]

_FILE = click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
_ONLY = click.option(
    "--only", metavar="NAME", multiple=True, help="Look at the event types of this domain only. May be given again."
)


@click.group(short_help="Event types: their versions and shapes, and whether a change breaks readers.")
def schema() -> None:
    """Event types: their versions and shapes, and whether a change breaks readers.

    They are those of the program, not of a log. A schema file, committed beside the code, says what each version looks like.
    """


def _registry(only: tuple[str, ...] = ()) -> EventRegistry:
    from orders_es.domains import registry_of

    known = domains()
    for name in only:
        if all(domain.name != name for domain in known):
            there = ", ".join(domain.name for domain in known)
            raise click.BadParameter(f"there is no domain {name!r}; there are {there}", param_hint="--only")
    return registry_of([domain for domain in known if not only or domain.name in only])


@schema.command("list", short_help="The event types, their versions, and what is read through upcasters.")
@domain_option
@as_json
def list_(as_json: bool) -> None:
    """The event types that the program knows, each with its version of today, and the older ones that upcasters read.

    \b
    Example:
      orders-es schema list
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    registry = _registry()
    rows: list[tuple[str, int, str, int | None]]
    rows = [(t.name, t.schema_version, "today", len(t.fields)) for t in registry]
    rows += [(step.type, step.schema_version, f"leads to {step.leads_to}", None) for step in registry.upcasters]
    rows.sort(key=lambda row: row[:2])
    if as_json:
        print_json(
            {
                "fingerprint": registry.fingerprint,
                "types": [dict(zip(("type", "schema_version", "read_as", "fields"), row, strict=True)) for row in rows],
            }
        )
        return
    texts = [[printable(name), f"v{version}", said, "" if n is None else str(n)] for name, version, said, n in rows]
    print_text(table(texts, heads=["type", "version", "read as", "fields"], right="lllr"))


@schema.command(short_help="What one event type looks like.")
@click.argument("type_", metavar="TYPE")
@domain_option
@as_json
def show(type_: str, as_json: bool) -> None:
    """What an event type of today looks like: its fields, and its JSON Schema with --json.

    \b
    Example:
      orders-es schema show ItemAdded
      orders-es schema show ItemAdded --json | jq .json_schema
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from orders_es.log.schemas import schema_of

    registry = _registry()
    if type_ not in registry:
        raise click.BadParameter(
            f"there is no event type {type_!r}; `orders-es schema list` names them", param_hint="TYPE"
        )
    event_type = registry[type_]
    said = schema_of(event_type)
    if as_json:
        print_json({"type": type_, "schema_version": event_type.schema_version, **said})
        return
    rows = [
        [
            name,
            field["kind"],
            "needed" if field["required"] else "may be missing",
            "may be null" if field["optional"] else "",
        ]
        for name, field in said["fields"].items()
    ]
    print_text(f"{type_} v{event_type.schema_version}, fingerprint {said['fingerprint']}\n")
    print_text(table(rows, heads=["field", "kind", "", ""], right="llll"))


@schema.command(short_help="How the code differs from a schema file.")
@_FILE
@_ONLY
@domain_option
@as_json
def diff(file: Path, only: tuple[str, ...], as_json: bool) -> None:
    """How the code's event types differ from what a schema file says. Changes nothing.

    \b
    Example:
      orders-es schema diff schemas.json
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    changes = _compared(file, only)
    _say(changes, as_json=as_json)


@schema.command(short_help="Fail on a change that breaks readers.")
@_FILE
@_ONLY
@domain_option
@as_json
def check(file: Path, only: tuple[str, ...], as_json: bool) -> None:
    """Exit with 1 where events that are recorded already would be read otherwise, or not at all; for continuous integration.

    \b
    Example:
      orders-es schema check schemas.json
      orders-es schema check schemas.json --domain my_package:PARCELS --only parcels
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    changes = [change for change in _compared(file, only) if change.breaks]
    _say(changes, as_json=as_json)
    if changes:
        sys.exit(1)


@schema.command(short_help="Write or renew a schema file.")
@_FILE
@_ONLY
@domain_option
@as_json
def write(file: Path, only: tuple[str, ...], as_json: bool) -> None:
    """Write what the code's event types look like into a schema file; older versions that it knows stay in it.

    \b
    Example:
      orders-es schema write schemas.json
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from orders_es.log.schemas import compared, described, read_schemas, written

    registry = _registry(only)
    before: dict[str, Any] | None = read_schemas(file) if file.exists() else None
    breaking = [change for change in compared(before, registry) if change.breaks] if before else []
    if breaking:
        _say(breaking, as_json=as_json)
        sys.exit(1)
    said = described(registry, before)
    with asked_for(file):
        write_whole(file, written(said).encode())
    if as_json:
        print_json({"file": str(file), "types": len(said["types"])})
    else:
        click.echo(f"wrote {count(len(said['types']), 'type')} to {file}")


def _compared(file: Path, only: tuple[str, ...]) -> list[Change]:
    from orders_es.log.schemas import compared, read_schemas

    try:
        before = read_schemas(file)
    except OSError as error:
        raise click.BadParameter(
            f"{file} cannot be read ({error.strerror}); `orders-es schema write` makes it"
        ) from error
    return compared(before, _registry(only))


def _say(changes: list[Change], *, as_json: bool) -> None:
    if as_json:
        print_json([change._asdict() for change in changes])
    elif not changes:
        click.echo("nothing that breaks readers, and nothing else that this looks for")
    else:
        print_text("\n".join(f"{'breaks  ' if change.breaks else 'fine    '}{change}" for change in changes))
