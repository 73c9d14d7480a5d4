"""`SearchOutlet`: a read model's rows as documents of an index in OpenSearch or Elasticsearch.

    NAME                what readers ask: an alias of one index, with a filter that leaves out what is hidden
    NAME-1f0c…          the index: a document for each row, by the row's key; removed rows as hidden ones
    :about in it        hidden too: what is held there, and up to which position

Documents carry the log's position as their version, so that an older write that comes late loses (409) and harms nothing. All rows at once go into an index of their own beside, and the alias changes in one step. A row
that goes stays as a hidden document: a server forgets after a minute that there was a deleted one, and an old write could bring it back.
"""

from __future__ import annotations

import logging
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from orders_es.errors import InvalidSetting, OutletMismatch, OutletUnavailable, RowsRefused
from orders_es.json_text import json_bytes
from orders_es.log.redacting import without_password
from orders_es.projections.outlets.row_text import json_rows, row_keys
from orders_es.projections.outlets.search_mapping import ABOUT, HIDDEN, NAME, SHOWN, index_body

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from orders_es.projections.outlets.outlet import Target

__all__ = ["SearchOutlet"]

_AT_ONCE = 4_000_000
"""Bytes of one request; servers take 100 MB unless configured, and work best with a few."""
_OLDER, _FULL, _TOO_LARGE = 409, (403, 429), 413
_SECONDS = 60


class SearchOutlet:
    """An index that holds one read model's rows.

    Needs opensearch-py, which speaks to Elasticsearch as well: pip install 'orders_es[search]'.

    Args:
        url: `opensearch://user:password@host:9200?index=NAME`, or `elasticsearch://…`: the read model's name is the alias's unless there is another one.
            `tls=true` for TLS.

    Raises:
        InvalidSetting: It is no such URL.

    Example:
        >>> SearchOutlet("opensearch://ann:secret@search.example:9200?index=shop&tls=true").url
        'opensearch://ann@search.example:9200?index=shop&tls=true'
    """

    def __init__(self, url: str) -> None:
        self.url = without_password(url)
        parts = urlsplit(url)
        if parts.scheme not in ("opensearch", "elasticsearch") or not parts.hostname or parts.path.strip("/"):
            raise InvalidSetting("outlet", self.url, "write opensearch://host:9200?index=NAME")
        own = dict(pairs := parse_qsl(parts.query, keep_blank_values=True))
        if len(own) < len(pairs) or own.keys() - {"index", "tls"} or own.get("tls", "true") not in ("true", "false"):
            raise InvalidSetting("outlet", self.url, "index=NAME and tls=true are known, each once, and nothing else")
        if not NAME.fullmatch(own.get("index", "x")):
            raise InvalidSetting("outlet", self.url, "index= is small letters, digits, _ and -, a letter first")
        self._named = own.get("index")
        self._server = f"{'https' if own.get('tls') == 'true' else 'http'}://{parts.hostname}:{parts.port or 9200}"
        self._user = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
        self._target: Target | None = None
        self._client: Any = None
        self._serving = ""
        """The index that the alias names."""
        self._about: dict[str, Any] = {}
        self._seen: tuple[int, int] | None = None
        """Sequence number and primary term of the `:about` that we know; None where there is none."""

    @property
    def index(self) -> str:
        """The name that readers ask: as the URL has it, or the read model's."""
        return self._named or self._opened().read_model

    def open(self, target: Target) -> int | None:
        """See `Outlet.open`."""
        self._target = target
        with self._asking() as client:
            held = self._read_about(client)
            if held is None:
                return None
            if (other := target.other(held)) is not None:
                raise OutletMismatch(
                    self.url,
                    f"its index {self.index!r} holds another {other[0]} ({other[1]}, not {other[2]}); give each "
                    "projection an index of its own, or delete this one",
                )
            if "going" in held:
                return int(held["going"])  # it was broken off, and is made again exactly as far
            return int(held["position"]) if self._count(client) == held["count"] else None

    def deliver(self, removed: pa.Table | None, rows: pa.Table, position: int) -> None:
        """See `Outlet.deliver`."""
        target = self._opened()
        new = dict(zip(row_keys(rows, target.key), json_rows(rows), strict=True))
        with self._asking() as client:
            if removed is None:
                refused = self._build(client, new, position)
            else:
                gone = set(row_keys(removed, target.key)) - new.keys()
                refused = self._change(client, gone, new, position)
        if refused:
            raise RowsRefused(self.url, refused)

    def close(self) -> None:
        """Let go of the connections; the next call makes them anew."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _change(self, client: Any, gone: set[str], new: dict[str, bytes], position: int) -> dict[int, str]:
        before = {**self._opened().facts(), "position": self._about.get("position"), "count": self._about.get("count")}
        self._say(client, {**before, "going": position})
        refused = self._put(client, self._serving, gone, new, position)
        self._say(client, {**self._opened().facts(), "position": position, "count": self._count(client)})
        return refused

    def _build(self, client: Any, new: dict[str, bytes], position: int) -> dict[int, str]:
        """All rows in an index of their own, which then takes the place of the one before: readers see the one or the other."""
        self._read_about(client)  # that nothing else has that name
        beside = f"{self.index}-{uuid.uuid4().hex[:12]}"
        client.indices.create(index=beside, body=index_body(self._opened(), self.index))
        refused = self._put(client, beside, set(), new, position)
        count = len(new) - len(refused)
        about = {**self._opened().facts(), HIDDEN: True, "position": position, "count": count}
        client.index(index=beside, id=ABOUT, body=about, refresh="true")
        found = client.count(index=beside, body={"query": SHOWN})["count"]
        if found != count:
            raise OutletUnavailable(self.url, f"{found:,} of {count:,} documents are there; it is filled anew")
        indices = client.indices.get(index=f"{self.index}-*").items()
        ours = {name for name, index in indices if self._is_ours(index) and name != beside}
        actions: list[dict[str, Any]] = [{"remove_index": {"index": name}} for name in sorted(ours)]
        actions.append({"add": {"index": beside, "alias": self.index, "filter": SHOWN}})
        client.indices.update_aliases(body={"actions": actions})  # in one step
        self._read_about(client)
        return refused

    def _is_ours(self, index: dict[str, Any]) -> bool:
        """Whether an index is what this outlet served before, or was building when it was killed."""
        other = set(index.get("aliases") or {}) - {self.index}
        made = ((index.get("mappings") or {}).get("_meta") or {}).get("orders_es") or {}
        return not other and made.get("alias") == self.index and made.get("log_id") == str(self._opened().log_id)

    def _put(self, client: Any, index: str, gone: set[str], new: dict[str, bytes], position: int) -> dict[int, str]:
        """Write documents, and say which rows were refused for good, and why."""
        hidden = json_bytes({HIDDEN: True})
        lines = [(key, hidden) for key in sorted(gone)] + list(new.items())
        reasons: dict[str, str] = {}
        for part in _parts(lines, position):
            reasons.update(self._bulk(client, index, part))
        if reasons:  # better no row than the one of before
            for part in _parts([(key, hidden) for key in reasons], position):
                if self._bulk(client, index, part):
                    raise OutletUnavailable(self.url, "it refuses to hide documents")
        return {place: reasons[key] for place, key in enumerate(new) if key in reasons}

    def _bulk(self, client: Any, index: str, part: list[bytes]) -> dict[str, str]:
        from opensearchpy.exceptions import TransportError

        try:
            answer = client.bulk(
                body=b"".join(part),
                index=index,
                params={"filter_path": "errors,items.*.status,items.*.error,items.*._id"},
            )
        except TransportError as error:
            if error.status_code != _TOO_LARGE or len(part) > 2:  # noqa: PLR2004 - a document and its header
                raise
            import msgspec

            return {msgspec.json.decode(part[0])["index"]["_id"]: "the server takes no request that is so large"}
        if not answer.get("errors"):
            return {}
        reasons: dict[str, str] = {}
        for item in answer["items"]:
            done = item["index"]
            told = done.get("error") or {}
            reason = f"{told.get('type')}: {told.get('reason')}" if isinstance(told, dict) else str(told)
            if done["status"] < 300 or done["status"] == _OLDER:  # noqa: PLR2004 - what is newer there stays
                continue
            if done["status"] in _FULL or done["status"] >= 500 or "not_found" in reason:  # noqa: PLR2004
                raise OutletUnavailable(self.url, reason)
            reasons[done["_id"]] = reason
        return reasons

    def _read_about(self, client: Any) -> dict[str, Any] | None:
        """What is held under the name; None where there is nothing."""
        from opensearchpy.exceptions import NotFoundError

        self._about, self._seen = {}, None
        try:
            indices = client.indices.get_alias(name=self.index)
        except NotFoundError:
            if client.indices.exists(index=self.index):
                raise self._stranger("is an index that no outlet made") from None
            return None
        if len(indices) != 1:
            raise self._stranger(f"is an alias of {len(indices)} indices")
        try:
            found = client.get(index=self.index, id=ABOUT)
        except NotFoundError:
            raise self._stranger("is an alias that no outlet made") from None
        [self._serving] = indices
        self._about, self._seen = found["_source"], (found["_seq_no"], found["_primary_term"])
        return self._about

    def _stranger(self, what: str) -> OutletMismatch:
        return OutletMismatch(self.url, f"{self.index!r} {what}; give another one: index=NAME")

    def _say(self, client: Any, about: dict[str, Any]) -> None:
        """Write `:about`, if it is still the one that we know."""
        from opensearchpy.exceptions import ConflictError, NotFoundError

        lost = OutletMismatch(self.url, f"{self.index!r} was removed or exchanged meanwhile; open it again")
        if self._seen is None:
            raise lost
        params = {
            "if_seq_no": self._seen[0],
            "if_primary_term": self._seen[1],
            "require_alias": "true",
            "refresh": "true",
        }
        body = {**about, HIDDEN: True}
        try:
            done = client.index(index=self.index, id=ABOUT, body=body, params=params)
            self._about, self._seen = body, (done["_seq_no"], done["_primary_term"])
        except NotFoundError as error:
            raise lost from error
        except ConflictError as error:
            if self._read_about(client) != body:  # else it was ours, whose answer was lost
                raise OutletUnavailable(self.url, "somebody else writes to it, too; stop one of the two") from error

    def _count(self, client: Any) -> int:
        client.indices.refresh(index=self.index)
        return int(client.count(index=self.index)["count"])

    def _opened(self) -> Target:
        if self._target is None:
            raise InvalidSetting("outlet", self.url, "open it for a target first")
        return self._target

    @contextmanager
    def _asking(self) -> Iterator[Any]:
        """A block with a client."""
        try:
            from opensearchpy import OpenSearch
            from opensearchpy.exceptions import OpenSearchException, TransportError
        except ImportError as error:
            missing = f"an outlet to a search index needs opensearch-py: pip install 'orders_es[search]' ({error})"
            raise ImportError(missing) from error
        if self._client is None:
            logging.getLogger("opensearch").addHandler(logging.NullHandler())  # it warns of answers that are looked for
            self._client = OpenSearch(self._server, http_auth=self._user, timeout=_SECONDS, max_retries=0)
        try:
            yield self._client
        except TransportError as error:
            said = f"{error.error}" if isinstance(error.status_code, int) else "no answer"
            raise OutletUnavailable(self.url, f"{error.status_code}: {said}") from error
        except OutletUnavailable:
            raise
        except (OpenSearchException, OSError) as error:
            raise OutletUnavailable(self.url, " ".join(str(error).split())) from error


def _parts(lines: list[tuple[str, bytes]], position: int) -> Iterator[list[bytes]]:
    """Requests of a few megabytes: each document behind the line that names it."""
    part: list[bytes] = []
    size = 0
    for key, row in lines:
        head = b'{"index":{"_id":"%b","version":%d,"version_type":"external_gte"}}\n' % (key.encode(), position)
        if part and size + len(row) > _AT_ONCE:
            yield part
            part, size = [], 0
        part += (head, row + b"\n")
        size += len(head) + len(row)
    if part:
        yield part
