"""The commands `follow`, which reads a source into a log as it goes on, and `followed`, which says how far that has come."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from orders_es.cli.follow_source import Making, source_of
from orders_es.cli.import_ import currency_code
from orders_es.cli.import_history import column_scales
from orders_es.cli.lag import length, seconds
from orders_es.cli.log_lines import log_lines, teller
from orders_es.cli.options import as_json, existing_log, log_option
from orders_es.cli.output import count, print_json, print_text, printable, table
from orders_es.cli.stopping import stopping

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import timedelta

    from orders_es.sources.streams import Followed, SourceLag

__all__ = ["follow", "followed"]


@click.command(short_help="Read another system's events into a log, as they are recorded there.")
@click.argument("source", metavar="SOURCE")
@click.option("--table", metavar="TABLE", help="The table of events, with its schema if that is not public.")
@click.option(
    "--position",
    metavar="COLUMN",
    default="id",
    show_default=True,
    help="The column that puts a transaction's rows in order.",
)
@click.option(
    "--transaction",
    metavar="COLUMN",
    default="xmin",
    show_default=True,
    help="The xid8 column with the transaction that wrote a row; xmin is PostgreSQL's own mark, which reads the whole table at each look.",
)
@click.option(
    "--in-order",
    is_flag=True,
    help="Go by --position alone: right only where one writer at a time writes the table, and wrong (rows are missed) otherwise.",
)
@click.option("--slot", metavar="NAME", help="Read a logical replication slot (plugin pgoutput) instead of a table.")
@click.option("--publication", metavar="NAME", help="With --slot: the publication whose tables are read.")
@click.option("--stream", metavar="NAME", help="The stream of Redis, of NATS JetStream or of KurrentDB.")
@click.option(
    "--category", metavar="NAME", help="Of KurrentDB: the streams whose names begin with it and '-', such as order."
)
@click.option(
    "--collection", metavar="NAME", help="Of MongoDB: the collection of Event Horizon's events; events if left out."
)
@click.option("--topic", metavar="NAME", help="The topic of Kafka.")
@click.option("--subject", metavar="SUBJECT", help="Of NATS: only messages of this subject, such as 'orders.>'.")
@click.option("--json-field", metavar="NAME", help="Of Redis: the field of an entry that holds a JSON object.")
@click.option("--after", metavar="PLACE", help="Where to begin, if the log says nothing yet: after that place.")
@click.option("--channel", metavar="NAME", help="A channel on which the writers NOTIFY; it only makes things quicker.")
@click.option(
    "--mapping",
    metavar="NAME|TOML",
    help="What makes orders of ours out of the source's events, as for import jsonl. Without it, they are in our own shape.",
)
@click.option(
    "--currency",
    metavar="CODE",
    callback=currency_code,
    help="With --mapping: the currency of orders whose events name none, such as EUR.",
)
@click.option(
    "--on-error",
    type=click.Choice(["stop", "quarantine"]),
    default="stop",
    show_default=True,
    help="What to do about what no event can be made of: stop before it, or record it as it is, with the reason, and go on.",
)
@click.option(
    "--shape",
    type=click.Choice(["debezium"]),
    help="The source's lines are changes of rows, as import history reads them; --mapping is then one of changes.",
)
@click.option(
    "--key",
    "keys",
    metavar="COLUMN",
    multiple=True,
    help="With --shape: the column that names a row; give it again for several.",
)
@click.option(
    "--occurred", metavar="COLUMN", help="With --shape: the column of the rows that says when they were changed."
)
@click.option(
    "--scale",
    "scales",
    metavar="COLUMN=N",
    multiple=True,
    callback=column_scales,
    help="With --shape, without schemas: how many decimals the numbers of a column have.",
)
@click.option("--once", is_flag=True, help="Read what is there by now, and end.")
@click.option(
    "--models",
    metavar="FILE",
    help="The read-model file beside whose projections it is watched: lag, /lag, /metrics and status then tell of it.",
)
@click.option("--lag", is_flag=True, help="Say how much waits in the source, and read nothing in.")
@click.option(
    "--sla",
    metavar="LENGTH",
    callback=length,
    help="With --lag: exit with 1 if the oldest that waits is older, or no event can be made of it: 30s, 15m, 1h.",
)
@click.option(
    "--prometheus-file", metavar="FILE", help="With --lag: put it as metrics into this file; .prom at its end."
)
@click.option(
    "--poll",
    metavar="SECONDS",
    type=click.FloatRange(min=0.01, max=3600),
    default=1.0,
    show_default=True,
    help="Between two looks for something new.",
)
@click.option(
    "--batch-events",
    metavar="N",
    type=click.IntRange(min=1, max=65_536),
    default=1_000,
    show_default=True,
    help="How many events a commit holds at most.",
)
@log_option(makes=True)
@log_lines
@as_json
def follow(
    source: str,
    table: str | None,
    position: str,
    transaction: str,
    in_order: bool,
    slot: str | None,
    publication: str | None,
    stream: str | None,
    category: str | None,
    collection: str | None,
    topic: str | None,
    subject: str | None,
    json_field: str | None,
    after: str | None,
    channel: str | None,
    mapping: str | None,
    currency: str | None,
    on_error: str,
    shape: str | None,
    keys: tuple[str, ...],
    occurred: str | None,
    scales: dict[str, int],
    once: bool,
    models: str | None,
    lag: bool,
    sla: timedelta | None,
    prometheus_file: str | None,
    poll: float,
    batch_events: int,
    log: str,
    as_json: bool,
) -> None:
    """Read the events that another system records into a log, each once, until Ctrl-C or SIGTERM.

    SOURCE is postgresql://user@host/database with --table, somebody else's table of events, or with --slot, a logical
    replication slot; redis://host:port/db or nats://host:port with --stream; kafka://host:port with --topic;
    kurrentdb://user:password@host:port, all events or those of --stream or --category; or mongodb://host:port/database, the
    events of Event Horizon. How far it was read is recorded in the log, in one commit with the events that came of it, so
    after any crash it goes on where it was.

    \b
    Example:
      orders-es follow postgresql://db.example/shop --table shop.events --mapping shop.toml --log my-log
      orders-es followed --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from orders_es.errors import NotALog
    from orders_es.log import open_log
    from orders_es.log.open import order_registry

    if not lag and (sla is not None or prometheus_file is not None):
        raise click.UsageError("--sla and --prometheus-file go with --lag")
    if lag and once:
        raise click.UsageError("--lag reads nothing in, and --once does; give one of them")
    if models is not None and (lag or once):
        raise click.UsageError("--models has a follower watched as it goes on; it does not go with --lag or --once")
    making = Making(shape, mapping, currency, on_error, after, keys, occurred, scales)
    making.check()
    given = {
        "--table": table,
        "--slot": slot,
        "--publication": publication,
        "--stream": stream,
        "--category": category,
        "--collection": collection,
        "--topic": topic,
        "--subject": subject,
        "--json-field": json_field,
    }
    how = {"position": position, "transaction": None if in_order else transaction, "channel": channel}

    reading = source_of(source, {name: value for name, value in given.items() if value is not None}, how)
    if lag:
        try:
            with existing_log(log) as opened:
                _tell_lag(making.follower(opened, reading).lag(), sla, prometheus_file, as_json=as_json)
        finally:
            reading.close()
        return
    try:
        try:
            opened = open_log(log, registry=order_registry())
        except NotALog:
            opened = open_log(log, create=True, registry=order_registry())
        with opened, stopping() as stop:
            follower = making.follower(opened, reading, batch_events=batch_events)
            before = follower.state
            tell = teller()
            if once:
                done = follower.catch_up()
            else:
                if not as_json:
                    tell(f"following {printable(reading.name)} into {printable(log)}; Ctrl-C ends it")
                with _watched(models, reading.name) as say:
                    done = follower.follow(
                        stop,
                        poll=poll,
                        notify=lambda error: tell(str(error), level="warning", plain=f"orders-es: {error}"),
                        say=say,
                    )
    finally:
        reading.close()
    _tell(before, done, as_json=as_json)


@contextmanager
def _watched(models: str | None, name: str) -> Iterator[Callable[..., object]]:
    """What is told how a follower fares, as long as the block; nobody where it is not watched."""
    if models is None:
        yield lambda **_: None
        return
    from datetime import UTC, datetime
    from pathlib import Path

    from orders_es.projections.file.runner_file import SourceRunner

    with SourceRunner(Path(models), name, lambda: datetime.now(UTC)) as runner:
        yield runner.say


def _tell(before: Followed, after: Followed, *, as_json: bool) -> None:
    events, refused = after.events - before.events, after.refused - before.refused
    if as_json:
        print_json({**_facts(after), "new_events": events, "new_refused": refused})
        return
    more = f"; {count(refused, 'line')} refused: orders-es followed --refused" if refused else ""
    print_text(f"{printable(after.name)}: {count(events, 'event')} more, {after.events:,} in all{more}")


def _tell_lag(lag: SourceLag, sla: timedelta | None, file: str | None, *, as_json: bool) -> None:
    """Say how much waits, and exit with 1 where that breaks the promise."""
    late = sla is not None and (lag.seconds_behind is None or lag.seconds_behind > sla.total_seconds())
    if file is not None:
        from orders_es.sources.streams.metrics import write_source_metrics  # an extra

        write_source_metrics(lag, file)
    if as_json:
        print_json(
            {
                **{name: getattr(lag, name) for name in lag.__slots__},
                "sla_seconds": None if sla is None else sla.total_seconds(),
                "breached": late,
            }
        )
    else:
        waits = f"{'at least ' if lag.at_least else ''}{count(lag.lines_behind, 'line')} behind"
        age = "" if not lag.lines_behind else f", the oldest {seconds(lag.seconds_behind) or 'of unknown age'}"
        print_text(
            f"{printable(lag.source)}: {waits}{age}"
            + (f"; {count(lag.refused, 'line')} refused" if lag.refused else "")
        )
        if lag.reason:
            print_text(f"  no event can be made of the next one, {printable(lag.reason)}")
    if late:
        text = f"{lag.source}: further behind than {sla}"
        teller()(text, level="error", plain=f"orders-es: {printable(text)}")
        click.get_current_context().exit(1)


def _facts(state: Followed) -> dict[str, Any]:
    return {
        "source": state.name,
        "place": state.place,
        "events": state.events,
        "refused": state.refused,
        "recorded_at": state.at,
    }


@click.command(short_help="How far each source has been followed, and what of it was refused.")
@click.option("--refused", is_flag=True, help="List what no event could be made of, with the reasons.")
@log_option()
@as_json
def followed(refused: bool, log: str, as_json: bool) -> None:
    """How far each source that `follow` ever read into this log has been followed.

    \b
    Example:
      orders-es followed --log my-log
      orders-es followed --refused --json --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from orders_es.sources.streams import followed as states
    from orders_es.sources.streams.progress import refused_lines

    with existing_log(log) as opened:
        if refused:
            lines = refused_lines(opened)
            if as_json:
                print_json({"log": log, "refused": lines})
            else:
                for line in lines:
                    print_text(
                        f"{printable(line['source'])} at {printable(line['place'])}: {printable(line['reason'])}"
                    )
                    print_text(f"  {printable(line['line'])}")
                print_text(f"{count(len(lines), 'line')} refused")
            return
        found = states(opened)
    if as_json:
        print_json({"log": log, "sources": [_facts(state) for state in found]})
        return
    if not found:
        print_text("no source was followed into this log")
        return
    rows = [
        [
            printable(s.name),
            printable(s.place or ""),
            f"{s.events:,}",
            f"{s.refused:,}",
            "" if s.at is None else s.at.isoformat(" ", "seconds"),
        ]
        for s in found
    ]
    print_text(table(rows, heads=["source", "place", "events", "refused", "recorded at"], right="llrrl", indent=0))
