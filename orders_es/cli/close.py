"""The commands around closes: `close`, `close list`, `close check`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orders_es.cli.options import as_json, both_clocks, existing_log, log_option
from orders_es.cli.output import count, money, print_json, print_text, printable, table
from orders_es.orders.moments import spoken, written

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

    from orders_es.audit.closes import CheckedClose, Close

__all__ = ["close"]


class _NameOrCommand(click.Group):
    """A group in which whatever is no command is the name of a close to be made."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `new` in front of a name."""
        if args and args[0] not in self.commands and args[0] not in ("-h", "--help"):
            args = ["new", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_NameOrCommand, short_help="Give a moment a name, and say what has moved since.")
def close() -> None:
    """Closes: a moment on both clocks that has a name, such as "June as we reported it", recorded in the log itself.

    \b
    orders-es close 2026-06 --at 2026-06-30       closes June
    orders-es close list                          says what was closed
    orders-es close check 2026-06                 says what has moved since

    Wherever --at is understood, --as-closed 2026-06 is as well.
    """  # noqa: D301 - \b is click's mark for "do not wrap"


@close.command(short_help="Give a moment a name: orders-es close NAME --at TIME.")
@click.argument("name")
@click.option("--by", metavar="WHO", help="Who closes it; the user's name if left out.")
@click.option(
    "--key", metavar="FILE", type=click.Path(path_type=Path), help="Sign the log's head with this private key, too."
)
@both_clocks
@log_option()
@as_json
def new(
    name: str,
    by: str | None,
    key: Path | None,
    at: datetime | None,
    known_at: datetime | None,
    tz: tzinfo,
    log: str,
    as_json: bool,
) -> None:
    """Close what had happened by --at, as far as it had been recorded by --known-at: record name, figures, root and who in the log.

    \b
    Example:
      orders-es close 2026-06 --at 2026-06-30 --log my-log
      orders-es close new 2026-06 --at 2026-06-30 --key shop.key --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from orders_es import audit

    if at is None:
        raise click.UsageError("what is closed? Give --at TIME; what had happened by then is")
    with existing_log(log, writes=True) as opened:
        done = audit.close(opened, name, at=at, known_at=known_at, closed_by=by, key=key)
    if as_json:
        print_json({"log": log, "close": done})
    else:
        print_text("\n".join(_lines(done, tz)))


def _lines(done: Close, tz: tzinfo) -> list[str]:
    clocks = f"what had happened by {spoken(done.at, tz)}, as known at {spoken(done.known_at, tz)}"
    when = f"closed by {printable(done.closed_by or '-')} at {spoken(done.closed_at, tz)}"
    tree = f"{count(done.position, 'event')}, root {done.root.hex()}{', signed' if done.checkpoint else ''}"
    figures = [
        f"  {printable(row['currency']) or '-'}: {count(row['orders'], 'order')}, total {money(row['total'], row['currency'])}, paid {money(row['paid'], row['currency'])}"
        for row in done.figures
    ]
    return [f"{printable(done.name)}: {clocks}", f"  {when}, {tree}", *figures]


@close.command("list", short_help="What was closed.")
@log_option()
@as_json
def list_(log: str, as_json: bool) -> None:
    """What was closed, by name.

    \b
    Example:
      orders-es close list --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from datetime import UTC

    from orders_es import audit

    with existing_log(log) as opened:
        found = audit.closes(opened)
    if as_json:
        print_json({"log": log, "closes": found})
    else:
        print_text("\n".join(line for done in found for line in _lines(done, UTC)) or "nothing was closed")


@close.command(short_help="What has moved since a moment was closed.")
@click.argument("name")
@click.option(
    "--tolerance",
    metavar="SHARE",
    default="0",
    show_default=True,
    help="By how much totals or payments may have moved: 0.5%.",
)
@log_option()
@as_json
def check(name: str, tolerance: str, log: str, as_json: bool) -> None:
    """Hold what is known now of a closed moment to what was closed. Exits with 1 if more moved than the tolerance.

    What counts is, for each currency, the sum of the totals and that of the payments of all orders.

    It says which orders moved, by which events that came in since, and by whom those were recorded.

    \b
    Example:
      orders-es close check 2026-06 --tolerance 0.5% --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from orders_es import audit

    with existing_log(log) as opened:
        found = audit.check_close(opened, name, tolerance=tolerance)
    if as_json:
        print_json({"log": log, **{field: getattr(found, field) for field in found.__slots__}})
    else:
        print_text(_said(found))
    if not found.ok:
        click.get_current_context().exit(1)


_SHOWN = 20
_SUMS = {
    "total": ("closed_total", "total", "difference", "share"),
    "paid": ("closed_paid", "paid", "paid_difference", "paid_share"),
}


def _said(found: CheckedClose) -> str:
    done = found.close
    head = "within the tolerance" if found.ok else "MOVED by more than the tolerance"
    lines = [f"{printable(done.name)}, closed at {spoken(done.closed_at)}: {found.reason or head}"]
    cells = []
    for row in found.currencies:
        orders = [f"{row['closed_orders']:,}", f"{row['orders']:,}"]
        for what, names in _SUMS.items():
            share = "" if row[names[3]] is None else f"{row[names[3]] * 100:.4f}%"
            sums = [money(row[name], row["currency"]) for name in names[:3]]
            cells.append([printable(row["currency"]) or "-", what, *sums, share, *orders])
            orders = ["", ""]
    heads = ["", "", "closed", "now", "difference", "", "orders closed", "now"]
    lines.append(table(cells, heads=heads, right="llrrrrrr"))
    if found.orders:
        lines.append(f"{count(len(found.orders), 'order')} moved{_most(len(found.orders))}:")
        rows = [
            [printable(row["order_id"]), row["change"], money(row["total_difference"]), money(row["paid_difference"])]
            for row in found.orders[:_SHOWN]
        ]
        lines.append(table(rows, heads=["order", "change", "total", "paid"], right="llrr"))
    if found.events:
        lines.append(
            f"by {count(sum(found.actors.values()), 'event')} that came in since{_first(sum(found.actors.values()))}:"
        )
        rows = [[str(event["position"]), *_event(event)] for event in found.events[:_SHOWN]]
        lines.append(table(rows, heads=["position", "order", "event", "by", "occurred", "recorded"], right="rlllll"))
        lines.append(
            "recorded by " + ", ".join(f"{printable(who) or 'nobody named'}: {n:,}" for who, n in found.actors.items())
        )
    return "\n".join(lines)


def _most(moved: int) -> str:
    return f", by most these {_SHOWN}, --json gives all" if moved > _SHOWN else ""


def _first(came: int) -> str:
    return f", first these {_SHOWN}, --json gives more" if came > _SHOWN else ""


def _event(event: dict[str, Any]) -> list[str]:
    texts = [printable(event[name] or "-") for name in ("order_id", "type", "actor")]
    return [*texts, written(event["occurred_at"]), written(event["recorded_at"])]
