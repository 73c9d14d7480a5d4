"""A log for assistants, over the Model Context Protocol: questions only, nothing is ever written. For auditors and analysts who ask in words.

    orders-es mcp --log my-log

It needs the extra `mcp`. `Questions` has the tools as plain functions; `create_server` puts them behind the protocol's own Python SDK.
"""

from typing import TYPE_CHECKING, Any

from orders_es.mcp.questions import Questions

if TYPE_CHECKING:
    from orders_es.mcp.server import create_server

__all__ = ["Questions", "create_server"]


def __getattr__(name: str) -> Any:
    if name != "create_server":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from orders_es.mcp.server import create_server  # needs the extra

    return create_server
