"""`check_audit`: whether an auditor's report is as it was written, signed by whom it should be, and what its log gives."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orders_es.audit.checkpoint import read_checkpoint, refusing
from orders_es.audit.checkpoint_check import against_checkpoint
from orders_es.audit.keys import public_key
from orders_es.audit.verify_proof import check_checkpoint
from orders_es.errors import BadCheckpoint, InvalidSetting, NotAnExport
from orders_es.export import Finding
from orders_es.export.checking import check_one
from orders_es.read_models import load_read_models
from orders_es.replay import Session
from orders_es.report.auditing.evidence import EVIDENCE, SIGNED, digest_of, extension_of, read_evidence

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

    from orders_es.audit import Key
    from orders_es.log import EventLog
    from orders_es.read_models import Folders

__all__ = ["CheckedAudit", "check_audit"]

_TABLES = frozenset({".parquet", ".csv", ".xlsx"})


@dataclass(frozen=True, slots=True)
class CheckedAudit:
    """What a check of a report came to.

    Args:
        path: The folder.
        evidence: What its evidence says.
        findings: What was found, each with the file that it is about before it.
    """

    path: str
    evidence: dict[str, Any]
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return all(finding.good is not False for finding in self.findings)


def check_audit(
    path: str | os.PathLike[str],
    log: EventLog | None = None,
    *,
    key: Key | str | None = None,
    read_models: Folders = None,
    progress: bool = False,
    allow_files: bool = False,
) -> CheckedAudit:
    """Hold an audit or a report to itself, to its signature, and to its log. Read-only.

    Every file has the SHA-256 that the evidence names, and every table the rows and control totals that it says of itself; the evidence, and
    the root that it names, are signed by the key; the log is what was signed with events added, and gives every table again.

    Args:
        path: The folder that `write_audit` or `write_report` filled.
        log: The log; without it, the folder alone is looked at.
        key: The public key that should have signed it, or the file that holds it.
        read_models: The folder of one's own read models, or several, where the report has tables of them.
        progress: Show a bar where a large log has to be hashed.
        allow_files: Let queries that the report names read other files; they come with it, so look at them first.

    Raises:
        NotAnExport: There is no evidence in the folder.
        BadKey: The key cannot be used.

    Example:
        >>> import tempfile
        >>> from orders_es.log import NO_STREAM, open_log
        >>> from orders_es.orders import OrderCreated
        >>> from orders_es.report.auditing import write_audit
        >>> log, folder = open_log(":memory:"), tempfile.mkdtemp()
        >>> _ = log.append("A-1", [OrderCreated(currency="GBP")], expected=NO_STREAM)
        >>> _ = write_audit(log, folder, form="csv")
        >>> check_audit(folder, log).ok
        True
    """
    import duckdb

    folder = Path(path)
    facts, raw = read_evidence(folder)
    findings = list(_signature(folder, facts, raw, None if key is None else public_key(key), log, progress=progress))
    with (
        _session(folder, facts, log, read_models, allow_files=allow_files) as session,
        duckdb.connect() as scratch,
    ):
        look = _Looking(folder, log, session, scratch, {}, allow_files)
        for each in facts["files"]:
            findings += look.at(each)
    named = {EVIDENCE, SIGNED, *(each["file"] for each in facts["files"])}
    others = sorted(place.name for place in folder.iterdir() if place.name not in named)
    if others:
        findings.append(Finding("folder", None, f"not of this report, and not looked at: {', '.join(others)}"))
    return CheckedAudit(str(path), facts, tuple(findings))


@contextmanager
def _session(
    folder: Path, facts: dict[str, Any], log: EventLog | None, read_models: Folders, *, allow_files: bool
) -> Iterator[Session | None]:
    """One session for all tables, since making the questions ready takes longer than most of them."""
    if log is None:
        yield None
        return
    files = [os.path.abspath(folder / Path(each["file"]).name) for each in facts["files"]]  # noqa: PTH100 - as DuckDB has it
    try:
        session = Session(
            log, load_read_models(read_models), tz=facts.get("time_zone"), allow_files=allow_files, files=files
        )
    except InvalidSetting as error:
        raise NotAnExport(str(folder / EVIDENCE), f"it is not as it was written ({error})") from error
    with session:
        yield session


@dataclass(frozen=True, slots=True)
class _Looking:
    folder: Path
    log: EventLog | None
    session: Session | None
    scratch: duckdb.DuckDBPyConnection
    roots: dict[tuple[int, str], Finding]
    allow_files: bool

    def at(self, said: dict[str, Any]) -> Iterator[Finding]:
        """What is found of one file that the evidence names."""
        name = said["file"]
        place = self.folder / name
        if Path(name).name != name:
            yield Finding(name, False, "a report has no files outside of its folder")
        elif not place.is_file():
            yield Finding(name, False, "it is gone")
        else:
            same = digest_of(place) == said["sha256"]
            if not same:
                yield Finding(name, False, "it was changed after the report: its SHA-256 is another one")
            if place.suffix in _TABLES:
                yield from self._table(place, said)
            elif same:
                yield Finding(name, True, "it is as it was written")

    def _table(self, place: Path, said: dict[str, Any]) -> Iterator[Finding]:
        try:
            checked = check_one(
                place,
                self.log,
                self.roots,
                session=self.session,
                scratch=self.scratch,
                allow_files=self.allow_files,
            )
        except NotAnExport as error:
            yield Finding(place.name, False, error.reason)
            return
        if said.get("name", checked.provenance.name) != checked.provenance.name:
            yield Finding(place.name, False, "it is another table than the report says")
        # The file carries its query with it; a file that belongs to another question would be sound for itself.
        if "query" in said and str(said["query"]).strip() != (checked.provenance.query or "").strip():
            yield Finding(place.name, False, "it answers another question than the report says")
        for finding in checked.findings:
            yield Finding(f"{place.name}: {finding.about}", finding.good, finding.text)


def _signature(
    folder: Path, facts: dict[str, Any], raw: bytes, key: Key | None, log: EventLog | None, *, progress: bool
) -> Iterator[Finding]:
    place = folder / SIGNED
    if not place.exists():
        if key is not None:
            yield Finding("signature", False, f"there is none: {SIGNED} is not in the folder")
        else:
            yield Finding(
                "signature", None, "nobody signed this report: whoever rewrote all of it is found by the log alone"
            )
        return
    try:
        signed = read_checkpoint(place)
        if extension_of(raw) not in signed.parsed.note.text.splitlines():
            yield Finding("signature", False, f"it signs other evidence than {EVIDENCE} holds now")
            return
        if (signed.size, signed.root.hex()) < (facts["position"], "") or (
            signed.size == facts["position"] and signed.root.hex() != facts["root"]
        ):
            yield Finding("signature", False, "it signs another root of the log than the evidence names")
            return
        if key is None:
            yield Finding(
                "signature", None, f"it says that {signed.origin} signed; give the public key to know: --key VKEY"
            )
            return
        with refusing(str(place), BadCheckpoint):
            check_checkpoint(signed.parsed, key)
    except BadCheckpoint as error:
        yield Finding("signature", False, str(error))
        return
    yield Finding("signature", True, f"{key.name} signed the evidence, and the log's root at {signed.size:,} events")
    if log is not None:
        against = against_checkpoint(log, signed, key, progress=progress)
        yield Finding("checkpoint", against.ok, against.lines()[0])
