"""The commands that hand proofs out: `prove` and `prove-consistency`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from orders_es.cli.options import as_json, existing_log, log_option
from orders_es.cli.output import count, print_json, print_text

if TYPE_CHECKING:
    from orders_es.audit.receipt import MadeReceipt
    from orders_es.log import EventLog

__all__ = ["prove", "prove_consistency"]


@click.command(short_help="A receipt: that an event, or an order's events, were in the log when it was signed.")
@click.argument("what", metavar="POSITION|ORDER")
@click.option(
    "--position", "meant", flag_value="position", help="It is a position, though there is an order of that name."
)
@click.option("--order", "meant", flag_value="order", help="It is an order, though it looks like a position.")
@click.option(
    "--checkpoint", metavar="FILE", help="The signed checkpoint; the newest one kept beside the log if left out."
)
@click.option("--without-payload", is_flag=True, help="Hand on the payloads' hashes only.")
@click.option(
    "--out", metavar="FILE", type=click.Path(path_type=Path), help="Write it there; onto the screen if left out."
)
@click.option("--with-checkers", is_flag=True, help="Put verify_proof.py and verify-proof.html beside it; needs --out.")
@click.option(
    "--cose", is_flag=True, help="A COSE receipt (RFC 9942) instead; needs --key and --out, and takes a position."
)
@click.option("--key", metavar="FILE", type=click.Path(path_type=Path), help="The private key, for a COSE receipt.")
@log_option()
@as_json
def prove(
    what: str,
    meant: str | None,
    checkpoint: str | None,
    without_payload: bool,
    out: Path | None,
    with_checkers: bool,
    cose: bool,
    key: Path | None,
    log: str,
    as_json: bool,
) -> None:
    """Make a receipt, a C2SP .tlog-proof, for the event at a position or for all events of an order.

    Whoever holds it and the log's public key can check it without the log: with orders-es verify-proof, with one Python file
    alone, or in a browser. It proves that these events were in the log when it was signed. It does not prove that there were
    no others.

    \b
    Example:
      orders-es prove S-000201 --out S-000201.tlog-proof --log my-log
      orders-es prove 4711 --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from orders_es.audit.checkpoint import write_whole
    from orders_es.log.target import check_target

    if with_checkers and out is None:
        raise click.UsageError("--with-checkers puts files beside the receipt, so it needs --out FILE")
    if cose or key is not None:
        if not cose or key is None or out is None:
            raise click.UsageError(
                "a COSE receipt takes all three: --cose, --key FILE (it is signed anew) and --out FILE"
            )
        _cose(what, key, checkpoint, out, log, payload=not without_payload, as_json=as_json)
        return
    with existing_log(log) as opened:
        if out is not None:
            check_target(opened, out)
        made = _made(opened, what, meant, checkpoint, payload=not without_payload)
    written = []
    if out is not None:
        write_whole(out, made.text)
        written = [out, *(_checkers(out.parent) if with_checkers else [])]
    if as_json:
        facts = {"positions": made.positions, "size": made.size, "later": made.later}
        print_json({"log": log, **facts, "files": [str(path) for path in written], "proof": str(made)})
        return
    if out is None:
        print_text(str(made).removesuffix("\n"))
    else:
        click.echo(f"wrote {', '.join(str(path) for path in written)}")
    if made.later:
        more = f"{count(made.later, 'event')} of the order came after that checkpoint and are not in it"
        click.echo(f"{more}; sign the log and prove again for those", err=True)


def _made(log: EventLog, what: str, meant: str | None, checkpoint: str | None, *, payload: bool) -> MadeReceipt:
    from orders_es.audit.receipt import prove_order, prove_position

    number = what.isascii() and what.isdigit() and len(what) <= 18  # noqa: PLR2004 - more digits are no position
    if meant == "position" and not number:
        raise click.UsageError(f"{what!r} is no position; a position is a number: 1, 2, 3 …")
    if meant is None and number and log.stream_version(what):
        raise click.UsageError(f"{what} is an order as well as a position; say which: --order or --position")
    if number and meant != "order":
        return prove_position(log, int(what), checkpoint=checkpoint, payload=payload)
    return prove_order(log, what, checkpoint=checkpoint, payload=payload)


def _cose(what: str, key: Path, checkpoint: str | None, out: Path, log: str, *, payload: bool, as_json: bool) -> None:
    from orders_es.audit.checkpoint import write_whole
    from orders_es.audit.cose import cose_receipt
    from orders_es.log.target import check_target

    if not (what.isascii() and what.isdigit() and len(what) <= 18):  # noqa: PLR2004 - more digits are no position
        raise click.UsageError(
            f"{what!r} is no position, and a COSE receipt is about one event; orders-es history says at which"
        )
    with existing_log(log) as opened:
        check_target(opened, out)
        write_whole(out, cose_receipt(opened, int(what), key, checkpoint=checkpoint, payload=payload))
    if as_json:
        print_json({"log": log, "positions": [int(what)], "files": [str(out)]})
    else:
        click.echo(f"wrote {out}; this form does not sign the log's size, the .tlog-proof does")


def _checkers(folder: Path) -> list[Path]:
    """Copies of the two checkers, in a folder."""
    from importlib.resources import files

    from orders_es.audit.checkpoint import write_whole

    written = []
    for name in ("verify_proof.py", "verify-proof.html"):
        write_whole(folder / name, files("orders_es.audit").joinpath(name).read_bytes())
        written.append(folder / name)
    return written


@click.command("prove-consistency", short_help="A proof that one signed log is another one with events added.")
@click.argument("old", metavar="OLD", type=click.Path(path_type=Path))
@click.argument("new", metavar="[NEW]", required=False, type=click.Path(path_type=Path))
@click.option(
    "--out", metavar="FILE", type=click.Path(path_type=Path), help="Write it there; onto the screen if left out."
)
@log_option()
@as_json
def prove_consistency(old: Path, new: Path | None, out: Path | None, log: str, as_json: bool) -> None:
    """Make a proof that the log at checkpoint NEW is the log at checkpoint OLD with events added at its end.

    NEW is the newest checkpoint kept beside the log if left out; OLD is 0 for a witness that has not seen the log yet. The proof
    holds NEW, and has the form in which a C2SP witness takes it. To check it: orders-es verify-proof PROOF --old OLD --key VKEY.

    \b
    Example:
      orders-es prove-consistency june.checkpoint --out june-to-now.proof --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from orders_es import audit
    from orders_es.audit.checkpoint import write_whole
    from orders_es.log.target import check_target

    with existing_log(log) as opened:
        if out is not None:
            check_target(opened, out)
        later = audit.newest_checkpoint(opened) if new is None else audit.read_checkpoint(new)
        earlier = None if str(old) == "0" else audit.read_checkpoint(old)
        made = audit.prove_consistency(opened, earlier, later)
    if out is not None:
        write_whole(out, made)
    if as_json:
        print_json({"log": log, "old": str(old), "size": later.size, "proof": made.decode(), "out": out and str(out)})
    elif out is None:
        print_text(made.decode().removesuffix("\n"))
    else:
        click.echo(f"wrote {out}")
