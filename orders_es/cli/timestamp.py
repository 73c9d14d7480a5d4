"""The commands around RFC 3161 time stamps: `timestamp request`, `timestamp get`, `timestamp keep`, `timestamp check`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from orders_es.cli.options import as_json, existing_log, log_option
from orders_es.cli.output import print_json, print_text
from orders_es.orders.moments import format_instant

if TYPE_CHECKING:
    from orders_es.audit.timestamps import TimeStamp

__all__ = ["timestamp"]

_authority = click.option(
    "--ca",
    metavar="FILE",
    type=click.Path(path_type=Path),
    required=True,
    help="The certificates, in PEM, that are trusted.",
)
_chosen = click.option(
    "--checkpoint", metavar="FILE", help="The signed checkpoint; the newest one kept beside the log if left out."
)


@click.group(short_help="RFC 3161 time stamps of checkpoints.")
def timestamp() -> None:
    """RFC 3161 time stamps: that a checkpoint existed at a moment, on the word of a time-stamping authority.

    What is stamped is the checkpoint's text without its signatures. They need the extra: pip install 'orders_es[timestamps]'
    """


@timestamp.command(short_help="Write what an authority is sent.")
@click.option(
    "--out", metavar="FILE", type=click.Path(path_type=Path), required=True, help="The request's file, in DER."
)
@_chosen
@log_option()
@as_json
def request(out: Path, checkpoint: str | None, log: str, as_json: bool) -> None:
    """Write a time-stamp request for a checkpoint, to be sent to an authority by other means.

    \b
    Example:
      orders-es timestamp request --out june.tsq --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from orders_es import audit
    from orders_es.audit.checkpoint import write_whole
    from orders_es.audit.timestamps import request_timestamp
    from orders_es.log.target import check_target

    with existing_log(log) as opened:
        check_target(opened, out)
        signed = audit.newest_checkpoint(opened) if checkpoint is None else audit.read_checkpoint(checkpoint)
    write_whole(out, request_timestamp(signed))
    if as_json:
        print_json({"log": log, "size": signed.size, "out": str(out)})
    else:
        print_text(f"wrote {out}, for the checkpoint of {signed.size:,} events")


@timestamp.command(short_help="Ask an authority over HTTP, and keep its answer.")
@click.argument("url", metavar="URL")
@_authority
@_chosen
@log_option()
@as_json
def get(url: str, ca: Path, checkpoint: str | None, log: str, as_json: bool) -> None:
    """Send a checkpoint's hash to a time-stamping authority, check the answer, and keep it with the checkpoint.

    \b
    Example:
      orders-es timestamp get https://tsa.example.org --ca tsa.pem --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from orders_es import audit
    from orders_es.audit.timestamps import fetch_timestamp, keep_timestamp

    with existing_log(log, writes=True) as opened:
        signed = audit.newest_checkpoint(opened) if checkpoint is None else audit.read_checkpoint(checkpoint)
        stamp = keep_timestamp(opened, fetch_timestamp(url, signed), ca, checkpoint=signed)
    _say(stamp, as_json=as_json)


@timestamp.command(short_help="Check an authority's answer, and keep it with the checkpoint.")
@click.argument("stamp", metavar="FILE", type=click.Path(path_type=Path))
@_authority
@_chosen
@log_option()
@as_json
def keep(stamp: Path, ca: Path, checkpoint: str | None, log: str, as_json: bool) -> None:
    """Check what an authority answered, and keep it beside the log, with the checkpoint that it stamps.

    \b
    Example:
      orders-es timestamp keep june.tsr --ca tsa.pem --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from orders_es.audit.timestamps import keep_timestamp

    with existing_log(log, writes=True) as opened:
        kept = keep_timestamp(opened, stamp, ca, checkpoint=checkpoint)
    _say(kept, as_json=as_json)


@timestamp.command(short_help="Check a time stamp, without the log.")
@click.argument("checkpoint", metavar="CHECKPOINT", type=click.Path(path_type=Path))
@click.argument("stamp", metavar="FILE", type=click.Path(path_type=Path))
@_authority
@as_json
def check(checkpoint: Path, stamp: Path, ca: Path, as_json: bool) -> None:
    """Check that a checkpoint existed when an authority says that it did. Exits with 1 if the stamp is none, or of something else.

    \b
    Example:
      orders-es timestamp check june.checkpoint june.tsr --ca tsa.pem
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from orders_es.audit.timestamps import check_timestamp

    _say(check_timestamp(checkpoint, stamp, ca), as_json=as_json)


def _say(stamp: TimeStamp, *, as_json: bool) -> None:
    if as_json:
        print_json({"size": stamp.size, "at": stamp.at, "path": None if stamp.path is None else str(stamp.path)})
        return
    print_text(f"the checkpoint of {stamp.size:,} events existed at {format_instant(stamp.at)}")
    if stamp.path is not None:
        print_text(f"kept: {stamp.path}")
