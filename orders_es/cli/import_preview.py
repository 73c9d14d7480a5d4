"""`--propose` and `--dry-run` of the imports of changes: what would become of them, before anything does; for `orders_es.cli`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeVar

import click

from orders_es.cli.output import count, print_json, print_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from orders_es.log import EventLog

__all__ = ["look", "looking_options", "require_log"]

_Command = TypeVar("_Command", bound="Callable[..., Any]")


def looking_options(command: _Command) -> _Command:
    """The options `--propose`, `--dry-run` and `--orders`."""
    for option in (
        click.option(
            "--orders",
            metavar="N",
            type=click.IntRange(min=1),
            default=3,
            show_default=True,
            help="With --dry-run: how many orders to show.",
        ),
        click.option("--dry-run", is_flag=True, help="Show the first orders as they would be, and import nothing."),
        click.option("--propose", is_flag=True, help="Print a commented mapping for --map, and import nothing."),
    ):
        command = option(command)
    return command


def look(
    bring: Callable[[EventLog, Any], Any],
    keys: Sequence[str],
    *,
    mapping: Any,
    propose: bool,
    dry_run: bool,
    orders: int,
    on_error: str,
    as_json: bool,
) -> bool:
    """Whether that was all that was asked for: a proposal, or a look at what would be.

    Args:
        bring: Imports into a log, by a mapping or none.
        keys: The columns that name a row.
    """
    if not propose and not dry_run:
        return False
    if propose and (mapping or dry_run):
        raise click.UsageError("--propose writes a mapping; --map and --dry-run go with one that is written")
    if on_error != "stop":
        raise click.UsageError(
            "--propose and --dry-run write no files, so they set no rows aside; leave out --on-error"
        )
    from orders_es.sources.rows.proposing import preview_changes, propose_changes

    if propose:
        text = propose_changes(lambda log: bring(log, None), keys)
        if as_json:
            print_json({"mapping": text})
        else:
            print_text(text.rstrip("\n"))
        return True
    preview = preview_changes(lambda log: bring(log, mapping), orders)
    if as_json:
        first = [order.as_dict() for order in preview.first]
        print_json({"events": preview.events, "orders": preview.orders, "first": first})
        return True
    from orders_es.cli.order_text import order_text

    for order in preview.first:
        print_text(order_text(order, "as it would be") + "\n")
    print_text(str(preview.gaps))
    click.echo(
        f"this would become {count(preview.events, 'event')}, of rows and of {count(preview.orders, 'order')}. Nothing was imported"
    )
    return True


def require_log(log: str | None) -> str:
    """The place of the log, which only an import itself needs.

    Raises:
        click.UsageError: Nobody says it.
    """
    log = log or os.environ.get("ORDERS_ES_LOG")
    if not log:
        raise click.UsageError("which log? Give --log DIR, or set ORDERS_ES_LOG")
    return log
