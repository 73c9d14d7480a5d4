"""What went wrong, as RFC 9457 has it: `application/problem+json`, the same shape for every error that a request can meet."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from orders_es.errors import (
    CommandRejected,
    DuplicateEvent,
    InvalidEvent,
    InvalidSetting,
    InvalidTime,
    LogBusy,
    LogInUse,
    LogUnavailable,
    NaiveTime,
    NoReadModels,
    OrdersEsError,
    ReadModelsInUse,
    ReadOnlyLog,
    StorageError,
    StreamNotFound,
    UnansweredAppend,
    UnreadableLog,
    UpcastFailed,
    VersionConflict,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.responses import Response

__all__ = ["MEDIA_TYPE", "PROBLEMS", "Problem", "problem_of"]

MEDIA_TYPE = "application/problem+json"
_LOGGER = logging.getLogger("orders_es.http")

PROBLEMS = {
    "bad-request": (400, "The request cannot be understood"),
    "unauthorized": (401, "A token is needed"),
    "forbidden": (403, "This is not permitted"),
    "not-found": (404, "There is no such thing"),
    "method-not-allowed": (405, "That cannot be done here"),
    "not-acceptable": (406, "There is no such form of it"),
    "request-timeout": (408, "The body did not come in time"),
    "rule": (409, "A business rule says no"),
    "conflict": (409, "Somebody else was first"),
    "version-mismatch": (412, "The order is at another version"),
    "too-large": (413, "The body is too large"),
    "unsupported-media-type": (415, "The body has to be JSON"),
    "invalid": (422, "A value cannot be taken"),
    "key-reused": (422, "The idempotency key belongs to another request"),
    "internal": (500, "The server failed"),
    "unavailable": (503, "It cannot be done just now"),
}
"""Each kind of problem: the status that goes with it, and its title."""

_BY_VALUE = frozenset(
    {
        "money_is_exact",
        "at_most_4_decimals",
        "at_most_14_digits",
        "amount_positive",
        "amount_not_negative",
        "amount_not_zero",
        "quantity_whole",
        "quantity_positive",
        "text_given",
        "currency_code",
    }
)
"""Rules that no order of whatever state would allow to be broken: the value is wrong, not the moment."""


_KINDS: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    ((DuplicateEvent,), "key-reused"),
    ((InvalidEvent,), "invalid"),
    ((InvalidTime, NaiveTime, InvalidSetting), "bad-request"),
)
"""Errors that are told as they are."""


class Problem(Exception):
    """An answer that says what went wrong.

    Args:
        kind: One of `PROBLEMS`.
        detail: What happened, to what, and what to do next, for people.
        headers: Beside the answer.
        **facts: For programs: further members of the answer.
    """

    def __init__(self, kind: str, detail: str, headers: Mapping[str, str] | None = None, **facts: Any) -> None:
        super().__init__(kind, detail)
        self.kind = kind
        self.detail = detail
        self.headers = dict(headers or {})
        self.facts = facts

    @property
    def status(self) -> int:
        """The HTTP status."""
        return PROBLEMS[self.kind][0]

    def response(self) -> Response:
        """The answer itself."""
        from starlette.responses import Response

        from orders_es.json_text import json_bytes

        status, title = PROBLEMS[self.kind]
        body = {
            "type": f"urn:orders-es:problem:{self.kind}",
            "title": title,
            "status": status,
            "detail": self.detail,
            **self.facts,
        }
        return Response(json_bytes(body), status, self.headers, MEDIA_TYPE)


def problem_of(error: Exception) -> Problem:
    """The problem that an error comes to. What only concerns whoever runs the server goes to its log, and not to the caller.

    Example:
        >>> problem_of(CommandRejected("placed_once", "it is placed already")).facts
        {'rule': 'placed_once'}
    """
    if isinstance(error, Problem):
        return error
    found = _rejected(error) if isinstance(error, CommandRejected) else _callers(error)
    if found is not None:
        return found
    _LOGGER.error("%s: %s", type(error).__name__, error, exc_info=None if isinstance(error, OrdersEsError) else error)
    if isinstance(error, UnansweredAppend):
        said = "the log did not say whether it was written; send the request again with the same Idempotency-Key"
        return Problem("unavailable", said, {"Retry-After": "1"})
    if isinstance(error, LogBusy | LogInUse | LogUnavailable | ReadModelsInUse | StorageError | UnreadableLog):
        said = f"{type(error).__name__}: nothing was written; the server's own log says more. Try again later"
        return Problem("unavailable", said, {"Retry-After": "1"})
    return Problem("internal", f"{type(error).__name__}: the server's own log says more")


def _callers(error: Exception) -> Problem | None:
    """What an error says to whoever asked; None where it is none of theirs."""
    detail = str(error)
    if isinstance(error, VersionConflict):
        return Problem("conflict", detail, current_version=error.actual)
    if isinstance(error, StreamNotFound):
        said = f"there is no {error.what} {error.stream_id!r}, or nothing of it at that moment"
        return Problem("not-found", said, suggestions=list(error.suggestions))
    if isinstance(error, NoReadModels):
        return Problem("not-found", "there is no read-model file yet, or no projection in it")
    if isinstance(error, ReadOnlyLog):
        return Problem("forbidden", "the log cannot be written by this server")
    if isinstance(error, UpcastFailed):
        return None
    kind = next((kind for classes, kind in _KINDS if isinstance(error, classes)), None)
    return None if kind is None else Problem(kind, detail)


def _rejected(error: CommandRejected) -> Problem:
    if error.rule == "one_command_per_id":
        return Problem("key-reused", error.message, rule=error.rule)
    if error.rule == "created_first":
        return Problem("not-found", error.message, rule=error.rule)
    return Problem("invalid" if error.rule in _BY_VALUE else "rule", error.message, rule=error.rule)
