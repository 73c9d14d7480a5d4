"""Full copies of a table, one after another: what to call is `import_dumps`; docs/import-dumps.md tells how it works."""

from orders_es.sources.dumps.importer import BATCH_EVENTS, import_dumps
from orders_es.sources.dumps.result import DumpsResult

__all__ = ["BATCH_EVENTS", "DumpsResult", "import_dumps"]
