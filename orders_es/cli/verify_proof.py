"""The command `verify-proof`: receipts and proofs checked without the log."""

from __future__ import annotations

from pathlib import Path

import click

from orders_es.cli.options import as_json
from orders_es.cli.output import print_json, print_text, printable

__all__ = ["verify_proof"]


@click.command("verify-proof", short_help="Check receipts and consistency proofs, without the log.")
@click.argument("proofs", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--key", metavar="VKEY", required=True, help="The log's public key, or a file that holds it.")
@click.option("--witness", metavar="VKEY", multiple=True, help="A witness that has to have cosigned; may be repeated.")
@click.option("--quorum", metavar="N", type=click.IntRange(min=0), help="How many of the witnesses; all if left out.")
@click.option("--origin", metavar="NAME", help="The log's public name, where it is not the key's.")
@click.option(
    "--record", metavar="FILE", type=click.Path(path_type=Path), help="The record, for a proof that lacks it."
)
@click.option("--old", metavar="FILE", help="The earlier checkpoint, for a consistency proof.")
@as_json
def verify_proof(
    proofs: tuple[Path, ...],
    key: str,
    witness: tuple[str, ...],
    quorum: int | None,
    origin: str | None,
    record: Path | None,
    old: str | None,
    as_json: bool,
) -> None:
    """Check receipts that came from prove, or proofs that came from prove-consistency. The log is not needed.

    The public key has to come from somewhere else than the proof. Exits with 1 if one of them does not hold.

    \b
    Example:
      orders-es verify-proof S-000201.tlog-proof --key shop.key.pub
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from orders_es.audit.checking import check_file

    raw = None if record is None else record.read_bytes()
    answers = [
        check_file(path, key, record=raw, old=old, witnesses=witness, quorum=quorum, origin=origin) for path in proofs
    ]
    if as_json:
        print_json({"holds": all(answer.holds for answer in answers), "proofs": answers})
    else:
        for answer in answers:
            lines = answer.lines if answer.holds else [f"{answer.reason}"]
            head = f"{answer.proof}: " if len(answers) > 1 and answer.holds else ""
            print_text(head + "\n".join(map(printable, lines)))
    if not all(answer.holds for answer in answers):
        click.get_current_context().exit(1)
