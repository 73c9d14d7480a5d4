"""The evidence of a whole report: one JSON file that names every other file with its hash, rows and control totals.

It is signed by a checkpoint of the log (https://c2sp.org/tlog-checkpoint) with one extension line, the hash of the evidence. So one
signature stands over both: the log as it was, and what was said of it.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from orders_es.errors import NotAnExport
from orders_es.evidence import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from orders_es.evidence import Provenance

__all__ = ["AUDIT", "EVIDENCE", "REPORT", "SIGNED", "digest_of", "evidence_of", "extension_of", "read_evidence"]

AUDIT, REPORT = "orders_es audit 1", "orders_es report 1"
"""Storage format: people file such reports."""
EVIDENCE, SIGNED = "evidence.json", "evidence.checkpoint"
_EXTENSION = "orders_es/evidence"


def evidence_of(
    kind: str,
    known: Provenance,
    page: bytes,
    tables: Iterable[tuple[Sequence[Path], Provenance, Mapping[str, Any]]],
    also: Mapping[str, Any] | None = None,
) -> bytes:
    """The evidence as it is filed.

    Args:
        kind: `AUDIT` or `REPORT`.
        known: Where the tables come from.
        page: The page's bytes, which are hashed.
        tables: Of each that was written: its files, the last of which says what is said of the table, where it comes from, and what it is.
        also: What is said beside.
    """
    facts: dict[str, Any] = {
        "format": kind,
        **{name: getattr(known, name) for name in ("log_id", "origin", "position", "root", "time_zone", "package")},
        **{
            name: None if moment is None else shown(moment)
            for name in ("recorded_at", "asked_at", "asked_known_at", "asked_recorded_by", "at", "known_at")
            for moment in [getattr(known, name)]
        },
        **(also or {}),
        "files": [{"file": "index.html", "sha256": hashlib.sha256(page).hexdigest()}],
    }
    for files, provenance, what in tables:
        facts["files"] += [{"file": path.name, "sha256": digest_of(path)} for path in files]
        totals = {"rows": provenance.rows, "sums": [total._asdict() for total in provenance.sums or ()]}
        facts["files"][-len(files)] |= {**what, **totals}
    return (json.dumps(facts, ensure_ascii=False, indent=2) + "\n").encode()


def digest_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def extension_of(evidence: bytes) -> str:
    """The line of the checkpoint that signs the evidence.

    Example:
        >>> extension_of(b"{}")[:32]
        'orders_es/evidence sha256:44136f'
    """
    return f"{_EXTENSION} sha256:{hashlib.sha256(evidence).hexdigest()}"


def read_evidence(folder: Path) -> tuple[dict[str, Any], bytes]:
    """The evidence in a folder, and its bytes.

    Raises:
        NotAnExport: There is none, or it is not as it is written.
    """
    place = folder / EVIDENCE
    try:
        raw = place.read_bytes()
        facts = json.loads(raw)
        if facts["format"] not in (AUDIT, REPORT):
            raise ValueError(f"its format is {facts['format']!r}, and this version reads {AUDIT!r} and {REPORT!r}")
        if not all(isinstance(each["file"], str) and isinstance(each["sha256"], str) for each in facts["files"]):
            raise ValueError("a file in it has no name or no hash")
        int(facts["position"]), bytes.fromhex(facts["root"])
    except FileNotFoundError:
        raise NotAnExport(
            str(folder), f"there is no {EVIDENCE} in it, which `orders-es audit` and `orders-es report` write"
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NotAnExport(str(place), f"it is not as it was written ({error})") from error
    return facts, raw
