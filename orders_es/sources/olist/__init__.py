"""A hundred thousand orders of a marketplace, as *Olist* published them: what to call is `import_olist`."""

from orders_es.sources.olist.importer import BATCH_EVENTS, import_olist

__all__ = ["BATCH_EVENTS", "import_olist"]
