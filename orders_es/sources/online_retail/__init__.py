"""A year of real orders, UCI's *Online Retail*: what to call is `import_online_retail`."""

from orders_es.sources.online_retail.importer import BATCH_EVENTS, COLUMNS, import_online_retail

__all__ = ["BATCH_EVENTS", "COLUMNS", "import_online_retail"]
