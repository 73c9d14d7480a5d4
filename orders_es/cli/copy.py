"""The command `copy`: the same log at another place, in whatever form, proven equal."""

from __future__ import annotations

import click

from orders_es.cli.log_lines import log_lines, somebody_watches
from orders_es.cli.options import as_json, existing_log
from orders_es.cli.output import count, print_json, printable

__all__ = ["copy"]


@click.command(short_help="Copy a log to a new place, folder, .duckdb file or server, and prove it equal.")
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@log_lines
@as_json
def copy(source: str, target: str, as_json: bool) -> None:
    """Copy the log FROM to the new place TO, and prove that the tree roots are equal.

    Either may be a folder, a .duckdb file or a postgresql:// URL. Every event keeps its position, version, ids and both times. The copy is at
    TO only once it is whole and its root, computed from its own events, is that of FROM; until then it is beside that
    place, under a name with "incomplete" in it (on a server, nobody can open it), and the same call goes on where it ended. FROM is only read.

    \b
    Example:
      orders-es copy my-log my-log.duckdb
      orders-es copy my-log.duckdb another-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from orders_es.log import open_log
    from orders_es.log.copy import copy_log

    with existing_log(source) as log:
        done = copy_log(log, target, progress=somebody_watches(as_json))
    with open_log(target, read_only=True) as copied:  # as everybody will find it
        head = copied.head()
    equal = head.root == done.root
    if as_json:
        print_json(
            {
                "from": source,
                "to": target,
                "events": done.events,
                "resumed": done.resumed,
                "root_from": done.root,
                "root_to": head.root,
                "equal": equal,
                "seconds": done.seconds,
            }
        )
    else:
        went_on = f", {done.resumed:,} of them by an earlier call" if done.resumed else ""
        click.echo(f"{count(done.events, 'event')} in {done.seconds:.1f} s{went_on}")
        click.echo(f"root of {printable(source)}: {done.root.hex()}")
        click.echo(f"root of {printable(target)}: {head.root.hex()}")
        click.echo("the roots are equal" if equal else "the roots differ: somebody appended to the copy meanwhile")
    if not equal:
        click.get_current_context().exit(1)
