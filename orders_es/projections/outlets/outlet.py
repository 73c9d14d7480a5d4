"""What an outlet is, for everybody who writes one, and the projection that feeds it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from orders_es.errors import BadReadModel, InvalidArgument
from orders_es.projections.definitions import Policy, SetProjection

if TYPE_CHECKING:
    import uuid
    from collections.abc import Mapping

    import pyarrow as pa

__all__ = ["Outlet", "OutletProjection", "Target"]


@dataclass(frozen=True, slots=True)
class Target:
    """What an outlet is to hold: a read model's rows, as one log gives them.

    Args:
        projection: The projection's name.
        key: The columns that tell its rows apart.
        columns: The name and Arrow type of every column.
        log_id: The log that the rows come from.
        fingerprint: A hash of what decides which rows there are.
        anew: Whether all rows are about to be delivered, so that what is there of the same log and read model may be defined otherwise.
    """

    projection: str
    read_model: str
    key: tuple[str, ...]
    columns: pa.Schema
    log_id: uuid.UUID
    fingerprint: str
    anew: bool = False

    def facts(self) -> dict[str, Any]:
        """What an outlet notes beside its rows, and expects to find there again: whose they are."""
        return {
            "read_model": self.read_model,
            "key": list(self.key),
            "log_id": str(self.log_id),
            "fingerprint": self.fingerprint,
        }

    def other(self, held: Mapping[str, Any]) -> tuple[str, Any, Any] | None:
        """What is another thing there than it is here: its name, there, and here; None where a place is this target's.

        Args:
            held: What the place notes beside its rows.

        Example:
            >>> import uuid, pyarrow as pa
            >>> target = Target("p", "orders", ("order_id",), pa.schema([]), uuid.UUID(int=7), "f")
            >>> target.other({**target.facts(), "read_model": "stock"})
            ('read model', 'stock', 'orders')
        """
        decided = ("key", "fingerprint") if self.anew else ()
        for name, value in self.facts().items():
            if name not in decided and held.get(name) != value:
                return name.replace("_", " "), held.get(name), value
        return None


@runtime_checkable
class Outlet(Protocol):
    """Another system that is to hold a read model's rows. `orders_es.testing.OutletContract` says what it has to keep.

    Calls come from one thread. Whatever happens between two calls, the next one may come from a program that was started again:
    what counts is what the other system holds.
    """

    @property
    def url(self) -> str:
        """How `open_outlet` makes it again, without secrets; its name in errors."""
        ...

    def open(self, target: Target) -> int | None:
        """Make ready for a target, and say up to which position it is filled; None where nothing was delivered yet.

        Args:
            target: What is to be held there.

        Raises:
            OutletMismatch: It holds something else: another log's rows, another read model, or one that is defined otherwise.
            OutletUnavailable: It cannot be reached; it is asked again later.
        """
        ...

    def deliver(self, removed: pa.Table | None, rows: pa.Table, position: int) -> None:
        """Take out what went, put in what came, and remember the position: all of it, or nothing.

        The same delivery may come again, if the program was killed before it noted that this one had arrived; it must then
        lead to the same contents.

        Args:
            removed: The keys of rows that are not there any more, a column for each part of the key. None means that
                everything goes, and `rows` is all there is.
            rows: The rows that are new or changed, all columns.
            position: The log's position up to which the contents are true afterwards.

        Raises:
            OutletUnavailable: It cannot be reached, or is full; the delivery is tried again.
            RowsRefused: It holds everything but certain rows, which it will never take.
        """
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


@dataclass(frozen=True, slots=True)
class OutletProjection(SetProjection):
    """A read model whose changes go to an outlet. Make it with `into`.

    The read-model file keeps a copy of what was delivered, from which the next differences follow, and the checkpoint.

    Args:
        outlet: Where the changes go.
        as_name: The projection's name; the read model's and the outlet's scheme if left out.
        on_error: What follows where the outlet refuses rows for good: `"stop"` before the event that led to them, or put
            them aside as dead letters and `"continue"`.
        attempts: How often to try a delivery before `run` gives up; `follow` goes on trying.
        pause: Seconds between the first two tries; twice that between the next two, and so on.

    Example:
        >>> import tempfile
        >>> from orders_es.projections.outlets import FolderOutlet
        >>> OutletProjection.into(FolderOutlet(tempfile.mkdtemp()), "orders").name
        'orders_to_folder'
    """

    outlet: Outlet | None = field(default=None, repr=False, compare=False)
    as_name: str = ""
    on_error: Policy = "stop"
    attempts: int = 5
    pause: float = 0.2

    kind = "outlet"

    @classmethod
    def into(
        cls,
        outlet: Outlet,
        model: str | SetProjection,
        *,
        name: str = "",
        on_error: Policy = "stop",
        attempts: int = 5,
        pause: float = 0.2,
    ) -> OutletProjection:
        """The projection of a read model into an outlet.

        Args:
            model: The read model's name, or its projection.
            on_error: As above.
            attempts: As above.
            pause: As above.

        Raises:
            UnknownProjection: There is no such read model.
            BadReadModel: It does not say by which columns its rows are told apart.
        """
        base = SetProjection.of(model) if isinstance(model, str) else model
        if not base.model.key:
            raise BadReadModel(
                base.model.path, "an outlet has to tell its rows apart; name the columns of its key in `-- Key:`"
            )
        return cls(
            base.model,
            base.version,
            base.reads,
            outlet=outlet,
            as_name=name,
            on_error=on_error,
            attempts=attempts,
            pause=pause,
        )

    @property
    def name(self) -> str:
        """The projection's name."""
        if self.as_name:
            return self.as_name
        if self.outlet is None:
            raise InvalidArgument("outlet=None: write OutletProjection.into(outlet, model)")
        return f"{self.model.name}_to_{self.outlet.url.partition(':')[0]}"
