"""The commands that make keys and sign the head of a log: `keygen`, `checkpoint`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from orders_es.cli.options import as_json, existing_log, log_option
from orders_es.cli.output import print_json, print_text, printable

if TYPE_CHECKING:
    from orders_es.audit.checkpoint import SignedCheckpoint

__all__ = ["checkpoint", "keygen", "private_key_option", "said_of"]

private_key_option = click.option(
    "--key", metavar="FILE", type=click.Path(path_type=Path), required=True, help="The private key that signs."
)


def said_of(signed: SignedCheckpoint) -> dict[str, object]:
    """A checkpoint as JSON has it."""
    path = None if signed.path is None else str(signed.path)
    return {"origin": signed.origin, "size": signed.size, "root": signed.root, "note": str(signed), "path": path}


@click.command(short_help="Make a key that signs checkpoints.")
@click.argument("name", metavar="[NAME]", required=False)
@click.option(
    "--out", metavar="FILE", type=click.Path(path_type=Path), required=True, help="The new private key's file."
)
@click.option("--witness", is_flag=True, help="A key that cosigns checkpoints of other people's logs.")
@log_option(required=False)
@as_json
def keygen(name: str | None, out: Path, witness: bool, log: str | None, as_json: bool) -> None:
    """Make a key pair: the private key goes into FILE, which you alone can read, the public one into FILE.pub.

    NAME is the log's public name, as it will stand in every checkpoint: like a web address without its scheme. With --log
    and no NAME it is the log's own name. One key is for one log.

    Keep the private key away from the log's folder and from those who write to the log. Give the public key to those who
    will check, by a way of its own: whoever can change both the log and your copy of the key can change what you believe.

    \b
    Example:
      orders-es keygen example.com/shop --out ~/shop.key
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from orders_es.audit.keys import generate_key, write_key
    from orders_es.log.target import check_target

    if name is None:
        if log is None:
            raise click.UsageError("whose key? Give a NAME, such as example.com/shop, or --log DIR")
        with existing_log(log) as opened:
            name = opened.origin
            check_target(opened, out)
    signer = generate_key(name, witness=witness)
    public = write_key(signer, out)
    if as_json:
        print_json({"name": name, "public_key": str(signer.key), "private": str(out), "public": str(public)})
    else:
        print_text(f"private key: {out} (mode 0600; keep it away from the log)\npublic key:  {public}\n{signer.key}")


@click.command(short_help="Sign the head of a log, in a form that others can keep and hold it to.")
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
    import sys

    from orders_es import audit
    from orders_es.audit.checkpoint import write_whole
    from orders_es.log.target import check_target

    with existing_log(log) as opened:
        if out is not None:
            check_target(opened, out)
        signed = audit.checkpoint(opened, key, memory=memory, progress=not as_json and sys.stderr.isatty())
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
