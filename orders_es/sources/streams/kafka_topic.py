"""`KafkaTopic`: the records of a topic of Kafka, partition by partition, committed ones only.

A place is the next offset of every partition (`0:17,1:4`). It is recorded in the log with the events it led to, and assigned: no consumer group is joined, no offset is committed to Kafka, where it could
come apart from the data. Records of one partition come in their order; those of several have none among them, and so whatever is to stay in order (an order's events) belongs into one, by its key.

Source: Kafka documentation, "Storing Offsets Outside Kafka" of KafkaConsumer; KIP-98 for what `read_committed` hides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from orders_es.errors import BadSource, InvalidSetting, SourceUnavailable
from orders_es.log.redacting import without_password
from orders_es.projections.outlets.kafka_topics import client_settings
from orders_es.sources.streams.source import Delivered

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["KafkaTopic"]

_SECONDS = 30.0
_ANSWER_SECONDS = 5.0
_OPEN_SECONDS = 0.5
_ENOUGH_BYTES = 16_000_000


class KafkaTopic:
    """A topic of Kafka. A record's value is a line, a JSON object; a record without a value (a tombstone) is passed over.

    Needs confluent-kafka: pip install 'orders_es[kafka]'.

    Args:
        url: `kafka://user:password@host:9092,other:9092`, with `?tls=true` and `mechanism=NAME` where the broker wants them.
        topic: The topic's name.

    Raises:
        BadSource: There is no such topic, or it throws records away that a later one of the same key replaces (`compact`), which is no history.
        InvalidSetting: The URL makes no sense.
        SourceUnavailable: The broker does not answer.
    """

    def __init__(self, url: str, topic: str) -> None:
        import confluent_kafka  # noqa: F401 - said here where it is missing

        shown = without_password(url)
        if urlsplit(url).scheme != "kafka" or not urlsplit(url).hostname:
            raise InvalidSetting("source", shown, "write kafka://host:9092")
        self._url, self._topic = url, topic
        self.name = f"{shown.partition('?')[0]} topic {topic}"
        self._client: Any = None
        self._next: dict[int, int] = {}
        """The offset that the consumer reads next, by partition."""
        self._ended: dict[int, int] = {}
        """Up to where the consumer said that it is at a partition's end: behind the last record there may be marks of transactions."""
        self._edges()
        self._check_policy()

    def read(self, after: str | None, limit: int) -> Sequence[Delivered]:
        """The records after a place. See `Source.read`."""
        places = _offsets(self.name, after)
        edges = self._edges()
        for partition, (low, high) in edges.items():
            self._check(partition, places.get(partition), low, high, whole=after is None)
            places.setdefault(partition, low)
        gone = places.keys() - edges.keys()
        if gone:
            raise BadSource(
                self.name, None, f"the partition {min(gone)} is not there any more: it is another topic of that name"
            )
        if places != self._next:
            self._assign(places)
        left = {p for p, (_, high) in edges.items() if max(places[p], self._ended.get(p, 0)) < high}
        return self._records(left, places, limit)

    def committed(self, place: str) -> None:
        """Nothing: the topic's retention says how long records stay. See `Source.committed`."""

    def wait(self, seconds: float) -> bool:
        """Whether there is a record after the last place within so long. See `Source.wait`."""
        import time

        time.sleep(seconds)
        return any(
            high > max(self._next.get(partition, low), self._ended.get(partition, 0))
            for partition, (low, high) in self._edges().items()
        )

    def close(self) -> None:
        """Let go of the connection."""
        if self._client is not None:
            self._client.close()
            self._client = None
            self._next, self._ended = {}, {}

    def _records(self, left: set[int], places: dict[int, int], limit: int) -> list[Delivered]:
        """What is there by now, up to each partition's end."""
        from confluent_kafka import KafkaError

        delivered: list[Delivered] = []
        size = 0
        while left and len(delivered) < limit and size < _ENOUGH_BYTES:
            begun = (
                left <= self._ended.keys()
            )  # then a transaction may still be open there, and what follows it is not settled
            patience = _OPEN_SECONDS if begun else _SECONDS
            message = self._asked(lambda patience=patience: self._connected().poll(patience))
            if message is None and begun:
                break
            if message is None:
                raise self._silent("it sends nothing, although there is more")
            error = message.error()
            if error is not None and error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - the name of a code
                raise self._silent(error.str())
            if error is not None:
                left.discard(message.partition())
                self._ended[message.partition()] = message.offset()
                continue
            places[message.partition()] = (
                message.offset() + 1
            )  # whatever stands there: marks of transactions, or nothing yet
            if message.value() is not None:
                delivered.append(Delivered(_place(places), message.value()))
                size += len(message.value())
        self._next = dict(places)
        return delivered

    def _check(self, partition: int, place: int | None, low: int, high: int, *, whole: bool) -> None:
        if place is None and low and whole:
            raise BadSource(
                self.name,
                None,
                f"records before {low} were removed from the partition {partition}, and it was never read: bring the earlier ones in first, by import "
                f"jsonl, and say where they end: after='{partition}:{low}' (--after {partition}:{low})",
            )
        if place is not None and place < low:
            raise BadSource(
                self.name,
                None,
                f"records before {low} were removed from the partition {partition}, and the next one to read was {place}: what stood between them is lost "
                "here. Keep more of the topic, and follow it into a log of its own",
            )
        if place is not None and place > high:
            raise BadSource(
                self.name,
                None,
                f"the partition {partition} ends at {high}, before {place}, up to which it was read already: it is another topic of that name",
            )

    def _edges(self) -> dict[int, tuple[int, int]]:
        """The first offset of each partition and the one after its last."""
        from confluent_kafka import KafkaError, TopicPartition

        def ask() -> dict[int, tuple[int, int]]:
            client = self._connected()
            topic = client.list_topics(self._topic, timeout=_ANSWER_SECONDS).topics[self._topic]
            if topic.error is not None:
                if topic.error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                    raise BadSource(self.name, None, "there is no such topic")
                raise BadSource(self.name, None, f"it cannot be read: {topic.error.str()}")
            return {
                number: client.get_watermark_offsets(TopicPartition(self._topic, number), timeout=_ANSWER_SECONDS)
                for number in sorted(topic.partitions)
            }

        edges: dict[int, tuple[int, int]] = self._asked(ask)
        return edges

    def _check_policy(self) -> None:
        from confluent_kafka import KafkaException
        from confluent_kafka import admin as kafka

        tools: Any = kafka  # its names are not exported for type checkers
        client = tools.AdminClient(client_settings(self._url))
        [answer] = client.describe_configs([tools.ConfigResource(tools.ResourceType.TOPIC, self._topic)]).values()
        try:
            policy = answer.result(_ANSWER_SECONDS)["cleanup.policy"].value
        except (KafkaException, KeyError, TimeoutError):
            return  # we may not ask, or there is none: then reading says so
        if "compact" in policy:
            raise BadSource(
                self.name,
                None,
                f"its cleanup.policy is {policy}: records go where a later one has the same key, and what is left is no history of events",
            )

    def _assign(self, places: dict[int, int]) -> None:
        from confluent_kafka import TopicPartition

        wanted = [TopicPartition(self._topic, partition, offset) for partition, offset in places.items()]
        self._asked(lambda: self._connected().assign(wanted))
        self._ended = {}

    def _connected(self) -> Any:
        from confluent_kafka import Consumer

        if self._client is None:
            self._client = Consumer(
                {
                    **client_settings(self._url),
                    "group.id": "orders_es",  # never joined, and nothing is committed to it
                    "enable.auto.commit": False,
                    "enable.partition.eof": True,
                    "isolation.level": "read_committed",
                    "auto.offset.reset": "error",
                    "allow.auto.create.topics": False,
                }
            )
        return self._client

    def _asked(self, ask: Any) -> Any:
        from confluent_kafka import KafkaException

        try:
            return ask()
        except KafkaException as error:
            reason = error.args[0] if error.args else error
            raise self._silent(reason.str() if hasattr(reason, "str") else str(reason)) from error

    def _silent(self, why: str) -> SourceUnavailable:
        self.close()
        return SourceUnavailable(self.name, why[:200])


def _place(offsets: dict[int, int]) -> str:
    return ",".join(f"{partition}:{offset}" for partition, offset in sorted(offsets.items()))


def _offsets(name: str, place: str | None) -> dict[int, int]:
    """The next offset of each partition that a place says.

    Raises:
        BadSource: It is no place of a topic.
    """
    found = {}
    for part in (place or "").split(","):
        partition, colon, offset = part.partition(":")
        if part and not (colon and partition.isdigit() and offset.isdigit()):
            raise BadSource(
                name, None, f"{place!r} is no place in a topic; write the next offset of each partition: 0:17,1:4"
            )
        if part:
            found[int(partition)] = int(offset)
    return found
