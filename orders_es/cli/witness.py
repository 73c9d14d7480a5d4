"""The commands around cosignatures: `witness sign`, `witness add`."""

from __future__ import annotations

from pathlib import Path

import click

from orders_es.cli.checkpoint import private_key_option, said_of
from orders_es.cli.options import as_json, existing_log, log_option
from orders_es.cli.output import print_json, print_text, printable

__all__ = ["witness"]


@click.group(short_help="Cosignatures: be a witness of somebody's log, keep what witnesses of your own said.")
def witness() -> None:
    """Cosignatures of checkpoints, by people who are not the log's keeper.

    A witness remembers the last checkpoint of each log that it saw, and cosigns a later one only if that is the earlier one
    with events added at its end. So a log cannot show one past to some and another to others.
    """


@witness.command("sign", short_help="As a witness: check that a log only grew, and cosign its checkpoint.")
@click.argument("proof", metavar="PROOF", type=click.Path(path_type=Path))
@private_key_option
@click.option("--log-key", metavar="VKEY", required=True, help="The public key of the log, or a file that holds it.")
@click.option(
    "--memory",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Where what was seen is remembered; KEY.seen if left out.",
)
@click.option(
    "--out", metavar="FILE", type=click.Path(path_type=Path), help="Write it there; onto the screen if left out."
)
@as_json
def sign(proof: Path, key: Path, log_key: str, memory: Path | None, out: Path | None, as_json: bool) -> None:
    """Check PROOF, which came from prove-consistency, against what this witness saw last, and cosign the checkpoint in it.

    The log itself is not needed. Exits with 1 and signs nothing if the checkpoint does not follow on what was seen last.

    \b
    Example:
      orders-es keygen example.org/witness --witness --out w.key
      orders-es witness sign june.proof --key w.key --log-key shop.key.pub --out june.cosigned
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from orders_es import audit
    from orders_es.audit.checkpoint import write_whole

    line = audit.cosign(proof, key, log_key, memory=memory or Path(f"{key}.seen"))
    if out is not None:
        write_whole(out, line.encode())
    if as_json:
        print_json({"cosignature": line, "out": None if out is None else str(out)})
    else:
        print_text(f"wrote {out}" if out is not None else line.removesuffix("\n"))


@witness.command("add", short_help="Add cosignatures to the checkpoint that is kept beside the log.")
@click.argument("cosigned", metavar="FILE…", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--witness", metavar="VKEY", multiple=True, required=True, help="A witness's public key; may be repeated."
)
@click.option(
    "--checkpoint",
    metavar="FILE",
    help="The checkpoint that was cosigned; the newest one kept beside the log if left out.",
)
@log_option()
@as_json
def keep(cosigned: tuple[Path, ...], witness: tuple[str, ...], checkpoint: str | None, log: str, as_json: bool) -> None:
    """Check what witnesses answered, and keep their cosignatures with the checkpoint, so that receipts hold them too.

    FILE is what a witness answered, or a folder of such files. All of them are checked before any is kept: one that is
    no good is named, and nothing is kept.

    \b
    Example:
      orders-es witness add june.cosigned --witness w.key.pub --log my-log
      orders-es witness add answers/ --witness w1.key.pub --witness w2.key.pub --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from orders_es import audit

    with existing_log(log, writes=True) as opened:
        signed, names = audit.keep_cosignatures(opened, _files(cosigned), witness, checkpoint=checkpoint)
    if as_json:
        print_json({"log": log, "witnesses": names, **said_of(signed)})
    else:
        print_text(f"kept the cosignature of {', '.join(map(printable, names))} at {signed.size:,} events")


def _files(places: tuple[Path, ...]) -> list[Path]:
    """The files, and those in the folders."""
    found: list[Path] = []
    for place in places:
        within = sorted(file for file in place.iterdir() if file.is_file()) if place.is_dir() else [place]
        if not within:
            raise click.UsageError(f"the folder {place} holds no file that a witness could have answered")
        found += within
    return list(dict.fromkeys(found))
