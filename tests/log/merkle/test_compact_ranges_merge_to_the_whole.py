from functools import reduce
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders_es.log.merkle import CompactRange, decompose, leaf_hash, node_hash


def tree_hash(leaves):
    """MTH of RFC 6962, section 2.1, word for word."""
    if len(leaves) == 1:
        return leaf_hash(leaves[0])
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return node_hash(tree_hash(leaves[:k]), tree_hash(leaves[k:]))


def hashes(count, begin=0):
    return [leaf_hash(i.to_bytes(8, "big")) for i in range(begin, begin + count)]


@given(st.lists(st.binary(max_size=8), min_size=1, max_size=70))
def test_the_root_is_that_of_the_recursive_definition(leaves):
    assert CompactRange.of_leaves(0, [leaf_hash(leaf) for leaf in leaves]).root() == tree_hash(leaves)


@given(st.integers(0, 2**40), st.lists(st.integers(0, 20), min_size=1, max_size=12))
def test_any_split_merges_to_the_same_range(begin, sizes):
    total = sum(sizes)
    leaves = hashes(total)
    whole = CompactRange.of_leaves(begin, leaves)
    parts, at = [], 0
    for size in sizes:
        parts.append(CompactRange.of_leaves(begin + at, leaves[at : at + size]))
        at += size
    assert reduce(CompactRange.merge, parts) == whole
    assert reduce(lambda right, left: left.merge(right), reversed(parts)) == whole


@given(st.integers(0, 200))
def test_leaves_added_one_by_one_give_the_whole(count):
    leaves = hashes(count)
    one_by_one = reduce(
        CompactRange.merge,
        (CompactRange.of_leaves(i, [leaf]) for i, leaf in enumerate(leaves)),
        CompactRange.of_leaves(0, []),
    )
    assert one_by_one == CompactRange.of_leaves(0, leaves)


@given(st.integers(0, 2**60), st.integers(0, 2**20))
def test_the_subtrees_of_a_range_cover_it_in_order_and_are_as_few_as_can_be(begin, count):
    nodes = decompose(begin, begin + count)
    at = begin
    for level, index in nodes:
        assert index << level == at
        at += 1 << level
    assert at == begin + count
    for (level, index), (next_level, next_index) in pairwise(nodes):
        assert not (level == next_level and index % 2 == 0 and next_index == index + 1), "siblings were left unmerged"


@given(st.integers(0, 100), st.integers(0, 100))
def test_a_range_holds_one_hash_a_subtree(begin, count):
    compact = CompactRange.of_leaves(begin, hashes(count))
    assert len(compact.hashes) == len(decompose(begin, begin + count))


@pytest.mark.parametrize("begin", [4, 6])
def test_only_neighbours_merge(begin):
    with pytest.raises(ValueError, match="not neighbours"):
        CompactRange.of_leaves(0, hashes(5)).merge(CompactRange.of_leaves(begin, hashes(2)))


def test_a_root_needs_all_leaves():
    with pytest.raises(ValueError, match="all leaves from 0"):
        CompactRange.of_leaves(1, hashes(2)).root()
