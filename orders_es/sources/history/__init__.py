"""History tables and change feeds: what to call is `import_history`; docs/import-history.md has a section for each shape."""

from orders_es.sources.history.importer import BATCH_EVENTS, HistoryResult, import_history
from orders_es.sources.history.shapes import SHAPES, Shape

__all__ = ["BATCH_EVENTS", "SHAPES", "HistoryResult", "Shape", "import_history"]
