"""A log over HTTP: commands, orders at any moment, events as they come, read models and lag. For other programs, and a page for people.

    orders-es serve --log my-log

It needs the extra `http`. `create_app` gives the application for a server of one's own; `serve` runs it on uvicorn.
"""

from typing import TYPE_CHECKING, Any

from orders_es.http.settings import ServerSettings, Token, is_loopback, tokens_in

if TYPE_CHECKING:
    from orders_es.http.app import create_app
    from orders_es.http.serving import listen, serve

__all__ = ["ServerSettings", "Token", "create_app", "is_loopback", "listen", "serve", "tokens_in"]

_ROOM = {"create_app": "app", "listen": "serving", "serve": "serving"}
"""What needs the extra is loaded when it is asked for."""


def __getattr__(name: str) -> Any:
    if name not in _ROOM:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(f"orders_es.http.{_ROOM[name]}"), name)
    return value
