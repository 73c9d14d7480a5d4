"""Event logs of process mining as events of ours: OCEL 2.0 (JSON and SQLite) and XES.

What `orders_es.export.process` wrote comes back as it was. Logs of other tools take a mapping, as JSON lines do.
"""

from orders_es.sources.process.importer import import_ocel, import_xes

__all__ = ["import_ocel", "import_xes"]
