"""Tables for other people's tools: Parquet, CSV and Excel files that say which log, moment and definition gave them.

For analysts who hand figures on, and for auditors who are handed some: `export` writes such a file, `read_provenance`
tells where one comes from, and `check_export` holds one to a log. `write_answer_evidence` writes where any answer comes from.
"""

from orders_es.evidence import Provenance
from orders_es.export.answer_evidence import write_answer_evidence
from orders_es.export.checking import check_export
from orders_es.export.finding import Checked, Finding
from orders_es.export.order_tables import history_rows, order_row
from orders_es.export.reading import read_provenance
from orders_es.export.writing import Exported, export

__all__ = [
    "Checked",
    "Exported",
    "Finding",
    "Provenance",
    "check_export",
    "export",
    "history_rows",
    "order_row",
    "read_provenance",
    "write_answer_evidence",
]
