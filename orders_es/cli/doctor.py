"""The command `doctor`: what should be done about a log."""

from __future__ import annotations

import click

from orders_es.cli.options import as_json, existing_log, log_option
from orders_es.cli.output import print_json, print_text, printable
from orders_es.log.redacting import without_password

__all__ = ["doctor"]


@click.command(short_help="What should be done about a log: giant streams, small files, stale snapshots.")
@click.option(
    "--giant",
    metavar="EVENTS",
    type=click.IntRange(min=2),
    default=1000,
    show_default=True,
    help="An order of so many events is a giant.",
)
@log_option()
@as_json
def doctor(giant: int, log: str, as_json: bool) -> None:
    """Look for what makes a log slow or wants attention, and say what to do. Changes nothing; exits with 1 if there is any.

    A giant stream is an order with very many events: every load of it has to fold them all, unless it has a snapshot.

    \b
    Example:
      orders-es doctor --log my-log
      orders-es doctor --giant 200 --json --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from orders_es.audit import examine

    with existing_log(log) as opened:
        advice = examine(opened, giant=giant)
    if as_json:
        print_json({"log": log, "advice": advice})
    elif not advice:
        click.echo("nothing to do: no giant streams, files in good shape")
    else:
        for item in advice:
            where = f" --log {without_password(log)}" if item.next.startswith("orders-es ") else ""
            print_text(f"{printable(item.about)}: {item.what}\n  next: {printable(item.next + where)}")
    if advice:
        click.get_current_context().exit(1)
