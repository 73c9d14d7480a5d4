"""Orders for process mining: object-centric event logs (OCEL 2.0) and event logs by case (XES 1849).

For analysts who ask how orders run and where they wait, with tools made for that. `export_ocel` and `export_xes` write such
files as of any moment; `orders_es.sources.process` reads them back, and those of others.
"""

from orders_es.export.process.ocel import ExportedProcess, export_ocel
from orders_es.export.process.xes import export_xes

__all__ = ["ExportedProcess", "export_ocel", "export_xes"]
