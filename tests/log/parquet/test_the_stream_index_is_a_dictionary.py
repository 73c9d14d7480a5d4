from hashlib import sha256

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders_es.log import stream_index as index_module
from orders_es.log.stream_index import StreamIndex, stream_key

NAMES = [f"S-{i}" for i in range(40)]
PUTS = st.lists(
    st.tuples(
        st.sampled_from(["put", "put_any", "put_keys"]),
        st.dictionaries(st.sampled_from(NAMES), st.integers(1, 5), max_size=12),
    ),
    max_size=25,
)


def half_colliding(stream_id):
    """A key whose first half is one of three, as no hash of today would give it."""
    digest = sha256(stream_id.encode()).digest()
    return bytes([digest[0] % 3]) * 8 + digest[8:16]


@pytest.mark.parametrize("key", [stream_key, half_colliding])
@given(puts=PUTS)
def test_it_knows_what_a_dictionary_knows(key, puts):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index_module, "stream_key", key)
        patch.setattr(index_module, "_RECENT_MOST", 6)
        patch.setattr(index_module, "_RUNS_MOST", 2)
        index, model = StreamIndex(), {}
        for call, given_versions in puts:
            if call == "put":  # the newest versions: each above what was known
                versions = {s: model.get(s, 0) + step for s, step in given_versions.items()}
                index.put(versions)
            else:  # versions of any age
                versions = given_versions
                if call == "put_any":
                    index.put_any(versions)
                else:
                    index.put_keys(b"".join(map(key, versions)), np.array(list(versions.values()), np.int32))
            for stream_id, version in versions.items():
                model[stream_id] = max(version, model.get(stream_id, 0))
            assert index.get_many(NAMES).tolist() == [model.get(s, 0) for s in NAMES]
            assert [index.get(s) for s in NAMES[:8]] == [model.get(s, 0) for s in NAMES[:8]]


def test_an_older_version_that_comes_later_does_not_hide_the_newer_one():
    index = StreamIndex()
    index.put({"A": 7})
    index.put_any({"A": 3, "B": 1})
    assert index.get_many(["A", "B", "C"]).tolist() == [7, 1, 0]
    index.put_any({"A": 9})
    assert (index.get("A"), index.get("C")) == (9, 0)


def test_many_streams_are_found_again():
    index = StreamIndex()
    for start in range(0, 60_000, 15_000):
        index.put({f"S-{i}": i % 7 + 1 for i in range(start, start + 15_000)})
    names = [f"S-{i}" for i in range(0, 70_000, 7)]
    assert index.get_many(names).tolist() == [int(n[2:]) % 7 + 1 if int(n[2:]) < 60_000 else 0 for n in names]
