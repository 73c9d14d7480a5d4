import hashlib
import uuid

import numpy as np

from orders_es.sources.event_ids import derive_event_ids


def plainly(digest, row, kind):
    bits = int.from_bytes(hashlib.sha256(digest + row.to_bytes(8, "big") + bytes([kind])).digest()[:16], "big")
    bits = bits & ~(0xF << 76) | 8 << 76
    bits = bits & ~(0x3 << 62) | 2 << 62
    return uuid.UUID(int=bits)


def test_they_are_what_the_recipe_says():
    digest = hashlib.sha256(b"a file").digest()
    rows, kinds = [1, 2, 2**40, 541_909], [0, 1, 2, 255]
    ids = derive_event_ids(digest, np.array(rows), np.array(kinds)).to_pylist()
    assert ids == [plainly(digest, row, kind) for row, kind in zip(rows, kinds, strict=True)]
    assert {(i.version, i.variant) for i in ids} == {(8, uuid.RFC_4122)}


def test_file_row_and_kind_all_count():
    one, other = bytes(32), bytes(31) + b"\1"
    ids = [
        *derive_event_ids(one, np.array([1, 1, 2]), np.array([0, 1, 0])).to_pylist(),
        *derive_event_ids(other, np.array([1]), np.array([0])).to_pylist(),
    ]
    assert len(set(ids)) == 4


def test_no_rows_have_no_ids():
    assert derive_event_ids(bytes(32), np.array([], dtype=np.int64), np.array([], dtype=np.int64)).to_pylist() == []
