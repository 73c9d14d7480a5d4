"""What came of holding a log to a signed checkpoint, as an answer: for reports and the command line, which go on after it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from orders_es.audit.checkpoint import SignedCheckpoint, check_against_checkpoint, read_checkpoint
from orders_es.errors import DamagedLog, NotAnExtension
from orders_es.log.log_argument import check_log

if TYPE_CHECKING:
    import os

    from orders_es.audit.verify_proof import Key
    from orders_es.log import EventLog

__all__ = ["Against", "against_checkpoint"]


@dataclass(frozen=True, slots=True)
class Against:
    """What came of holding a log to a signed checkpoint.

    Args:
        ok: Whether the log is what was signed, with events added at its end.
        origin: The public name in the checkpoint.
        size: How many events it counts.
        root: The root that it states.
        added: How many events the log has more.
        cosigned: The witnesses that cosigned it, each with the time at which it says so.
        reason: What is wrong; None if nothing is.
    """

    ok: bool
    origin: str
    size: int
    root: bytes
    added: int
    cosigned: dict[str, datetime]
    reason: str | None = None

    def lines(self) -> list[str]:
        """The same in words."""
        if not self.ok:
            return [f"{self.reason}"]
        what = f"it is what {self.origin} signed at {self.size:,} events, root {self.root.hex()}"
        lines = [f"{what}, with {self.added:,} events added at its end"]
        return lines + [f"cosigned by {name} at {moment:%Y-%m-%d %H:%M:%S}Z" for name, moment in self.cosigned.items()]


def against_checkpoint(
    log: EventLog, signed: SignedCheckpoint | str | os.PathLike[str], key: Key | str | os.PathLike[str], **policy: Any
) -> Against:
    """As `check_against_checkpoint`, but a log that is not what was signed is an answer and no error.

    Args:
        signed: The checkpoint, or its file.
        key: The log's public key, or its file.
        policy: As for `check_against_checkpoint`.

    Raises:
        BadKey: A key cannot be used.
        BadCheckpoint: It is malformed, not signed by this key, or not cosigned by enough witnesses.

    Example:
        >>> import tempfile
        >>> from orders_es.audit import checkpoint, generate_key, write_key
        >>> from orders_es.log import NO_STREAM, open_log
        >>> from orders_es.orders import OrderCreated
        >>> private = tempfile.mkdtemp() + "/shop.key"
        >>> public = write_key(generate_key("example.org/shop"), private)
        >>> log = open_log(tempfile.mkdtemp() + "/log", create=True, origin="example.org/shop")
        >>> _ = log.append("A-1", [OrderCreated(currency="EUR")], expected=NO_STREAM)
        >>> signed = checkpoint(log, private)
        >>> _ = log.append("A-2", [OrderCreated(currency="EUR")], expected=NO_STREAM)
        >>> against = against_checkpoint(log, signed, public)
        >>> against.ok, against.added
        (True, 1)
    """
    check_log(log)
    if not isinstance(signed, SignedCheckpoint):
        signed = read_checkpoint(signed)
    try:
        cosigned = check_against_checkpoint(log, signed, key, **policy)
    except (NotAnExtension, DamagedLog) as error:  # `verify` says of damage where it is
        return Against(False, signed.origin, signed.size, signed.root, 0, {}, str(error))
    times = {name: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=at) for name, at in cosigned.items()}
    return Against(True, signed.origin, signed.size, signed.root, log.head().position - signed.size, times)
