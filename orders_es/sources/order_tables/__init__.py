"""Anybody's table of orders, by a mapping: what to call is `import_table`, `preview_table` and `propose_mapping`."""

from orders_es.sources.order_tables.importer import BATCH_EVENTS, import_table, preview_table
from orders_es.sources.order_tables.propose import propose_mapping

__all__ = ["BATCH_EVENTS", "import_table", "preview_table", "propose_mapping"]
