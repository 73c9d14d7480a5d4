"""Topics of Kafka as an outlet uses them: made, looked at, and read up to their end as a `read_committed` consumer sees them."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from orders_es.errors import OutletMismatch, OutletUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Topics", "client_settings"]

_SECONDS = 30.0
_BACK = 50


def client_settings(url: str) -> dict[str, Any]:
    """What librdkafka is told for a URL.

    Args:
        url: `kafka://user:password@host:9092,other:9092?tls=true&mechanism=NAME`.

    Example:
        >>> client_settings("kafka://broker.example:9092?topic=shop")["bootstrap.servers"]
        'broker.example:9092'
        >>> client_settings("kafka://ann:secret@broker.example:9092")["security.protocol"]
        'SASL_PLAINTEXT'
    """
    parts = urlsplit(url)
    own = dict(parse_qsl(parts.query))
    tls = own.get("tls") == "true"
    settings: dict[str, Any] = {
        "bootstrap.servers": parts.netloc.rpartition("@")[2],
        "client.id": "orders_es",
        "socket.connection.setup.timeout.ms": 10_000,
        "logger": _quiet(),
        "error_cb": _told,
        "security.protocol": "SSL" if tls else "PLAINTEXT",
    }
    if parts.username:
        settings |= {
            "security.protocol": "SASL_SSL" if tls else "SASL_PLAINTEXT",
            "sasl.mechanism": own.get("mechanism", "PLAIN"),
            "sasl.username": unquote(parts.username),
            "sasl.password": unquote(parts.password or ""),
        }
    return settings


def _told(_: Any) -> None:
    """What fails is told by the call that fails; without this, calls that have callbacks of their own would end in a SystemError."""


def _quiet() -> logging.Logger:
    logger = logging.getLogger("orders_es.kafka")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
    return logger


class Topics:
    """An outlet's two topics.

    Args:
        given: The URL with its password.
        url: The URL without.
        name: The topic of the rows.
    """

    def __init__(self, given: str, url: str, name: str) -> None:
        self._settings = client_settings(given)
        self._url = url
        self.name = name
        self.about_name = f"{name}.about"

    def prepare(self) -> int:
        """Make what is not there yet, and give the longest record that the topic takes.

        Raises:
            OutletMismatch: A topic would forget rows, or has other settings that lose them.
        """
        from confluent_kafka import KafkaError, KafkaException
        from confluent_kafka import admin as kafka

        tools: Any = kafka  # its names are not exported for type checkers
        admin = tools.AdminClient(self._settings)
        there = admin.list_topics(timeout=_SECONDS).topics
        wanted = [name for name in (self.name, self.about_name) if name not in there]
        compacted = {"cleanup.policy": "compact"}
        new = [tools.NewTopic(name, num_partitions=1, replication_factor=-1, config=compacted) for name in wanted]
        for made in (admin.create_topics(new) if new else {}).values():
            try:
                made.result(_SECONDS)
            except KafkaException as error:
                if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    raise
        longest = 0
        for name in (self.about_name, self.name):
            [answer] = admin.describe_configs([tools.ConfigResource(tools.ResourceType.TOPIC, name)]).values()
            config = {key: entry.value for key, entry in answer.result(_SECONDS).items()}
            if config.get("cleanup.policy") != "compact":
                raise OutletMismatch(
                    self._url,
                    f"the topic {name!r} forgets records (cleanup.policy is {config.get('cleanup.policy')}); set it to compact, or give another "
                    "one: topic=NAME",
                )
            longest = int(config.get("max.message.bytes") or 1_000_000)
        return longest

    def producer(self, transactional_id: str, longest: int) -> Any:
        """A producer for transactions, which no other program has under this id.

        Args:
            longest: Bytes of the longest record that the topic takes.
        """
        from confluent_kafka import Producer

        return Producer(
            {
                **self._settings,
                "transactional.id": transactional_id,
                "acks": "all",
                "linger.ms": 5,
                "compression.type": "lz4",
                "message.max.bytes": max(longest, 1_000),
                "queue.buffering.max.messages": 200_000,
                "transaction.timeout.ms": 300_000,
                "message.timeout.ms": 60_000,
            }
        )

    def about(self) -> dict[str, Any] | None:
        """What is said last about the rows; None where nothing is."""
        low, high = self._edges(self.about_name, 0)
        start, step = high, _BACK
        while start > low:  # backwards: what was taken back, and marks of transactions, stand between
            start, step = max(low, start - step), step * 10
            found = None
            for message in self._committed(self.about_name, {0: start}):
                found = message.value() or found
            if found is not None:
                said: dict[str, Any] = json.loads(found)
                return said
        return None

    def end(self) -> int:
        """The highest offset that a next record of the rows would have in any partition; 0 where there never was one."""
        return max(self._edges(self.name, partition)[1] for partition in self._partitions())

    def keys(self) -> set[str]:
        """The keys of the rows that are there."""
        live: set[str] = set()
        for message in self._committed(self.name, dict.fromkeys(self._partitions(), 0)):
            (live.discard if message.value() is None else live.add)(message.key().decode())
        return live

    def _consumer(self) -> Any:
        from confluent_kafka import Consumer

        return Consumer(
            {
                **self._settings,
                "group.id": "orders_es",  # never joined and never committed to: partitions are assigned
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "auto.offset.reset": "earliest",
                "enable.partition.eof": True,
            }
        )

    def _partitions(self) -> list[int]:
        consumer = self._consumer()
        try:
            return sorted(consumer.list_topics(self.name, timeout=_SECONDS).topics[self.name].partitions)
        finally:
            consumer.close()

    def _edges(self, topic: str, partition: int) -> tuple[int, int]:
        from confluent_kafka import TopicPartition

        consumer = self._consumer()
        try:
            low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=_SECONDS)
            return low, high
        finally:
            consumer.close()

    def _committed(self, topic: str, starts: dict[int, int]) -> Iterator[Any]:
        """The committed records from given offsets to the end of each partition."""
        from confluent_kafka import KafkaError, KafkaException, TopicPartition

        consumer = self._consumer()
        try:
            consumer.assign([TopicPartition(topic, partition, start) for partition, start in starts.items()])
            left = set(starts)
            while left:
                message = consumer.poll(_SECONDS)
                if message is None:
                    raise OutletUnavailable(self._url, f"the topic {topic!r} was not read to its end in time")
                error = message.error()
                if error is None:
                    yield message
                elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - the name of a code
                    left.discard(message.partition())
                else:
                    raise KafkaException(error)
        finally:
            consumer.close()
