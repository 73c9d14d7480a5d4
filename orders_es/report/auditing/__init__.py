"""An auditor's report: every question in one folder, each table a file with its evidence, signed if a key is there.

`write_audit` makes such a folder, and `check_audit` holds one to itself, to a signature, and to a log.
"""

from orders_es.report.auditing.checking import CheckedAudit, check_audit
from orders_es.report.auditing.tables import Thresholds
from orders_es.report.auditing.writing import Audit, write_audit

__all__ = ["Audit", "CheckedAudit", "Thresholds", "check_audit", "write_audit"]
