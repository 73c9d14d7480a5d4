"""The command `keygen`: keys that sign checkpoints."""

from __future__ import annotations

from pathlib import Path

import click

from orders_es.cli.options import as_json, existing_log, log_option
from orders_es.cli.output import print_json, print_text

__all__ = ["keygen"]


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
