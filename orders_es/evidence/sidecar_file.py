"""A file's provenance in a second file beside it: for forms that have no place for it within."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from orders_es.errors import NotAnExport
from orders_es.files import replacing

if TYPE_CHECKING:
    from orders_es.evidence.provenance import Provenance

__all__ = ["beside", "facts_beside", "write_beside"]


def beside(file: Path) -> Path:
    """The file that says where another one comes from.

    Example:
        >>> from pathlib import Path
        >>> beside(Path("june.csv")).name
        'june.csv.json'
    """
    return Path(f"{file}.json")


def write_beside(file: Path, provenance: Provenance, content: Path | None = None) -> Path:
    """Write where a file comes from, and its SHA-256, into the file beside it; the place is returned.

    Args:
        file: The file, by the name that it will have.
        content: Where it is for the time being; under its name if left out.

    Raises:
        OSError: The disk refuses.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from orders_es.export import export
        >>> from orders_es.log import open_log
        >>> from orders_es.replay import connect
        >>> file = Path(tempfile.mkdtemp(), "june.csv")
        >>> done = export(connect(open_log(":memory:", create=True)), "orders", file)
        >>> write_beside(file, done.provenance) == beside(file)
        True
    """
    with (content or file).open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    facts = json.dumps({**provenance.to_dict(), "file_sha256": digest}, ensure_ascii=False, indent=2) + "\n"
    place = beside(file)
    with replacing(place) as fresh:
        fresh.write_text(facts, encoding="utf-8")
    return place


def facts_beside(file: Path) -> tuple[str, str | None]:
    """What the file beside one says, as JSON, and what is wrong with the file by its SHA-256; None if nothing is.

    Raises:
        NotAnExport: There is no such file beside it, or it is not as `export` writes it.

    Example:
        >>> import json, tempfile
        >>> from pathlib import Path
        >>> file = Path(tempfile.mkdtemp(), "june.csv")
        >>> _ = file.write_text("order_id,total")
        >>> _ = beside(file).write_text('{"file_sha256": "00"}')
        >>> facts_beside(file)[1] is None  # its bytes are others
        False
    """
    place = beside(file)
    try:
        text = place.read_text(encoding="utf-8")
        said = json.loads(text)["file_sha256"]
    except FileNotFoundError:
        raise NotAnExport(str(file), f"{place.name!r} should be beside it and say where it comes from") from None
    except (ValueError, KeyError, TypeError) as error:
        raise NotAnExport(str(file), f"{place.name!r} beside it is not as `export` writes it ({error})") from error
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    wrong = f"it was changed after the export: {place.name!r} speaks of a file of another SHA-256"
    return text, None if digest == said else wrong
