"""The command `checkpoint`: the head of a log, signed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from orders_es.cli.log_lines import log_lines, somebody_watches
from orders_es.cli.options import as_json, existing_log, log_option
from orders_es.cli.output import print_json, print_text, printable

if TYPE_CHECKING:
    from orders_es.audit.checkpoint import SignedCheckpoint

__all__ = ["checkpoint", "printable_note", "said_of"]

private_key_option = click.option(
    "--key", metavar="FILE", type=click.Path(path_type=Path), required=True, help="The private key that signs."
)


def said_of(signed: SignedCheckpoint) -> dict[str, object]:
    """A checkpoint as JSON has it."""
    path = None if signed.path is None else str(signed.path)
    return {"origin": signed.origin, "size": signed.size, "root": signed.root, "note": str(signed), "path": path}


@click.command(short_help="Sign the head of a log, in a form that others can keep and hold it to.")
@log_lines
@private_key_option
@click.option("--out", metavar="FILE", type=click.Path(path_type=Path), help="Write the checkpoint there as well.")
@click.option(
    "--memory",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Where the key's last checkpoint is; FILE.signed if left out.",
)
@log_option()
@as_json
def checkpoint(key: Path, out: Path | None, memory: Path | None, log: str, as_json: bool) -> None:
    """Sign how many events the log has and the root of the tree over them, as a C2SP checkpoint (a signed note).

    First every event since the last signed checkpoint is read and hashed, and the log is proven to be what was signed then
    with events added at its end; otherwise nothing is signed, and the exit code is 1.

    The checkpoint is kept beside the log, in checkpoints/. There it proves nothing: whoever can rewrite the log can rewrite
    it too. Hand it on: orders-es publish.

    \b
    Example:
      orders-es checkpoint --key ~/shop.key --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from orders_es import audit
    from orders_es.audit.checkpoint import write_whole
    from orders_es.log.target import check_target

    with existing_log(log, writes=True) as opened:
        if out is not None:
            check_target(opened, out)
        signed = audit.checkpoint(opened, key, memory=memory, progress=somebody_watches(as_json))
    if out is not None:
        write_whole(out, signed.note)
    if as_json:
        print_json({"log": log, **said_of(signed)})
    else:
        print_text(printable_note(str(signed)))
        click.echo("kept beside the log, where it proves nothing; hand it on: orders-es publish PLACE", err=True)


def printable_note(note: str) -> str:
    """A note that cannot move the cursor, its lines as they are."""
    return "\n".join(printable(line) for line in note.removesuffix("\n").split("\n"))
