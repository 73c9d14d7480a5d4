"""An Arrow table as a pandas DataFrame, with money in the form that is asked for."""

from __future__ import annotations

import dataclasses
from datetime import UTC
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, get_args

from orders_es.errors import InvalidSetting

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

    import pandas as pd
    import pyarrow as pa

__all__ = ["Money", "Times", "check_forms", "frame_of", "frame_of_rows"]

Money = Literal["float", "decimal", "arrow"]
Times = Literal["utc", "local"]


def check_forms(money: str, times: str) -> None:
    """Refuse a form that there is not.

    Raises:
        InvalidSetting: There is no such form.
    """
    for name, value, known in (("money", money, get_args(Money)), ("times", times, get_args(Times))):
        if value not in known:
            raise InvalidSetting(name, value, f"give one of {', '.join(map(repr, known))}")


def frame_of(table: pa.Table, money: Money, times: Times, zone: tzinfo) -> pd.DataFrame:
    """The table as a DataFrame; see `Answer.to_pandas`."""
    import pandas as pd
    import pyarrow as pa

    def exact(kind: Any) -> Any:
        if pa.types.is_decimal(kind):
            return pd.ArrowDtype(kind) if money == "arrow" else None
        if pa.types.is_integer(kind):  # int64 is Int64 to pandas, uint8 UInt8
            return pd.api.types.pandas_dtype(str(kind).replace("uint", "UInt").replace("int", "Int"))
        return pd.BooleanDtype() if pa.types.is_boolean(kind) else None

    # Arrow finds a column's type by its name, and two columns may have one name.
    numbered = table.rename_columns(list(map(str, range(table.num_columns))))
    for place, field in enumerate(table.schema) if money == "float" else ():
        if pa.types.is_decimal(field.type):
            numbered = numbered.set_column(place, str(place), _as_numbers(field, table.column(place)))
    try:
        frame: pd.DataFrame = numbered.to_pandas(types_mapper=exact)
    except (OverflowError, ValueError):  # a date that Python has not, which Arrow has
        frame = numbered.to_pandas(
            types_mapper=lambda kind: pd.ArrowDtype(kind) if pa.types.is_date(kind) else exact(kind)
        )
    for name in _instants(table) if times == "local" else ():
        frame[name] = frame[name].dt.tz_convert(zone).dt.tz_localize(None)
    frame.columns = pd.Index(table.column_names)
    return frame


def frame_of_rows(
    kind: type[Any], rows: Sequence[Any], *, money: Money, times: Times, zone: tzinfo | None
) -> pd.DataFrame:
    """Rows that are instances of a dataclass, as a DataFrame with a column for each field; see `Answer.to_pandas`.

    Raises:
        InvalidSetting: There is no such form, or an amount has more digits than a float.
    """
    import pandas as pd
    import pyarrow as pa

    check_forms(money, times)
    exact = pa.decimal128(38, 4)
    columns: dict[str, Any] = {}
    for field in dataclasses.fields(kind):
        values = [getattr(row, field.name) for row in rows]
        if str(field.type).startswith("datetime"):
            column = pd.Series(values, dtype="datetime64[us, UTC]")
            columns[field.name] = column.dt.tz_convert(zone or UTC).dt.tz_localize(None) if times == "local" else column
        elif field.type == "Decimal" and money != "decimal":
            amounts = pa.array(values, exact)
            if money == "float":
                whole = _as_numbers(pa.field(field.name, exact), pa.chunked_array([amounts]))
                columns[field.name] = whole.to_pandas()
            else:
                columns[field.name] = pd.Series(pd.arrays.ArrowExtensionArray(amounts))
        else:
            columns[field.name] = pd.Series(values, dtype=None if values else object)
    return pd.DataFrame(columns)


def _instants(table: pa.Table) -> list[str]:
    import pyarrow as pa

    return [
        str(place) for place, f in enumerate(table.schema) if pa.types.is_timestamp(f.type) and f.type.tz is not None
    ]


def _as_numbers(field: pa.Field, column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Decimals as whole numbers where they have no decimals, as floats where they have; each is the number that it was.

    Raises:
        InvalidSetting: A float is not exact enough for one of them.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if field.type.scale == 0:
        try:
            return column.cast(pa.int64())
        except pa.ArrowInvalid:
            return _refuse(field, column, lambda value: int(float(value)) == value)
    # Up to 15 digits every decimal is told by its float. Few have more, and those are looked at one by one.
    most = Decimal(10) ** (15 - field.type.scale)
    floats = column.cast(pa.float64())
    largest = pc.max(pc.abs(floats)).as_py()
    if largest is not None and largest >= float(most):
        return _refuse(field, column, lambda value: round(Decimal(repr(float(value))), field.type.scale) == value)
    return floats


def _refuse(field: pa.Field, column: pa.ChunkedArray, is_exact: Any) -> pa.ChunkedArray:
    import pyarrow as pa

    for value in column.to_pylist():
        if value is not None and not is_exact(value):
            raise InvalidSetting(
                "money", "float", f"{field.name} holds {value:,f}, which no float is; give money='decimal' or 'arrow'"
            )
    return column.cast(pa.float64())
