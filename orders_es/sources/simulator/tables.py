"""Simulated steps as the table that `EventLog.append_table` takes, without a Python object per row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from orders_es.sources.simulator.kinds import KIND_TABLE, Kind, flags_of
from orders_es.sources.simulator.lives import event_key

if TYPE_CHECKING:
    import numpy.typing as npt

    from orders_es.sources.simulator.draws import Flags, Ints
    from orders_es.sources.simulator.shop import Shop
    from orders_es.sources.simulator.steps import Steps
    from orders_es.sources.simulator.texts import Texts

__all__ = ["TableMaker"]

_NULL = -1
_HEX = np.frombuffer("".join(f"{byte:02x}" for byte in range(256)).encode(), dtype="V2")
_DIGITS = np.frombuffer("".join(f"{number:04d}" for number in range(10_000)).encode(), dtype="V4")
_TEXT_COLUMNS = ("country", "channel", "code", "reason", "method", "carrier")

_PRICED = flags_of(type="ItemAdded") | flags_of(type="ItemRemoved") | flags_of(type="ItemReturned")
_CHANGED = flags_of(type="ItemQuantityChanged")
_CREATED = flags_of(type="OrderCreated")
_ASSIGNED = flags_of(type="CustomerAssigned")
_DESCRIBED = flags_of(type="ItemAdded") | flags_of(type="ItemReturned")
_SHIPPED = flags_of(type="OrderShipped")
_PAID = flags_of(type="PaymentReceived")
_ITEMS = _PRICED | _CHANGED
_AMOUNTS = (
    flags_of(type="DiscountApplied")
    | flags_of(type="ShippingCharged")
    | flags_of(type="PaymentFailed")
    | flags_of(type="AdjustmentRecorded")
    | flags_of(type="RefundIssued")
    | _PAID
)
_FIRST = {name: flags_of(first=name) for name in _TEXT_COLUMNS}
_SECOND = {name: flags_of(second=name) for name in _TEXT_COLUMNS}

_TYPES = sorted({facts.type for facts in KIND_TABLE.values()})
_TYPE_OF = np.array([_TYPES.index(KIND_TABLE[kind].type) for kind in Kind], dtype=np.int32)
_ACTORS = sorted({facts.actor for facts in KIND_TABLE.values()})
_ACTOR_OF = np.array([_ACTORS.index(KIND_TABLE[kind].actor) for kind in Kind], dtype=np.int32)
_PROCESSES = sorted({facts.process for facts in KIND_TABLE.values()})
_PROCESS_OF = np.array([_PROCESSES.index(KIND_TABLE[kind].process) for kind in Kind], dtype=np.int64)
_CAUSE_OF = np.array(
    [_NULL if (cause := KIND_TABLE[kind].cause) is None else int(cause) for kind in Kind], dtype=np.int64
)
_SAME_LINE = np.array([KIND_TABLE[kind].same_line for kind in Kind])


class TableMaker:
    """Makes tables of steps for one simulation.

    Args:
        texts: Its words.
        stream_prefix: What stream ids begin with; the order's number follows.
    """

    def __init__(self, shop: Shop, texts: Texts, stream_prefix: str = "S-") -> None:
        self._shop = shop
        self._prefix = stream_prefix
        self._words = pa.array(texts.words, pa.string())
        self._item_ids = pa.array([f"P-{number:05d}" for number in shop.product_numbers().tolist()], pa.string())
        self._names = pa.array(shop.product_names(), pa.string())
        self._currency = pa.array([shop.settings.currency], pa.string())
        drawn = int(shop.draws.word("event id"))  # 48 bits, the version, 12 bits
        self._simulation = np.uint64(drawn & 0xFFFF_FFFF_FFFF_0FFF | 0x8000)

    def table(self, steps: Steps) -> pa.Table:
        """The steps, in the order given, as a table for `append_table`. Identical arguments make identical bytes."""
        kind = steps.kind.astype(np.int64)
        line = steps.line.astype(np.int64)
        priced, created, assigned = _PRICED[kind], _CREATED[kind], _ASSIGNED[kind]
        customers = np.where((created & (steps.amount >= 0)) | assigned, steps.amount, np.int64(_NULL))
        with_item = _ITEMS[kind]
        columns: dict[str, Any] = {
            "stream_id": _numbered([self._prefix], None, steps.order + 1, self._shop.digits),
            "type": pa.array(_TYPES, pa.string()).take(pa.array(_TYPE_OF[kind])),
            "occurred_at": pa.array(steps.occurred_at * 1_000).cast(pa.timestamp("us", tz="UTC")),
            "event_id": self._event_ids(event_key(steps.order, kind, line)),
            "actor": pa.array(_ACTORS, pa.string()).take(pa.array(_ACTOR_OF[kind])),
            "correlation_id": _numbered(
                [f"{process}-" for process in _PROCESSES], _PROCESS_OF[kind], steps.order + 1, self._shop.digits
            ),
            "causation_id": self._causes(steps.order, kind, line),
            "currency": _words(self._currency, np.where(created, np.int32(0), np.int32(_NULL))),
            "customer_id": _sparse(customers >= 0, lambda rows: _numbered(["C-"], None, customers[rows] + 1, 8)),
        }
        for name in _TEXT_COLUMNS:
            low, high = _FIRST[name][kind], _SECOND[name][kind]
            number = np.where(low, steps.text & 0xFFFF, np.where(high, steps.text >> 16, np.int32(_NULL)))
            columns[name] = _words(self._words, number.astype(np.int32, copy=False))
        columns |= {
            "item_id": _words(self._item_ids, np.where(with_item, steps.item, np.int32(_NULL))),
            "quantity": _integers(steps.quantity, priced),
            "price": _decimals(steps.amount, with_item),
            "description": _words(self._names, np.where(_DESCRIBED[kind], steps.item, np.int32(_NULL))),
            "difference": _integers(steps.quantity, _CHANGED[kind]),
            "amount": _decimals(steps.amount, _AMOUNTS[kind]),
            "reference": self._references(_PAID[kind], "PAY-", steps, kind),
            "tracking": self._references(_SHIPPED[kind], "TR", steps, kind),
        }
        return pa.table(columns)

    def _event_bytes(self, keys: Ints) -> npt.NDArray[np.uint8]:
        """A version 8 UUID for each key, sixteen bytes a row.

        The first half, drawn from the seed, keeps simulations apart; the second one is the key itself, turned so that what
        differs within a commit stands in its last bytes: two keys never share an id, and a file keeps few bytes of each.
        """
        words = keys.astype(np.uint64)
        line = words & np.uint64(0xFFFF)
        turned = (
            (line >> np.uint64(3)) << np.uint64(48) | (words >> np.uint64(16)) << np.uint64(3) | line & np.uint64(7)
        )
        ids = np.empty((len(keys), 2), dtype=">u8")
        ids[:, 0] = self._simulation
        ids[:, 1] = np.uint64(1 << 63) | turned
        return ids.view(np.uint8)

    def _event_ids(self, keys: Ints) -> Any:
        storage = pa.FixedSizeBinaryArray.from_buffers(
            pa.binary(16), len(keys), [None, pa.py_buffer(self._event_bytes(keys))]
        )
        return pa.ExtensionArray.from_storage(pa.uuid(), storage)

    def _causes(self, order: Ints, kind: Ints, line: Ints) -> Any:
        """The id of the event that caused each event, as text; null where nothing did."""
        cause = _CAUSE_OF[kind]
        same = _SAME_LINE[kind]

        def texts(rows: Ints) -> Any:
            keys = event_key(
                order[rows], cause[rows], np.where(same[rows] | (cause[rows] == kind[rows]), line[rows], 0)
            )
            digits = _HEX[self._event_bytes(keys)].view(np.uint8).reshape(len(rows), 32)
            text = np.full((len(rows), 36), ord("-"), dtype=np.uint8)
            for start, end, shift in ((0, 8, 0), (8, 12, 1), (12, 16, 2), (16, 20, 3), (20, 32, 4)):
                text[:, start + shift : end + shift] = digits[:, start:end]
            return _strings(text)

        return _sparse(cause >= 0, texts)

    def _references(self, wanted: Flags, prefix: str, steps: Steps, kind: Ints) -> Any:
        """Numbers that a bank or a carrier would give: twelve digits without a meaning."""

        def texts(rows: Ints) -> Any:
            keys = event_key(steps.order[rows], kind[rows], steps.line[rows].astype(np.int64))
            number = self._shop.draws.words("reference", keys) % np.uint64(10**12)
            return _numbered([prefix], None, number.astype(np.int64), 12)

        return _sparse(wanted, texts)


def _strings(text: npt.NDArray[np.uint8]) -> Any:
    """Rows of equally many bytes as an Arrow array of strings."""
    n, width = text.shape
    offsets = np.arange(n + 1, dtype=np.int32) * np.int32(width)
    return pa.StringArray.from_buffers(n, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(text)))


def _numbered(prefixes: list[str], which: Ints | None, number: Ints, digits: int) -> Any:
    """A prefix and a number with leading zeros, for each row. The prefixes are equally long."""
    groups = -(-digits // 4)
    heads = np.frombuffer("".join(prefixes).encode(), dtype=np.uint8).reshape(len(prefixes), -1)
    width = heads.shape[1]
    text = np.empty((len(number), width + digits), dtype=np.uint8)
    text[:, :width] = heads[0] if which is None else heads[which]
    padded = np.empty((len(number), groups), dtype="V4")
    rest = number
    for group in range(groups - 1, -1, -1):
        padded[:, group] = _DIGITS[rest % 10_000]
        rest = rest // 10_000
    text[:, width:] = padded.view(np.uint8).reshape(len(number), groups * 4)[:, groups * 4 - digits :]
    return _strings(text)


def _sparse(wanted: Flags, texts: Any) -> Any:
    """A column of strings that is null but for the wanted rows, for which `texts(rows)` gives the values."""
    rows = np.flatnonzero(wanted)
    if not len(rows):
        return pa.nulls(len(wanted), pa.string())
    place = np.cumsum(wanted, dtype=np.int32)
    place -= np.int32(1)
    return texts(rows).take(pa.array(place, mask=~wanted))


def _words(words: pa.Array, number: npt.NDArray[np.int32]) -> Any:
    return words.take(pa.array(number, mask=number < 0))


def _bits(valid: Flags) -> pa.Buffer:
    return pa.py_buffer(np.packbits(valid, bitorder="little"))


def _integers(values: npt.NDArray[np.int32], valid: Flags) -> Any:
    filled = np.where(valid, values, 0).astype(np.int64)
    return pa.Array.from_buffers(pa.int64(), len(values), [_bits(valid), pa.py_buffer(filled)])


def _decimals(values: Ints, valid: Flags) -> Any:
    """Ten-thousandths as DECIMAL(18, 4): 128-bit numbers, the low half first."""
    halves = np.empty((len(values), 2), dtype="<i8")
    halves[:, 0] = np.where(valid, values, 0)
    halves[:, 1] = halves[:, 0] >> 63
    return pa.Array.from_buffers(pa.decimal128(18, 4), len(values), [_bits(valid), pa.py_buffer(halves)])
