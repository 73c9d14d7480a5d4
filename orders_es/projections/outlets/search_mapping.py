"""How columns of a read model are searched and sorted in OpenSearch and Elasticsearch; the documents themselves hold every value exactly."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

    from orders_es.projections.outlets.outlet import Target

__all__ = ["ABOUT", "HIDDEN", "NAME", "SHOWN", "index_body"]

ABOUT = ":about"
"""The document that says what an index holds; no row's key has a colon."""
HIDDEN = "orders_es_hidden"
"""The field that readers are kept from by the alias's filter: removed rows, and what is said about the index."""
SHOWN: dict[str, Any] = {"bool": {"must_not": {"term": {HIDDEN: True}}}}
NAME = re.compile(r"[a-z][a-z0-9_-]{0,99}")

_LONGEST_WORD = 8_000
"""Characters of a text that is found as a whole; Lucene takes 32,766 bytes, which is 8,191 characters of four bytes."""
_TEXT = {"type": "keyword", "ignore_above": _LONGEST_WORD, "fields": {"text": {"type": "text"}}}
_KINDS: dict[str, dict[str, Any]] = {
    "string": _TEXT,
    "large_string": _TEXT,
    "bool": {"type": "boolean"},
    "float": {"type": "double"},
    "double": {"type": "double"},
    "date32[day]": {"type": "date", "format": "strict_date"},
    "uint64": {"type": "unsigned_long"},
}


def index_body(target: Target, alias: str) -> dict[str, Any]:
    """What an index is created with.

    Args:
        target: What is to be held there.
        alias: The name that readers ask.

    Example:
        >>> import uuid
        >>> import pyarrow as pa
        >>> from orders_es.projections.outlets import Target
        >>> schema = pa.schema([("id", pa.string()), ("total", pa.decimal128(18, 4))])
        >>> made = index_body(Target("orders_to_opensearch", "orders", ("id",), schema, uuid.UUID(int=7), "f"), "shop")
        >>> made["mappings"]["properties"]["total"]
        {'type': 'scaled_float', 'scaling_factor': 10000}
    """
    properties = {field.name: _kind(field.type) for field in target.columns}
    about = {"alias": alias, "log_id": str(target.log_id)}
    return {
        "settings": {"index": {"translog": {"durability": "request"}}},  # acknowledged means on disk
        "mappings": {
            "_meta": {"orders_es": about},
            "dynamic": False,
            "properties": {**properties, HIDDEN: {"type": "boolean"}},
        },
    }


def _kind(kind: pa.DataType) -> dict[str, Any]:
    import pyarrow as pa

    if pa.types.is_decimal(kind):
        return {"type": "scaled_float", "scaling_factor": 10**kind.scale}
    if pa.types.is_timestamp(kind):
        return {"type": "date", "format": "strict_date_optional_time"}
    if str(kind) in _KINDS:
        return _KINDS[str(kind)]
    return {"type": "long"} if pa.types.is_integer(kind) else {"type": "object", "enabled": False}
