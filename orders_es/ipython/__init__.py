"""For notebooks: `slide` moves a picture through time."""

from orders_es.ipython.sliding import slide

__all__ = ["slide"]
