"""What a request asks, read and checked: parameters, moments, paging, the wanted form, versions. The caller's slips become problems."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from orders_es.http.problems import Problem
from orders_es.log.limits import check_stream_id
from orders_es.orders.moments import resolve, zone_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from starlette.requests import Request

__all__ = ["MOMENTS", "form_of", "moments_of", "number_of", "order_id_of", "parameters", "same_version", "versions_of"]

MOMENTS = ("at", "known_at", "recorded_by", "tz")
"""The parameters that say which moment is asked about."""
_ETAG = re.compile(r'(W/)?"([^"]*)"')
_MOST = 2**63 - 1


def parameters(request: Request, known: Iterable[str]) -> dict[str, str]:
    """The request's parameters, each given once.

    Args:
        known: The names that there are here.

    Raises:
        Problem: There is another one, or one twice.
    """
    names = list(known)
    found: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name not in names:
            raise Problem("bad-request", f"there is no parameter {name!r} here; there are {', '.join(names) or 'none'}")
        if name in found:
            raise Problem("bad-request", f"the parameter {name!r} stands there twice; say it once")
        found[name] = value
    return found


def moments_of(given: Mapping[str, str]) -> dict[str, Any]:
    """The moments that are asked about, in UTC: `at`, `known_at` and `recorded_by`; None where there is no limit.

    Raises:
        InvalidTime: One names no moment.
    """
    zone = zone_of(given.get("tz"))
    return {name: resolve(name, given.get(name), zone) for name in MOMENTS[:3]}


def number_of(given: Mapping[str, str], name: str, default: int, *, least: int = 0, most: int = _MOST) -> int:
    """A whole number among the parameters.

    Raises:
        Problem: It is none, or out of range.
    """
    text = given.get(name)
    if text is None:
        return default
    if not re.fullmatch(r"[0-9]{1,19}", text) or not least <= int(text) <= most:
        raise Problem("bad-request", f"{name}={text!r}: give a whole number from {least:,} to {most:,}")
    return int(text)


def order_id_of(request: Request) -> str:
    """The order that the path names.

    Raises:
        Problem: There can be none of that name.
    """
    try:
        return check_stream_id(unquote_to_bytes(request.path_params["order_id"]).decode())
    except ValueError as error:
        raise Problem("bad-request", f"that is no order's id: {error}") from error


def versions_of(header: str | None) -> set[int] | None:
    """The versions that `If-Match` allows: none of them where it names what is no version; None where any will do.

    Raises:
        Problem: It is no list of entity tags.

    Example:
        >>> versions_of('"7"'), versions_of('W/"7", "8"'), versions_of("*"), versions_of('"x"')
        ({7}, {8}, None, set())
    """
    if header is None or header.strip() == "*":
        return None
    parts = [part.strip() for part in header.split(",")]
    found = [_ETAG.fullmatch(part) for part in parts]
    if not all(found):
        raise Problem(
            "bad-request", f'If-Match: {header!r} is no list of entity tags; send that of the last answer, such as "7"'
        )
    # A weak tag never matches here, by RFC 9110, section 13.1.1.
    return {int(one[2]) for one in found if one and not one[1] and re.fullmatch(r"[0-9]{1,18}", one[2])}


def same_version(header: str | None, tag: str) -> bool:
    """Whether `If-None-Match` names what the caller would get, so that it has it already."""
    if header is None:
        return False
    return header.strip() == "*" or tag in [part.strip().removeprefix("W/") for part in header.split(",")]


def form_of(request: Request, forms: Mapping[str, str], asked: str | None = None) -> str:
    """The form in which an answer is wanted: by the parameter `format`, or else by `Accept`; the first one where any will do.

    Args:
        forms: Their names and media types; the first is what is given unless told otherwise.
        asked: The parameter `format`.

    Raises:
        Problem: There is no such form.
    """
    if asked is not None:
        if asked not in forms:
            raise Problem("bad-request", f"format={asked!r}: give one of {', '.join(forms)}")
        return asked
    header = request.headers.get("accept", "*/*")
    wanted: list[tuple[float, int, str]] = []
    for place, part in enumerate(header.split(",")):
        kind, *options = [piece.strip().lower() for piece in part.split(";")]
        quality = next((option[2:] for option in options if option.startswith("q=")), "1")
        weight = float(quality) if re.fullmatch(r"[01](\.[0-9]{0,3})?", quality) else 0.0
        if weight > 0:
            wanted.append((-weight, place, kind))
    for _, _, kind in sorted(wanted):
        for name, media in forms.items():
            if kind in ("*/*", media, f"{media.partition('/')[0]}/*"):
                return name
    raise Problem("not-acceptable", f"Accept: {header[:200]!r}; there are {', '.join(forms.values())}")
