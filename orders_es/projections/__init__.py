"""Projections: read models kept in a DuckDB file as the log grows, each with a checkpoint that never disagrees with it.

`Projector` runs them, `ReadModels` asks them. A projection is a read model's SELECT (`SetProjection`), or Python functions
called event by event (`Handlers`). docs/projections.md says what is promised.
"""

from orders_es.projections.definitions import Handlers, SetProjection, set_projections
from orders_es.projections.projector import Projector, Ran
from orders_es.projections.reading import ReadModels, Rows

__all__ = ["Handlers", "Projector", "Ran", "ReadModels", "Rows", "SetProjection", "set_projections"]
