"""`KafkaOutlet`: a read model's rows as records of a compacted topic in Kafka, which keeps the last one of each key.

    NAME            a record for each row that came or changed: its key, the row as JSON, the log's position as a header; none (a tombstone) where it went
    NAME.about      what is held there, and up to which position

One delivery is one transaction over both topics: whoever reads `read_committed`, as any consumer should, sees all of it or none. The producer's transactional id is the topic's, so that a
program that was killed, or still runs somewhere, is fenced off by the next one, and what it began is taken back.
"""

from __future__ import annotations

import hashlib
import re
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from orders_es.errors import InvalidSetting, OutletMismatch, OutletUnavailable, RowsRefused
from orders_es.json_text import json_bytes
from orders_es.log.redacting import without_password
from orders_es.projections.outlets.kafka_topics import Topics
from orders_es.projections.outlets.row_text import json_rows, row_keys

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from orders_es.projections.outlets.outlet import Target

__all__ = ["KafkaOutlet"]

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}")
_SECONDS = 60.0
_ENVELOPE = 1_024
"""Bytes of the longest record that are left for what Kafka puts around a row."""


class KafkaOutlet:
    """A topic that holds one read model's rows.

    Needs confluent-kafka: pip install 'orders_es[kafka]'.

    Args:
        url: `kafka://host:9092,other:9092?topic=NAME`: the read model's name is the topic's unless there is another one. A user and password are sent by SASL, PLAIN
            unless `mechanism=` says another; `tls=true` for TLS.

    Raises:
        InvalidSetting: It is no such URL.

    Example:
        >>> KafkaOutlet("kafka://ann:secret@broker.example:9092?topic=shop&tls=true").url
        'kafka://ann@broker.example:9092?topic=shop&tls=true'
    """

    def __init__(self, url: str) -> None:
        self.url = without_password(url)
        parts = urlsplit(url)
        own = dict(pairs := parse_qsl(parts.query, keep_blank_values=True))
        if parts.scheme != "kafka" or not parts.hostname or parts.path.strip("/"):
            raise InvalidSetting("outlet", self.url, "write kafka://host:9092?topic=NAME")
        known = {"topic", "tls", "mechanism"}
        if len(own) < len(pairs) or own.keys() - known or own.get("tls", "true") not in ("true", "false"):
            raise InvalidSetting("outlet", self.url, "topic=NAME, tls=true and mechanism=NAME are known, each once")
        if not _NAME.fullmatch(own.get("topic", "x")):
            raise InvalidSetting("outlet", self.url, "topic= is letters, digits, points, _ and -")
        self._named = own.get("topic")
        self._given = url
        self._target: Target | None = None
        self._topics: Topics | None = None
        self._producer: Any = None
        self._delivered = ""
        self._longest = 0

    @property
    def topic(self) -> str:
        """The topic's name: as the URL has it, or the read model's."""
        return self._named or self._opened().read_model

    def open(self, target: Target) -> int | None:
        """See `Outlet.open`."""
        self.close()
        self._target = target
        with self._asking() as topics:
            self._longest = topics.prepare()
            self._ready(topics)  # takes back what a killed one began, before anything is read
            held = topics.about()
            self._delivered = (held or {}).get("delivery", "")
            if held is None:
                if topics.end():
                    raise OutletMismatch(
                        self.url,
                        f"the topic {self.topic!r} holds what no outlet put there; give another one: topic=NAME",
                    )
                return None
            if (other := target.other(held)) is not None:
                raise OutletMismatch(
                    self.url,
                    f"its topic {self.topic!r} holds another {other[0]} ({other[1]}, not {other[2]}); give each "
                    "projection a topic of its own, or delete this one and the one that ends in .about",
                )
            return int(held["position"]) if topics.end() > held["last"] else None  # else it was made anew

    def deliver(self, removed: pa.Table | None, rows: pa.Table, position: int) -> None:
        """See `Outlet.deliver`."""
        target = self._opened()
        keys = row_keys(rows, target.key)
        new = dict(zip(keys, json_rows(rows), strict=True))
        with self._asking() as topics:
            self._longest = self._longest or topics.prepare()
            producer = self._ready(topics)
            most = self._longest - _ENVELOPE
            reasons = {
                place: f"it has {len(row):,} bytes, and the topic takes {most:,}"
                for place, row in enumerate(new.values())
                if len(row) > most
            }
            gone = (topics.keys() if removed is None else set(row_keys(removed, target.key))) - new.keys()
            gone |= {keys[place] for place in reasons}  # better no row than the one of before
            messages: list[tuple[str, bytes | None]] = [(key, None) for key in sorted(gone)]
            messages += [(key, row) for place, (key, row) in enumerate(new.items()) if place not in reasons]
            digest = _digest(messages, position)
            if digest != self._delivered:  # else it had arrived, and its answer had not
                self._send(producer, topics, messages, position, digest)
                self._delivered = digest
        if reasons:
            raise RowsRefused(self.url, reasons)

    def close(self) -> None:
        """Let go of the connections; the next call makes them anew."""
        if self._producer is not None:
            self._producer.purge()  # what is not committed never will be
        self._producer = self._topics = None

    def _send(
        self, producer: Any, topics: Topics, messages: list[tuple[str, bytes | None]], position: int, digest: str
    ) -> None:
        """One transaction: the records, and what is said about them."""
        failed: list[Any] = []
        last = -1

        def arrived(error: Any, message: Any) -> None:
            nonlocal last
            if error is None:
                last = max(last, message.offset())
            else:
                failed.append(error)

        headers = [("position", b"%d" % position)]
        producer.begin_transaction()
        for key, row in messages:
            while True:
                try:
                    producer.produce(self.topic, key=key, value=row, headers=headers, on_delivery=arrived)
                    break
                except BufferError:  # its queue is full: room comes as answers do
                    producer.poll(0.1)
            producer.poll(0)
        producer.flush(_SECONDS)
        if failed or len(producer):
            raise OutletUnavailable(self.url, str(failed[0]) if failed else "records were not acknowledged in time")
        about = {**self._opened().facts(), "position": position, "delivery": digest, "last": last}
        producer.produce(topics.about_name, key=b"about", value=json_bytes(about))
        producer.commit_transaction(_SECONDS)

    def _ready(self, topics: Topics) -> Any:
        """A producer that may begin a transaction; every other one of this topic may not any more."""
        if self._producer is None:
            producer = topics.producer(f"orders_es.{self.topic}", self._longest)
            producer.init_transactions(_SECONDS)
            self._producer = producer
            self._delivered = (topics.about() or {}).get("delivery", "")
        return self._producer

    def _opened(self) -> Target:
        if self._target is None:
            raise InvalidSetting("outlet", self.url, "open it for a target first")
        return self._target

    @contextmanager
    def _asking(self) -> Iterator[Topics]:
        """A block with connections; what broke is made anew by the next block, and what was begun is taken back by then."""
        try:
            from confluent_kafka import KafkaError, KafkaException
        except ImportError as error:
            missing = f"an outlet to Kafka needs confluent-kafka: pip install 'orders_es[kafka]' ({error})"
            raise ImportError(missing) from error
        try:
            self._topics = self._topics or Topics(self._given, self.url, self.topic)
            yield self._topics
        except OutletUnavailable:
            self._give_up()
            raise
        except KafkaException as error:
            self._give_up()
            reason = error.args[0] if error.args else error
            fenced = (KafkaError._FENCED, KafkaError.INVALID_PRODUCER_EPOCH)  # noqa: SLF001 - the name of a code
            if isinstance(reason, KafkaError) and reason.code() in fenced:
                raise OutletUnavailable(self.url, "somebody else writes to it, too; stop one of the two") from error
            said = reason.str() if isinstance(reason, KafkaError) else str(reason)
            raise OutletUnavailable(self.url, said) from error

    def _give_up(self) -> None:
        if self._producer is not None:
            with suppress(Exception):  # whatever it says: the next producer takes back what this one began
                self._producer.purge()
                self._producer.abort_transaction(1)
        self._producer = self._topics = None


def _digest(messages: list[tuple[str, bytes | None]], position: int) -> str:
    found = hashlib.sha256(str(position).encode())
    for key, row in messages:
        found.update(f"\n{key} {-1 if row is None else len(row)}\n".encode() + (row or b""))
    return found.hexdigest()[:32]
