"""What every outlet has to keep: subclass `OutletContract`, override two things, and run it with pytest."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from orders_es.errors import OutletMismatch
from orders_es.projections.outlets import Target

if TYPE_CHECKING:
    from collections.abc import Callable

    from orders_es.projections.outlets import Outlet

__all__ = ["OutletContract"]

_COLUMNS = pa.schema(
    [
        ("region", pa.string()),
        ("day", pa.date32()),
        ("orders", pa.int64()),
        ("revenue", pa.decimal128(18, 4)),
        ("last_at", pa.timestamp("us", "UTC")),
        ("note", pa.string()),
        ("late", pa.bool_()),
    ]
)
_KEY = ("region", "day")
_TARGET = Target("sales_out", "sales", _KEY, _COLUMNS, uuid.UUID(int=7), "f" * 16)
_DAY = date(2026, 6, 3)


def _row(region: str, orders: int | None = 1, **values: Any) -> dict[str, Any]:
    return {
        "region": region,
        "day": _DAY,
        "orders": orders,
        "revenue": Decimal("12.7500"),
        "last_at": datetime(2026, 6, 3, 15, 0, 0, 123456, tzinfo=UTC),
        "note": None,
        "late": False,
        **values,
    }


def _rows(*rows: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), _COLUMNS)


def _gone(*regions: str) -> pa.Table:
    keys = [{"region": region, "day": _DAY} for region in regions]
    return pa.Table.from_pylist(keys, pa.schema([_COLUMNS.field(name) for name in _KEY]))


class OutletContract:
    """The promises of `Outlet`, as tests.

    Override the fixture `make_outlet`, a function that gives an outlet on one and the same place each time it is called, and
    `contents`, which reads back what the place holds.

    Example:
        >>> from orders_es.projections import FolderOutlet
        >>> class TestFolder(OutletContract):
        ...     @pytest.fixture
        ...     def make_outlet(self, tmp_path):
        ...         return lambda: FolderOutlet(tmp_path / "out")
        ...     def contents(self, outlet):
        ...         table = outlet.table()
        ...         return [] if table is None else table.to_pylist()
    """

    @pytest.fixture
    def make_outlet(self) -> Callable[[], Outlet]:
        """A function that gives an outlet on one and the same place each time."""
        raise NotImplementedError("override the fixture make_outlet: it gives make() -> Outlet")

    def contents(self, outlet: Outlet) -> list[dict[str, Any]]:
        """The rows that the outlet's place holds, in any order, money exact and times with their zone."""
        raise NotImplementedError("override contents(outlet): it gives the rows that are there")

    @pytest.fixture
    def outlet(self, make_outlet: Callable[[], Outlet]) -> Outlet:
        """An outlet, opened for the contract's target."""
        outlet = make_outlet()
        outlet.open(_TARGET)
        return outlet

    def _holds(self, outlet: Outlet, *rows: dict[str, Any]) -> None:
        found = sorted(self.contents(outlet), key=lambda row: str(row["region"]))
        assert found == sorted(rows, key=lambda row: str(row["region"]))

    def test_a_fresh_one_has_no_position(self, make_outlet: Callable[[], Outlet]) -> None:
        assert make_outlet().open(_TARGET) is None

    def test_a_first_delivery_is_all_there_is(self, outlet: Outlet) -> None:
        outlet.deliver(None, _rows(_row("north"), _row("south", 3)), 10)
        self._holds(outlet, _row("north"), _row("south", 3))

    def test_rows_come_change_and_go(self, outlet: Outlet) -> None:
        outlet.deliver(None, _rows(_row("north"), _row("south")), 10)
        outlet.deliver(_gone("south"), _rows(_row("north", 5), _row("west")), 20)
        self._holds(outlet, _row("north", 5), _row("west"))

    def test_a_key_that_goes_and_comes_back_is_there(self, outlet: Outlet) -> None:
        outlet.deliver(None, _rows(_row("north")), 10)
        outlet.deliver(_gone("north"), _rows(), 20)
        self._holds(outlet)
        outlet.deliver(_gone(), _rows(_row("north", 2)), 30)
        self._holds(outlet, _row("north", 2))

    def test_a_key_that_is_not_there_may_go(self, outlet: Outlet) -> None:
        outlet.deliver(None, _rows(_row("north")), 10)
        outlet.deliver(_gone("nowhere"), _rows(), 20)
        self._holds(outlet, _row("north"))

    def test_the_same_delivery_again_changes_nothing(self, make_outlet: Callable[[], Outlet], outlet: Outlet) -> None:
        outlet.deliver(None, _rows(_row("north"), _row("south")), 10)
        for _ in range(2):
            outlet.deliver(_gone("south"), _rows(_row("north", 5)), 20)
            outlet.close()
            outlet = make_outlet()
            assert outlet.open(_TARGET) == 20
        self._holds(outlet, _row("north", 5))

    def test_the_position_is_that_of_the_last_delivery(self, make_outlet: Callable[[], Outlet], outlet: Outlet) -> None:
        for position in (10, 20, 1_000_000_000_000):
            outlet.deliver(None if position == 10 else _gone(), _rows(), position)
            outlet.close()
            outlet = make_outlet()
            assert outlet.open(_TARGET) == position

    def test_nothing_delivered_still_moves_the_position(
        self, make_outlet: Callable[[], Outlet], outlet: Outlet
    ) -> None:
        outlet.deliver(None, _rows(_row("north")), 10)
        outlet.deliver(_gone(), _rows(), 11)
        assert make_outlet().open(_TARGET) == 11
        self._holds(outlet, _row("north"))

    def test_everything_anew_leaves_nothing_of_before(self, outlet: Outlet) -> None:
        outlet.deliver(None, _rows(_row("north"), _row("south")), 10)
        outlet.deliver(None, _rows(_row("east")), 10)
        self._holds(outlet, _row("east"))

    def test_values_come_through_unchanged(self, outlet: Outlet) -> None:
        odd = [
            _row('O\'Brien "x" \\ \n\t\x1f,;', revenue=Decimal("-99999999999999.9999"), note=""),
            _row("日本語 ÅÄÖ 😀", orders=2**63 - 1, note="null", late=True),
            _row("none", orders=None, revenue=None, last_at=None, late=None),
            _row("{}", orders=-(2**63), last_at=datetime(1900, 1, 1, tzinfo=UTC), note="$1 %s ?"),
        ]
        outlet.deliver(None, _rows(*odd), 10)
        self._holds(outlet, *odd)

    def test_many_rows_at_once(self, outlet: Outlet) -> None:
        outlet.deliver(None, _rows(*(_row(f"r-{n:05}", n) for n in range(5_000))), 10)
        outlet.deliver(_gone(*(f"r-{n:05}" for n in range(0, 5_000, 2))), _rows(_row("r-00001", 0)), 20)
        found = {row["region"]: row["orders"] for row in self.contents(outlet)}
        assert found == {f"r-{n:05}": 0 if n == 1 else n for n in range(1, 5_000, 2)}

    @pytest.mark.parametrize(
        "other", [{"log_id": uuid.UUID(int=8)}, {"read_model": "stock"}, {"fingerprint": "0" * 16}]
    )
    def test_what_holds_something_else_is_refused(
        self, make_outlet: Callable[[], Outlet], outlet: Outlet, other: dict[str, Any]
    ) -> None:
        outlet.deliver(None, _rows(_row("north")), 10)
        outlet.close()
        with pytest.raises(OutletMismatch):
            make_outlet().open(replace(_TARGET, **other))
        self._holds(make_outlet(), _row("north"))

    def test_it_can_be_closed_twice_and_has_a_name(self, outlet: Outlet) -> None:
        outlet.close()
        outlet.close()
        assert outlet.url
