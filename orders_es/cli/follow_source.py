"""What a call of `follow` means: which source, and what makes events of its lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from orders_es.log.redacting import without_password

if TYPE_CHECKING:
    from orders_es.log import EventLog
    from orders_es.sources.streams import Follower, Source

__all__ = ["Making", "source_of"]


@dataclass(frozen=True, slots=True)
class Making:
    """What makes events of a source's lines, as the options say it.

    Args:
        shape: `debezium` where lines are changes of rows.
        mapping: What becomes what.
        currency: That of orders whose events name none.
        on_error: What to do about a line that no event can be made of.
        after: Where to begin.
        keys: With a shape: what names a row.
        occurred: With a shape: the column that says when.
        scales: With a shape: decimals of columns.
    """

    shape: str | None
    mapping: str | None
    currency: str | None
    on_error: str
    after: str | None
    keys: tuple[str, ...]
    occurred: str | None
    scales: dict[str, int]

    def check(self) -> None:
        """Refuse what does not go together, and a mapping that makes no sense, before anything is made or asked.

        Raises:
            click.UsageError: Options do not go together.
            BadSource: The mapping makes no sense.
        """
        from orders_es.log.open import order_registry

        if self.shape is None:
            if self.keys or self.occurred is not None or self.scales:
                raise click.UsageError(
                    "--key, --occurred and --scale say how changes of rows are read; they need --shape debezium"
                )
            if self.currency is not None and self.mapping is None:
                raise click.UsageError("--currency fills in what another system's events lack; it needs --mapping")
            if self.mapping is not None:
                from orders_es.sources.jsonl.mapping import load_mapping

                load_mapping(self.mapping, order_registry(), currency=self.currency)
            return
        if not self.keys:
            raise click.UsageError("--key is missing: the column that names a row")
        if self.currency is not None:
            raise click.UsageError("--currency does not go with --shape; a mapping of changes says it, as a value")
        if self.mapping is not None:
            from orders_es.sources.rows.mapping import load_change_mapping

            load_change_mapping(self.mapping, order_registry())

    def follower(self, log: EventLog, source: Source, **more: Any) -> Follower:
        """What reads a source into a log."""
        from orders_es.sources.streams import Follower

        shared: dict[str, Any] = {"mapping": self.mapping, "on_error": self.on_error, "after": self.after, **more}
        if self.shape is None:
            return Follower(log, source, currency=self.currency, **shared)
        from orders_es.sources.streams.change_follower import ChangeFollower

        return ChangeFollower(log, source, key=self.keys, occurred=self.occurred, scales=self.scales, **shared)


_KINDS: dict[str, tuple[str, ...]] = {
    "postgresql": ("--table", "--slot", "--publication"),
    "postgres": ("--table", "--slot", "--publication"),
    "redis": ("--stream", "--json-field"),
    "rediss": ("--stream", "--json-field"),
    "kafka": ("--topic",),
    "nats": ("--stream", "--subject"),
    "tls": ("--stream", "--subject"),
    "mongodb": ("--collection",),
    "mongodb+srv": ("--collection",),
    **dict.fromkeys(
        ("kurrentdb", "kurrentdb+discover", "esdb", "esdb+discover", "kdb", "kdb+discover"), ("--stream", "--category")
    ),
}
"""What says which part of a server is followed, by the scheme of its URL."""


def source_of(source: str, given: dict[str, str], how: dict[str, Any]) -> Source:
    """The source that a call means.

    Raises:
        click.UsageError: It means none.
    """
    scheme = source.partition("://")[0] if "://" in source else ""
    if scheme not in _KINDS:
        raise click.UsageError(
            f"{without_password(source)!r} is nothing that can be followed; give postgresql://user@host/database and --table, or --slot, "
            "redis://host:port/db or nats://host:port and --stream, kafka://host:port and --topic, kurrentdb://user:password@host:port, or mongodb://host:port/database"
        )
    wrong = [name for name in given if name not in _KINDS[scheme]]
    if wrong:
        raise click.UsageError(f"{wrong[0]} does not go with {scheme}://; there it is {' or '.join(_KINDS[scheme])}")
    _check_parts(scheme, given)
    try:
        if "--slot" in given:
            from orders_es.sources.streams.postgres_slot import PostgresSlot

            return PostgresSlot(source, given["--slot"], given["--publication"])
        if "--table" in given:
            from orders_es.sources.streams.postgres_table import PostgresTable

            return PostgresTable(source, given["--table"], **how)
        return _broker(scheme, source, given)
    except ImportError as error:
        extra = {"rediss": "redis", "tls": "nats", "mongodb+srv": "mongodb", "postgresql": "postgres"}.get(
            scheme, scheme
        )
        if "--category" in _KINDS[scheme]:
            extra = "kurrentdb"
        raise click.UsageError(f"{error}: pip install 'orders_es[{extra}]'") from error


def _broker(scheme: str, source: str, given: dict[str, str]) -> Source:
    if scheme.startswith("redis"):
        from orders_es.sources.streams.redis_stream import RedisStream

        return RedisStream(source, given["--stream"], json_field=given.get("--json-field"))
    if scheme == "kafka":
        from orders_es.sources.streams.kafka_topic import KafkaTopic

        return KafkaTopic(source, given["--topic"])
    if "--collection" in _KINDS[scheme]:
        from orders_es.sources.streams.event_horizon import EventHorizonCollection

        return EventHorizonCollection(source, given.get("--collection", "events"))
    if "--category" in _KINDS[scheme]:
        from orders_es.sources.streams.kurrentdb import KurrentStream

        return KurrentStream(source, stream=given.get("--stream"), category=given.get("--category"))
    from orders_es.sources.streams.nats_stream import NatsStream

    return NatsStream(source, given["--stream"], subject=given.get("--subject"))


def _check_parts(scheme: str, given: dict[str, str]) -> None:
    """See to it that what is followed of a server is said, and once.

    Raises:
        click.UsageError: It is not.
    """
    if scheme.startswith("postgres"):
        _check_postgres(given)
    elif "--category" in _KINDS[scheme]:
        if len(given) > 1:
            raise click.UsageError(
                "--stream and --category are two parts of a database; give one of them, or none for all events"
            )
    elif "--collection" not in _KINDS[scheme] and (needed := _KINDS[scheme][0]) not in given:
        raise click.UsageError(f"{needed} is missing: the {needed.strip('-')}'s name")


def _check_postgres(given: dict[str, str]) -> None:
    if "--table" not in given and "--slot" not in given:
        raise click.UsageError(
            "--table is missing: the table of events, as in --table shop.events; or --slot and --publication"
        )
    if "--table" in given and "--slot" in given:
        raise click.UsageError("--table and --slot are two ways to read a server; give one of them")
    if ("--slot" in given) != ("--publication" in given):
        raise click.UsageError("--slot and --publication belong together: the slot, and what is published in it")
