"""What a server is told when it is made: who may do what, how much, and what there is to ask."""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from orders_es.errors import InvalidSetting
from orders_es.log.limits import LONGEST_ID

if TYPE_CHECKING:
    from orders_es.projections.lag import LagLimits
    from orders_es.read_models import Folders

__all__ = ["Right", "ServerSettings", "Token", "is_loopback", "tokens_in"]

Right = Literal["open", "read", "write"]
"""What a request needs: nothing, to read, or to write."""
_SHORTEST = 16


@dataclass(frozen=True, slots=True)
class Token:
    """What lets somebody in. Only its hash is kept.

    Args:
        digest: SHA-256 of the token.
        right: What it permits: `read`, or `write`, which includes reading.
        name: Who has it: the actor of every event that it leads to. Without a name a request may say who acts.
    """

    digest: bytes = field(repr=False)
    right: Right
    name: str | None = None

    @classmethod
    def of(cls, text: str, right: Right, name: str | None = None) -> Token:
        """The token of that text.

        Raises:
            InvalidSetting: It is shorter than 16 characters, or holds others than visible ASCII.

        Example:
            >>> Token.of("3q9-Zm2xWcB7t5Lk", "read", "auditor").name
            'auditor'
        """
        if len(text) < _SHORTEST or not all("!" <= c <= "~" for c in text):
            raise InvalidSetting(
                "token",
                "…",
                f"a token has at least {_SHORTEST} visible ASCII characters, such as `openssl rand -hex 24` gives",
            )
        if name is not None and (not name or len(name.encode()) > LONGEST_ID or "\0" in name):
            raise InvalidSetting("token", name, f"the name of who has a token is text of 1 to {LONGEST_ID:,} bytes")
        return cls(hashlib.sha256(text.encode()).digest(), right, name)

    def is_of(self, text: bytes) -> bool:
        """Whether it is the token of that text; it takes equally long for any."""
        return hmac.compare_digest(self.digest, hashlib.sha256(text).digest())


def tokens_in(text: str, right: Right) -> list[Token]:
    """The tokens that a text holds, one on each line: `TOKEN`, or `NAME:TOKEN`. Empty lines, and those that begin with `#`, do not count.

    Args:
        right: What they permit.

    Raises:
        InvalidSetting: A line holds none.

    Example:
        >>> [token.name for token in tokens_in("ann:3q9-Zm2xWcB7t5Lk", "write")]
        ['ann']
    """
    lines = [line.strip() for line in text.splitlines()]
    found = []
    for line in lines:
        if line and not line.startswith("#"):
            name, colon, token = line.rpartition(":")
            found.append(Token.of(token, right, name if colon else None))
    return found


def is_loopback(host: str) -> bool:
    """Whether only programs of this machine reach a server at that address.

    Example:
        >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("localhost"), is_loopback("0.0.0.0")
        (True, True, True, False)
    """
    import ipaddress

    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """How a server behaves.

    Args:
        tokens: Who may come in; without any, everybody who reaches it may read and write, and it answers only to names of this machine.
        read_only: Take no commands from anybody.
        currency: That of new orders that name none; without it each has to.
        models: The read-model file, for lag; none is watched if left out.
        read_models: Folders with read models beside the house's own.
        lag_limits: Where one state of a projection ends and the next begins.
        most_body: Bytes of a request's body.
        body_within: Seconds in which a body has to have come in.
        most_streams: How many may follow the events at a time.
        queries: How many read models are computed at a time; others wait.
        heartbeat: Seconds after which a quiet stream of server-sent events gets a sign of life.

    Raises:
        InvalidSetting: A number is not above zero, or the currency no code.
    """

    tokens: tuple[Token, ...] = ()
    read_only: bool = False
    currency: str | None = None
    models: str | None = None
    read_models: Folders = None
    lag_limits: LagLimits | None = None
    most_body: int = 65_536
    body_within: float = 30.0
    most_streams: int = 2_000
    queries: int = 2
    heartbeat: float = 15.0

    def __post_init__(self) -> None:
        if self.currency is not None and not re.fullmatch(r"[A-Z]{3}", self.currency):
            raise InvalidSetting("currency", self.currency, "give a code of three capital letters, such as GBP")
        for name in ("most_body", "body_within", "most_streams", "queries", "heartbeat"):
            if not getattr(self, name) > 0:
                raise InvalidSetting(name, getattr(self, name), "give more than 0")
