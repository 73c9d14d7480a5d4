"""The commands around legal holds: `hold place`, `hold release`, `hold list`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from orders_es.cli.options import as_json, existing_log, log_option, order_id
from orders_es.cli.output import count, print_json, print_text, printable, tell_notes
from orders_es.orders.moments import spoken

if TYPE_CHECKING:
    from orders_es.audit.holds import Hold

__all__ = ["hold"]

_by = click.option("--by", metavar="WHO", help="Whose hold it is; the user's name if left out.")
_why = click.option("--why", metavar="TEXT", required=True, help="What for, such as the number of the case.")


@click.group(short_help="Keep orders and customers from being erased.")
def hold() -> None:
    """Legal holds: while one is in force, nothing is erased of its order or customer."""


@hold.command(short_help="Place a hold on an order or a customer.")
@click.argument("order", metavar="[ORDER]", required=False, callback=order_id)
@click.option("--customer", metavar="ID", help="All orders of this customer.")
@_why
@_by
@log_option()
@as_json
def place(order: str | None, customer: str | None, why: str, by: str | None, log: str, as_json: bool) -> None:
    """Place a legal hold; it is recorded in the log.

    \b
    Example:
      orders-es hold place --customer C-7 --why "case 17" --by Legal --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from orders_es import audit

    if (order is None) == (customer is None):
        raise click.UsageError("on whom? Give an ORDER, or --customer ID")
    with existing_log(log, writes=True) as opened:
        placed = audit.place_hold(opened, order, customer=customer, why=why, by=by)
        orders = audit.covered(opened, placed)
    if as_json:
        print_json({"log": log, "holds": [placed], "covers": orders})
        return
    _tell([placed], log, as_json=False)
    print_text(f"it covers {count(len(orders), 'order')} that the log has now")
    if not orders:
        tell_notes(
            [f"the log has nothing of {placed.kind} {placed.subject!r} yet; if the name is mistyped, release the hold"]
        )


@hold.command(short_help="Release a hold.")
@click.argument("hold_id", metavar="HOLD")
@_why
@_by
@log_option()
@as_json
def release(hold_id: str, why: str, by: str | None, log: str, as_json: bool) -> None:
    """Release a legal hold; that is recorded as well.

    \b
    Example:
      orders-es hold release H-1 --why "closed" --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from orders_es import audit

    with existing_log(log, writes=True) as opened:
        _tell([audit.release_hold(opened, hold_id, why=why, by=by)], log, as_json=as_json)


@hold.command("list", short_help="The holds that there are and were.")
@log_option()
@as_json
def list_(log: str, as_json: bool) -> None:
    """All legal holds, those that were released as well.

    \b
    Example:
      orders-es hold list --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from orders_es import audit

    with existing_log(log) as opened:
        _tell(audit.holds(opened), log, as_json=as_json)


def _tell(found: list[Hold], log: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"log": log, "holds": found})
        return
    print_text("\n".join(map(_line, found)) or "there are no legal holds")


def _line(one: Hold) -> str:
    placed = f"placed by {printable(one.placed_by)} at {spoken(one.placed_at)} ({printable(one.why)})"
    released = (
        "in force"
        if one.released_at is None
        else f"released by {printable(one.released_by or '-')} at {spoken(one.released_at)}"
    )
    return f"{one.hold}: {one.kind} {printable(one.subject)}, {placed}; {released}"
