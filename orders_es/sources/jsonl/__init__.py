"""JSON lines, one event per line: what to call is `import_jsonl` and `export_jsonl`."""

from orders_es.sources.jsonl.importer import BATCH_EVENTS, export_jsonl, import_jsonl, shipped_mappings

__all__ = ["BATCH_EVENTS", "export_jsonl", "import_jsonl", "shipped_mappings"]
