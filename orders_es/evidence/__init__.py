"""Where a file's figures come from, and sums by which a file that was edited afterwards is found.

For whatever writes figures into files: exports, reports, and answers to auditors. A Parquet file or a workbook carries its
`Provenance` within, every other file has it beside itself, in `<file>.json`. Read-only on the log.
"""

from orders_es.evidence.computing import provenance_of
from orders_es.evidence.controls import Controls, Sum, Totals, sum_exactly, table_controls
from orders_es.evidence.provenance import FORMAT, KEY, LINES, OCEL, XES, Provenance, definition_hash, shown
from orders_es.evidence.sidecar_file import beside, facts_beside, write_beside

__all__ = [
    "FORMAT",
    "KEY",
    "LINES",
    "OCEL",
    "XES",
    "Controls",
    "Provenance",
    "Sum",
    "Totals",
    "beside",
    "definition_hash",
    "facts_beside",
    "provenance_of",
    "shown",
    "sum_exactly",
    "table_controls",
    "write_beside",
]
