"""`RedisOutlet`: a read model's rows as hashes in Redis, and what changed as a stream, for dashboards.

    orders:row:A-1      a hash for each row: its columns as text; one that is null has no field
    orders:rows         the set of the rows' keys
    orders:changes      a stream: what came and what went, by ids that begin with the log's position
    orders:about        what is held there, and up to which position

One delivery is one transaction (MULTI), so that readers see all of it or none. A transaction of Redis is not taken back where a command in it fails, so nothing in it
can: keys are looked at first, under WATCH. What was delivered last stands beside the position, so that a delivery that comes again, its answer lost, adds nothing to the stream.
"""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from orders_es.errors import InvalidSetting, OutletMismatch, OutletUnavailable
from orders_es.log.redacting import without_password
from orders_es.projections.outlets.row_text import column_texts, text_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import pyarrow as pa

    from orders_es.projections.outlets.outlet import Target

__all__ = ["RedisOutlet"]

_AT_ONCE = 10_000
"""Rows that are sent in one transaction; more are built beside, in parts, and change their names in one."""
_KEPT = 100_000
_SAID = 200
_NAMED = 1_000
_TYPES = {"rows": "set", "changes": "stream", "about": "hash"}
_ALSO = {**_TYPES, "beside": "set"}


class RedisOutlet:
    """Hashes and a stream in a Redis database that hold one read model's rows.

    Needs redis-py: pip install 'orders_es[redis]'.

    Args:
        url: `redis://user@host:port/db?prefix=NAME&keep=N`: the read model's name is the prefix unless there is another one, and the stream keeps about so many
            changes, 100,000 if left out. `rediss://` for TLS.

    Raises:
        InvalidSetting: It is no such URL.

    Example:
        >>> RedisOutlet("redis://:secret@cache.example/0?prefix=shop").url
        'redis://@cache.example/0?prefix=shop'
    """

    def __init__(self, url: str) -> None:
        self.url = without_password(url)
        parts = urlsplit(url)
        if parts.scheme not in ("redis", "rediss") or not parts.hostname:
            raise InvalidSetting("outlet", self.url, "write redis://host:port/db?prefix=NAME")
        own: dict[str, str] = {}
        others = []
        for name, value in parse_qsl(parts.query, keep_blank_values=True):
            if name not in ("prefix", "keep"):
                others.append((name, value))
            elif name in own or not value:
                raise InvalidSetting("outlet", self.url, f"{name}= stands there once, with a value")
            else:
                own[name] = value
        if not own.get("keep", "1").isdigit() or own.get("keep") == "0":
            raise InvalidSetting("outlet", self.url, "keep= is how many changes the stream keeps, 1 or more")
        self._named = own.get("prefix")
        self._keep = int(own.get("keep", _KEPT))
        self._server = urlunsplit(parts._replace(query=urlencode(others)))
        self._target: Target | None = None
        self._client: Any | None = None
        self._position: int | None = None
        """Up to where it was filled when we last knew."""

    @property
    def prefix(self) -> str:
        """What all its keys begin with: as the URL has it, or the read model's name."""
        return self._named or self._opened().read_model

    def open(self, target: Target) -> int | None:
        """See `Outlet.open`."""
        self._target = target
        self._position = None
        with self._asking() as client:
            self._check_memory(client)
            self._check_types(client)
            held: Any = client.hgetall(self._name("about"))
            if held and (other := target.other({**held, "key": held.get("key", "").split(",")})) is not None:
                raise OutletMismatch(
                    self.url,
                    f"{self._name('about')!r} says another {other[0]} ({other[1]}, not {other[2]}); give each projection "
                    "a prefix of its own, or remove the keys of this one",
                )
            self._clear_beside(client)
            if not held:
                if client.exists(self._name("rows"), self._name("changes")):
                    raise OutletMismatch(
                        self.url,
                        f"there are keys {self.prefix!r}:… that no outlet made; give another prefix: prefix=NAME",
                    )
                client.hset(self._name("about"), mapping=self._facts())
                return None
            whole = "filling" not in held and client.scard(self._name("rows")) == int(held.get("count", "-1"))
            self._position = int(held["position"]) if whole and "position" in held else None
            return self._position

    def deliver(self, removed: pa.Table | None, rows: pa.Table, position: int) -> None:
        """See `Outlet.deliver`."""
        target = self._opened()
        new = dict(zip(_row_keys(rows, target.key), text_rows(rows), strict=True))
        digest = _digest(removed, new, position)
        with self._asking() as client:
            gone = (
                set(client.smembers(self._name("rows"))) - new.keys()
                if removed is None
                else set(_row_keys(removed, target.key))
            )
            large = len(new) + len(gone) > _AT_ONCE
            if large:
                self._build_beside(client, new)
            self._commit(client, gone, new, position, digest, everything=removed is None, beside=large)
        self._position = position

    def close(self) -> None:
        """Let go of the connection; the next call makes one."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _commit(
        self,
        client: Any,
        gone: set[str],
        new: dict[str, list[str]],
        position: int,
        digest: str,
        *,
        everything: bool,
        beside: bool,
    ) -> None:
        """One transaction: the rows, what the stream says of them, and the position. Rows that stand beside already only change their names."""
        rows, changes, about = (self._name(name) for name in _TYPES)
        with client.pipeline(transaction=True) as pipe:
            pipe.watch(rows, changes, about)
            self._check_types(pipe)
            if self._has_arrived(pipe, digest, everything=everything):
                return
            asked = [*new, *gone]
            there = {key for key, found in zip(asked, _members(pipe, rows, asked), strict=True) if found}
            count = pipe.scard(rows) + len(new.keys() - there) - len(gone & there)
            ids = _ids(position, _last_id(pipe, changes))
            pipe.multi()
            row = f"{self.prefix}:row:"
            for part in _parts([row + key for key in gone]):
                pipe.unlink(*part)
            if beside:
                other = self._name("beside") + ":"
                for key in new:
                    pipe.execute_command("RENAME", other + key, row + key)
                pipe.unlink(self._name("beside"))
            else:
                self._put(pipe, row, new)
            for part in _parts(list(gone)):
                pipe.srem(rows, *part)
            for part in _parts(list(new)):
                pipe.sadd(rows, *part)
            for change, key in _entries(gone, new, everything=everything or beside):
                pipe.execute_command(
                    "XADD", changes, "MAXLEN", "~", self._keep, next(ids), "change", change, "row", key
                )
            pipe.hset(about, mapping={**self._facts(), "position": position, "count": count, "delivery": digest})
            pipe.hdel(about, "filling")
            answers = pipe.execute(raise_on_error=False)
        failed = next((answer for answer in answers if isinstance(answer, Exception)), None)
        if failed is not None:  # what was not foreseen: then nothing says that it is there
            client.hset(about, "filling", position)
            raise failed

    def _has_arrived(self, pipe: Any, digest: str, *, everything: bool) -> bool:
        """Whether this very delivery is there, its answer lost; else what is there has to be what we know.

        Raises:
            OutletMismatch: It was emptied, or exchanged.
            OutletUnavailable: It is as it was at another position.
        """
        about = self._name("about")
        delivery, log_id, position = pipe.hmget(about, "delivery", "log_id", "position")
        if delivery == digest:
            return True
        if log_id != str(self._opened().log_id):
            raise OutletMismatch(self.url, f"{about!r} was removed or exchanged meanwhile; open it again")
        if not everything and position != (None if self._position is None else str(self._position)):
            raise OutletUnavailable(
                self.url,
                f"it is at position {position}, not {self._position}: what was delivered since is lost, and it has to be opened again",
            )
        return False

    def _build_beside(self, client: Any, new: dict[str, list[str]]) -> None:
        """Many rows under names of their own, in parts, which readers do not see. What another one left half built is removed."""
        self._clear_beside(client)
        beside = self._name("beside")
        for part in _parts(list(new), _AT_ONCE):
            with client.pipeline(transaction=True) as pipe:
                for keys in _parts(part):
                    pipe.sadd(beside, *keys)
                self._put(pipe, beside + ":", {key: new[key] for key in part})
                pipe.execute()

    def _clear_beside(self, client: Any) -> None:
        """Remove what was built beside and never came into its place."""
        beside = self._name("beside")
        for part in _parts(list(client.smembers(beside))):
            client.unlink(*(f"{beside}:{key}" for key in part))
        client.unlink(beside)

    def _put(self, pipe: Any, before: str, new: dict[str, list[str]]) -> None:
        """The hashes of rows. Each is removed first: whatever it was, and fields that are null now."""
        for part in _parts([before + key for key in new]):
            pipe.unlink(*part)
        for key, values in new.items():
            pipe.execute_command("HSET", before + key, *values)

    def _facts(self) -> dict[str, str]:
        """What `about` says of whose rows they are."""
        target = self._opened()
        return {**target.facts(), "key": ",".join(target.key)}

    def _opened(self) -> Target:
        if self._target is None:
            raise InvalidSetting("outlet", self.url, "open it for a target first")
        return self._target

    def _name(self, what: str) -> str:
        return f"{self.prefix}:{what}"

    def _check_types(self, client: Any) -> None:
        for what, kind in _ALSO.items():
            found = client.type(self._name(what))
            if found not in (kind, "none"):
                raise OutletMismatch(
                    self.url, f"{self._name(what)!r} is a {found} that no outlet made; give another prefix: prefix=NAME"
                )

    def _check_memory(self, client: Any) -> None:
        """Refuse a server that throws keys away when its memory is full: rows would be missing, and nobody would know."""
        memory: Any = client.info("memory")
        if int(memory.get("maxmemory", 0)) and str(memory.get("maxmemory_policy", "")).startswith("allkeys"):
            raise OutletMismatch(
                self.url,
                f"the server throws keys away when its memory is full (maxmemory-policy {memory['maxmemory_policy']}); "
                "set it to noeviction or to one of volatile-…",
            )

    @contextmanager
    def _asking(self) -> Iterator[Any]:
        """A block with a connection; one that broke is made anew by the next block."""
        try:
            import redis
            from redis.backoff import NoBackoff
            from redis.retry import Retry
        except ImportError as error:
            raise ImportError(f"an outlet to Redis needs redis-py: pip install 'orders_es[redis]' ({error})") from error
        if self._client is None:
            # A lost answer is not for the library to ask for again: it would send the whole transaction twice.
            self._client = redis.Redis.from_url(
                self._server,
                decode_responses=True,
                retry=Retry(NoBackoff(), 0),
                socket_timeout=30,
                socket_connect_timeout=10,
            )
        try:
            yield self._client
        except redis.WatchError as error:
            raise OutletUnavailable(self.url, "somebody else changed its keys meanwhile") from error
        except (redis.RedisError, OSError) as error:
            self.close()
            said = " ".join(str(error).split()) or type(error).__name__
            raise OutletUnavailable(self.url, said if len(said) < _SAID else f"{said[:80]} … {said[-80:]}") from error


def _row_keys(table: pa.Table, key: Sequence[str]) -> list[str]:
    r"""The parts of each row's key in one text, from which they could be told again; a part that is null is `\N`."""
    columns = [column_texts(table.column(name)) for name in key]
    if len(key) == 1:
        return [r"\N" if part is None else part for part in columns[0]]
    escaped = [
        [r"\N" if part is None else part.replace("\\", r"\\").replace("|", r"\|") for part in column]
        for column in columns
    ]
    return list(map("|".join, zip(*escaped, strict=True)))


def _entries(gone: set[str], new: Iterable[str], *, everything: bool) -> Iterator[tuple[str, str]]:
    """What the stream says of a delivery: each change and its row's key, or that all rows are to be read anew."""
    if everything:
        yield "everything", ""
        return
    for key in sorted(gone):
        yield "removed", key
    for key in new:
        yield "row", key


def _ids(position: int, last: tuple[int, int]) -> Iterator[str]:
    """Ids of a stream's entries that follow its last one: the log's position, and a number."""
    first, number = max((position, 0), last)
    while True:
        number += 1
        yield f"{first}-{number}"


def _last_id(client: Any, stream: str) -> tuple[int, int]:
    if not client.exists(stream):
        return (0, 0)
    first, _, number = str(client.xinfo_stream(stream)["last-generated-id"]).partition("-")
    return int(first), int(number)


def _members(client: Any, name: str, keys: list[str]) -> list[int]:
    return [found for part in _parts(keys, _AT_ONCE) for found in client.smismember(name, part)]


def _parts(whole: list[str], length: int = _NAMED) -> Iterator[list[str]]:
    for start in range(0, len(whole), length):
        yield whole[start : start + length]


def _digest(removed: pa.Table | None, new: dict[str, list[str]], position: int) -> str:
    """What tells one delivery from another."""
    found = hashlib.sha256(str(position).encode())
    if removed is not None:
        found.update("\n".join(["removed", *sorted(map(str, removed.to_pylist()))]).encode("utf-8", "surrogatepass"))
    for key in sorted(new):
        found.update("\0".join((key, *new[key], "\n")).encode("utf-8", "surrogatepass"))
    return found.hexdigest()
