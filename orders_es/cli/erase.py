"""`orders-es erase`: remove the personal data of an order or a customer, with every proof in place."""

from __future__ import annotations

import click

from orders_es.cli.log_lines import log_lines, teller
from orders_es.cli.options import as_json, existing_log, log_option, order_id
from orders_es.cli.output import count, print_json, print_text, printable

__all__ = ["erase"]


@click.command(short_help="Erase the personal data of an order or a customer.")
@log_lines
@click.argument("order", metavar="[ORDER]", required=False, callback=order_id)
@click.option("--customer", metavar="ID", help="All orders of this customer.")
@click.option("--why", metavar="TEXT", required=True, help="What for; it is kept for good, so it names nobody.")
@click.option("--by", metavar="WHO", help="Who does it; the user's name if left out.")
@click.option(
    "--leave-unsalted",
    is_flag=True,
    help="Erase the others where some events were recorded before their fields were marked as personal.",
)
@log_option()
@as_json
def erase(
    order: str | None,
    customer: str | None,
    why: str,
    by: str | None,
    leave_unsalted: bool,
    log: str,
    as_json: bool,
) -> None:
    """Erase what event types mark as personal, in all events of an order or of all orders of a customer, and record that in the log.

    Every leaf stays, and so every checkpoint and receipt. Backups, exports and receipts that were handed out are not reached.

    \b
    Example:
      orders-es erase --customer C-7 --why "request of 3 June" --log my-log
      orders-es erase A-1 --why "request of 3 June" --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from orders_es import audit

    if (order is None) == (customer is None):
        raise click.UsageError("whose? Give an ORDER, or --customer ID")
    with existing_log(log, writes=True) as opened:
        done = audit.erase(opened, order, customer=customer, why=why, by=by, leave_unsalted=leave_unsalted)
    if as_json:
        print_json({"log": log, **{name: getattr(done, name) for name in done.__slots__}})
        return
    if not done.positions:
        print_text("there is nothing to erase")
    else:
        where = count(len(done.streams), "stream")
        print_text(
            f"erased the personal data of {count(len(done.positions), 'event')} of {where}; recorded at position "
            f"{done.position:,}, by {printable(done.erased_by)}"
        )
        teller()(
            "read models: orders-es project run computes their tables anew; tables of handlers take a rebuild; backups, exports and receipts are not reached"
        )
    if done.left:
        print_text(f"{count(len(done.left), 'event')} without a salt stay as they are")
