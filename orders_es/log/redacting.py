"""Places as they may be shown: a URL may hold a password, and what is printed is kept by many."""

from __future__ import annotations

__all__ = ["SECRET", "without_password"]

SECRET = ("password", "sslpassword")
"""The parameters of a URL that are not shown."""


def without_password(url: str) -> str:
    """A URL as it may be shown: without passwords. Anything else as it is.

    Example:
        >>> without_password("postgresql://ann:secret@db/shop?sslmode=require&password=secret")
        'postgresql://ann@db/shop?sslmode=require'
    """
    scheme, found, rest = url.partition("://")
    if not found:
        return url
    place, asked, query = rest.partition("?")
    authority, slash, path = place.partition("/")
    user, at, host = authority.rpartition("@")
    kept = "&".join(pair for pair in query.split("&") if pair.partition("=")[0] not in SECRET)
    return f"{scheme}://{user.partition(':')[0]}{at}{host}{slash}{path}{asked if kept else ''}{kept}"
