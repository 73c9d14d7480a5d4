"""Who may come in: tokens, and what keeps a web page of somebody else's from asking in the name of whoever looks at it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from orders_es.http.problems import Problem
from orders_es.http.settings import is_loopback

if TYPE_CHECKING:
    from starlette.requests import Request

    from orders_es.http.settings import Right, ServerSettings, Token

__all__ = ["admit"]


def admit(request: Request, settings: ServerSettings, needed: Right) -> Token | None:
    """Who asks, if there are tokens, and may have what is needed.

    Without tokens a server is for this machine alone, and then the name by which it was called has to be this machine's: a web page
    whose own name was made to mean this machine (DNS rebinding) is told by that. A browser says where a request comes from, and one of another
    page's is refused whatever it asks for.

    Args:
        needed: What the request is about.

    Raises:
        Problem: It may not.
    """
    if not settings.tokens and not is_loopback(_host(request)):
        raise Problem(
            "forbidden", "this server has no tokens, so it answers only to names of its own machine, such as 127.0.0.1"
        )
    if needed == "open":
        return None
    _refuse_other_pages(request)
    if needed == "write" and settings.read_only:
        raise Problem("forbidden", "this server takes no commands")
    if not settings.tokens:
        return None
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    given = text.strip().encode("latin-1", "replace")
    found = [token for token in settings.tokens if token.is_of(given)]  # all are looked at, whichever it is
    if scheme.lower() != "bearer" or not found:
        said = "send a token: Authorization: Bearer …" if not given else "nobody has this token"
        raise Problem("unauthorized", said, {"WWW-Authenticate": 'Bearer realm="orders-es"'})
    token = next((token for token in found if token.right == "write"), found[0])
    if needed == "write" and token.right != "write":
        raise Problem("forbidden", "this token only permits reading")
    return token


def _host(request: Request) -> str:
    try:
        return urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    except ValueError:
        return ""


def _refuse_other_pages(request: Request) -> None:
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    strange = site is not None and site not in ("same-origin", "none")
    if not strange and origin is not None:
        strange = urlsplit(origin).netloc != request.headers.get("host")
    if strange:
        raise Problem("forbidden", "a page of another site asks; this server answers its own page, and programs")
