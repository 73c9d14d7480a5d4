"""The tools of an assistant: questions to a log as functions of plain values, each answered with the moment, the position and the root that it rests on.

Nothing here writes. SQL is one SELECT in a session that reads its log and no file besides (decision 0017), with a limit on rows, on the answer's size and on time.
"""

from __future__ import annotations

import json
import threading
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, Self

from orders_es.errors import InvalidSetting, LogBusy
from orders_es.json_text import json_bytes
from orders_es.log.log_argument import check_log
from orders_es.replay.moments import as_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from orders_es.log import EventLog, Head
    from orders_es.orders import AsOf
    from orders_es.read_models import Folders
    from orders_es.replay import Session

__all__ = ["Questions"]

_TRIES = 20
_AGAIN = 0.05


class Questions:
    """What can be asked of a log.

    Args:
        log: The log, which stays open.
        read_models: Folders with read models beside the house's own.
        most_rows: Rows, events or orders in an answer, at most.
        most_bytes: Bytes of an answer's rows as JSON, at most; one that has more is cut after a whole row, and says so.
        seconds: How long a question may be computed.
        memory_limit: How much memory SQL may use, such as `"1GB"`.

    Example:
        >>> from orders_es.log import NO_STREAM, open_log
        >>> from orders_es.orders import OrderCreated
        >>> log = open_log(":memory:", create=True)
        >>> _ = log.append("A-1", [OrderCreated(currency="GBP")], expected=NO_STREAM)
        >>> with Questions(log) as questions:
        ...     answer = questions.sql("SELECT order_id, total FROM orders")
        >>> answer["rows"], answer["position"]
        ([{'order_id': 'A-1', 'total': '0.0000'}], 1)
    """

    def __init__(
        self,
        log: EventLog,
        *,
        read_models: Folders = None,
        most_rows: int = 200,
        most_bytes: int = 200_000,
        seconds: float = 60.0,
        memory_limit: str = "1GB",
    ) -> None:
        check_log(log)
        for name, value in (("most_rows", most_rows), ("most_bytes", most_bytes), ("seconds", seconds)):
            if not value > 0:
                raise InvalidSetting(name, value, "give more than 0")
        self._log = log
        self._most_rows, self._most_bytes, self._seconds = most_rows, most_bytes, seconds
        self._read_models, self._memory = read_models, memory_limit
        self._session: Session | None = None
        self._turn = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the session."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def tools(self) -> tuple[Callable[..., dict[str, Any]], ...]:
        """The questions as functions, whose names, arguments and texts an assistant sees."""
        return (
            self.info,
            self.read_models,
            self.sql,
            self.show,
            self.history,
            self.explain,
            self.diff,
            self.restatements,
            self.closes,
            self.check_close,
            self.verify,
        )

    def info(self) -> dict[str, Any]:
        """Which log this is, how many events it holds, and the root of the hash tree over them."""
        head = self._log.head()
        types = sorted({name for name, _ in self._log.event_types()})
        return self._answer(head, as_of(at=None, known_at=None), {"event_types": types})

    def read_models(self) -> dict[str, Any]:
        """The tables that `sql` can ask besides `events`: what each holds, which columns tell its rows apart, and what columns mean."""
        with self._turn:
            models = [
                {"name": model.name, "title": model.title, "key": list(model.key), "columns": dict(model.columns)}
                for model in self._opened().models
                if not model.internal
            ]
        return self._answer(self._log.head(), as_of(at=None, known_at=None), {"read_models": models})

    def sql(
        self,
        query: str,
        at: str | None = None,
        known_at: str | None = None,
        recorded_by: str | None = None,
        tz: str | None = None,
    ) -> dict[str, Any]:
        """The answer to one SELECT in DuckDB's SQL over `events` and the read models (see `read_models`), as of a moment. Money is exact: digits in strings.

        `at` asks only for what had happened by then, `known_at` only for what was known by then; a date is the whole of that day. Both together ask what somebody
        who looked at that moment would have seen. Besides there are macros `orders_at('2026-06-30', known_at := '2026-06-30')` for each read model.

        Args:
            query: One SELECT. It can read nothing but the log, and write nothing.
            at: Such as `2026-06-30`, or `2026-06-03T15:00Z`.
            known_at: Likewise.
            recorded_by: Only what this log itself had recorded by then.
            tz: The time zone of times that name none, such as `Europe/London`; UTC if left out.
        """
        asked = as_of(at=at, known_at=known_at, recorded_by=recorded_by, tz=tz)
        return self._selected(query, asked)

    def show(
        self,
        order_id: str,
        at: str | None = None,
        known_at: str | None = None,
        recorded_by: str | None = None,
        version: int | None = None,
        tz: str | None = None,
    ) -> dict[str, Any]:
        """One order: status, lines, money and moments, now or at any moment.

        Args:
            order_id: Its id, as in the column order_id of `orders`.
            at: Only what had happened by then.
            known_at: Only what was known by then: entered, as its source says, or else recorded.
            recorded_by: Only what this log itself had recorded by then.
            version: Only the order's first events.
            tz: The time zone of times that name none; UTC if left out.
        """
        from orders_es.replay import load_order

        head = self._log.head()
        asked = as_of(at=at, known_at=known_at, recorded_by=recorded_by, version=version, tz=tz)
        order = load_order(self._log, order_id, position=head.position, **_limits(asked)).as_dict()
        lines, more = self._cut(order["lines"])
        return self._answer(head, asked, {"order": order | {"lines": lines}, "more_lines": more})

    def history(
        self,
        order_id: str,
        at: str | None = None,
        known_at: str | None = None,
        recorded_by: str | None = None,
        tz: str | None = None,
    ) -> dict[str, Any]:
        """The events of one order in the order of recording: when each happened, when it was recorded, who did it, and what the order came to from then on.

        Args:
            order_id: Its id, as in the column order_id of `orders`.
            at: Only what had happened by then.
            known_at: Only what was known by then.
            recorded_by: Only what this log itself had recorded by then.
            tz: The time zone of times that name none; UTC if left out.
        """
        from orders_es import replay

        head = self._log.head()
        asked = as_of(at=at, known_at=known_at, recorded_by=recorded_by, tz=tz)
        told = replay.history(self._log, order_id, **_limits(asked, version=False))
        rows, more = self._cut(_facts(row) for row in told if row.position <= head.position)
        return self._answer(
            head, asked, {"order_id": order_id, "currency": told.currency, "events": rows, "more": more}
        )

    def explain(
        self,
        order_id: str,
        at: str | None = None,
        known_at: str | None = None,
        recorded_by: str | None = None,
        tz: str | None = None,
    ) -> dict[str, Any]:
        """Why an order comes to what it comes to: each event that changed its total, and by how much.

        Args:
            order_id: Its id, as in the column order_id of `orders`.
            at: Only what had happened by then.
            known_at: Only what was known by then.
            recorded_by: Only what this log itself had recorded by then.
            tz: The time zone of times that name none; UTC if left out.
        """
        from orders_es import replay

        head = self._log.head()
        asked = as_of(at=at, known_at=known_at, recorded_by=recorded_by, tz=tz)
        told = replay.explain(self._log, order_id, **_limits(asked, version=False))
        rows, more = self._cut(_facts(step) for step in told if step.position <= head.position)
        return self._answer(head, asked, {"order_id": order_id, "currency": told.currency, "steps": rows, "more": more})

    def diff(
        self,
        from_at: str | None = None,
        from_known_at: str | None = None,
        to_at: str | None = None,
        to_known_at: str | None = None,
        order_id: str | None = None,
        tz: str | None = None,
    ) -> dict[str, Any]:
        """Which orders differ between two moments on both clocks, and in what. What is known now of June that was not known at its end: from_at and from_known_at 2026-06-30, to_at 2026-06-30.

        Args:
            from_at: The first moment, of what had happened.
            from_known_at: The first moment, of what was known.
            to_at: The second moment, of what had happened; now if left out.
            to_known_at: The second moment, of what was known; now if left out.
            order_id: Only this order.
            tz: The time zone of times that name none; UTC if left out.
        """
        from dataclasses import replace

        from orders_es import replay

        head = self._log.head()
        before = as_of(at=from_at, known_at=from_known_at, position=head.position, tz=tz)
        after = as_of(at=to_at, known_at=to_known_at, position=head.position, tz=tz)
        found = replay.diff(self._log, before, after, order_id=order_id)
        rows, more = self._cut(dict(zip(found.columns, row, strict=True)) for row in found.rows())
        moment = {"from": _said(replace(before, position=None)), "to": _said(replace(after, position=None))}
        return self._answer(head, after, {"rows": rows, "more": more}) | {"as_of": _plain(moment)}

    def restatements(
        self, known_at: str | None = None, recorded_by: str | None = None, tz: str | None = None
    ) -> dict[str, Any]:
        """By how much each day's sales have changed since the day was over: what came in late, was back-dated or corrected, largest first.

        Args:
            known_at: As known by then; now if left out.
            recorded_by: Only what this log itself had recorded by then.
            tz: The time zone of times that name none; UTC if left out.
        """
        query = "SELECT * FROM restatements ORDER BY abs(net_change) DESC, day, currency"
        return self._selected(query, as_of(at=None, known_at=known_at, recorded_by=recorded_by, tz=tz))

    def closes(self) -> dict[str, Any]:
        """What was closed: names such as "2026-06", the moment on both clocks, by whom, and the figures as they were reported."""
        from orders_es import audit

        head = self._log.head()
        found = [done for done in audit.closes(self._log) if done.position < head.position]
        rows, more = self._cut(map(_facts, found))
        return self._answer(head, as_of(at=None, known_at=None), {"closes": rows, "more": more})

    def check_close(self, name: str, tolerance: str = "0") -> dict[str, Any]:
        """What has become of a close: by how much its totals have moved since, by which orders and events, and who recorded those.

        Args:
            name: The close's name.
            tolerance: By how much a total may have moved, such as `0.5%`.
        """
        from orders_es import audit

        head, found = self._unmoved(lambda: audit.check_close(self._log, name, tolerance=tolerance))
        orders, more_orders = self._cut(found.orders)
        events, more_events = self._cut(found.events)
        facts = _facts(found) | {"orders": orders, "events": events, "more": more_orders or more_events}
        return self._answer(head, as_of(at=found.close.at, known_at=None), facts)

    def verify(self) -> dict[str, Any]:
        """Whether the log is what it says: every event read, every hash, version and typed column recomputed. Takes a while on a large log."""
        from orders_es import audit
        from orders_es.domains import known_domains

        found = audit.verify(self._log, domains=known_domains())
        problems, more = self._cut(map(_facts, found.problems))
        facts = {"ok": found.ok, "events": found.events, "problems": problems, "more": more}
        return self._answer(found.head, as_of(at=None, known_at=None), facts)

    def _opened(self) -> Session:
        if self._session is None:
            from orders_es.replay import connect

            self._session = connect(self._log, read_models=self._read_models, memory_limit=self._memory)
        return self._session

    def _selected(self, query: str, asked: AsOf) -> dict[str, Any]:
        """One SELECT, on a cursor that goes away with it; it is ended when it takes too long."""
        import duckdb

        from orders_es.errors import QueryError
        from orders_es.replay.permissions import check_statements

        def use(cursor: Any, head: Head) -> tuple[Head, list[str], list[tuple[Any, ...]]]:
            check_statements(cursor, query, self._log, allow=False, one=True)
            over, done = threading.Event(), threading.Event()

            def watch() -> None:
                if not done.wait(self._seconds):
                    over.set()
                    cursor.interrupt()
                    while not done.wait(_AGAIN):  # an interrupt that comes before the query runs is forgotten
                        cursor.interrupt()

            watcher = threading.Thread(target=watch, name="orders_es-too-long", daemon=True)
            watcher.start()
            try:
                relation = cursor.sql(query)
                if relation is None:
                    raise QueryError("that is no SELECT; give one", query)
                relation = relation.limit(self._most_rows + 1)
                return head, relation.columns, relation.fetchall()
            except duckdb.InterruptException as error:
                if not over.is_set():
                    raise
                said = f"the query took longer than {self._seconds:g} s and was ended; ask for less, or of one order or day"
                raise QueryError(said, query) from error
            finally:
                done.set()
                watcher.join()  # lest it should end the next query

        with self._turn:
            head, columns, rows = self._opened().using(
                use, query, at=asked.at, known_at=asked.known_at, recorded_by=asked.recorded_by
            )
        found, more = self._cut(dict(zip(columns, row, strict=True)) for row in rows)
        return self._answer(head, asked, {"rows": found, "more": more})

    def _unmoved(self, ask: Callable[[], Any]) -> tuple[Head, Any]:
        """What a question gives that no event came into, and the log's end meanwhile."""
        for _ in range(_TRIES):
            head = self._log.head()
            found = ask()
            if self._log.head().position == head.position:
                return head, found
        raise LogBusy(self._log.url, _TRIES, 0.0)

    def _cut(self, rows: Iterable[Any]) -> tuple[list[Any], bool]:
        """The first rows, as many as an answer may have, and whether there are more."""
        kept: list[Any] = []
        size = 0
        for row in rows:
            text = json_bytes(row)
            size += len(text)
            if len(kept) == self._most_rows or size > self._most_bytes:
                return kept, True
            kept.append(json.loads(text))
        return kept, False

    def _answer(self, head: Head, asked: AsOf, facts: dict[str, Any]) -> dict[str, Any]:
        about = {
            "log": self._log.origin,
            "log_id": str(self._log.log_id),
            "as_of": _said(asked),
            "position": head.position,
            "recorded_at": head.recorded_at,
            "root": head.root,
        }
        plain: dict[str, Any] = _plain(about | facts)
        return plain


def _limits(asked: AsOf, *, version: bool = True) -> dict[str, Any]:
    found = {"at": asked.at, "known_at": asked.known_at, "recorded_by": asked.recorded_by}
    return found | ({"version": asked.version} if version else {})


def _said(asked: AsOf) -> dict[str, Any]:
    """The moment that was asked about; what was not limited is left out."""
    found = {field.name: getattr(asked, field.name) for field in fields(asked)}
    return {name: value for name, value in found.items() if value is not None} or {"now": True}


def _facts(value: Any) -> dict[str, Any]:
    assert is_dataclass(value)
    return {field.name: getattr(value, field.name) for field in fields(value)}


def _plain(value: Any) -> Any:
    return json.loads(json_bytes(value))
