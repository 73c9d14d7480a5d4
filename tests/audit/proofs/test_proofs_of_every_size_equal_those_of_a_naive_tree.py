"""Sizes 0 to 300, every index and every pair, against RFC 6962's definitions written down word for word."""

from functools import cache
from hashlib import sha256

import pytest

from orders_es.audit.proofs import check_consistency
from orders_es.audit.tree import LogTree
from orders_es.audit.verify_proof import Refused, check_inclusion
from orders_es.log import ANY, RawEvent, open_log
from orders_es.log.leaf import leaf_hashes

MOST = 300


@pytest.fixture(scope="module")
def log():
    with open_log(":memory:", create=True) as log:
        for number in range(MOST // 50):
            log.append("A", [RawEvent("Counted", f'{{"n":{number}}}') for _ in range(50)], expected=ANY)
        yield log


@pytest.fixture(scope="module")
def naive(log):
    leaves = [digest for batch in log.read() for digest in leaf_hashes(batch)]
    assert len(leaves) == MOST

    return Naive(leaves)


class Naive:
    """MTH, PATH and SUBPROOF of RFC 6962, section 2.1, over the leaves `[begin, end)`."""

    def __init__(self, leaves):
        self.leaves = leaves
        for name in ("root", "path", "subproof"):
            setattr(self, name, cache(getattr(self, name)))

    def root(self, begin, end):
        if begin == end:
            return sha256(b"").digest()
        if end - begin == 1:
            return self.leaves[begin]
        middle = begin + split(end - begin)
        return sha256(b"\x01" + self.root(begin, middle) + self.root(middle, end)).digest()

    def path(self, m, begin, end):
        if end - begin == 1:
            return []
        k = split(end - begin)
        if m < k:
            return [*self.path(m, begin, begin + k), self.root(begin + k, end)]
        return [*self.path(m - k, begin + k, end), self.root(begin, begin + k)]

    def subproof(self, m, begin, end, complete):
        if m == end - begin:
            return [] if complete else [self.root(begin, end)]
        k = split(end - begin)
        if m <= k:
            return [*self.subproof(m, begin, begin + k, complete), self.root(begin + k, end)]
        return [*self.subproof(m - k, begin + k, end, False), self.root(begin, begin + k)]


def split(n):
    k = 1
    while 2 * k < n:
        k *= 2
    return k


def test_every_root_and_every_inclusion_proof(log, naive):
    leaves, root, path = naive.leaves, naive.root, naive.path
    tree = LogTree(log)
    for size in range(MOST + 1):
        assert tree.root(size) == root(0, size)
        for index in range(size):
            proof = tree.inclusion(index, size)
            assert proof == path(index, 0, size)
            check_inclusion(index, size, leaves[index], proof, root(0, size))


@pytest.mark.long
def test_every_consistency_proof(log, naive):
    root = naive.root
    tree = LogTree(log)
    for size in range(1, MOST + 1):
        for old in range(1, size + 1):
            proof = tree.consistency(old, size)
            assert proof == naive.subproof(old, 0, size, True)
            check_consistency(old, size, root(0, old), root(0, size), proof)


@pytest.mark.parametrize(("index", "size"), [(0, 1), (0, 2), (255, 256), (256, 257), (255, 300), (299, 300)])
def test_a_proof_holds_for_no_other_place_size_leaf_or_root(naive, index, size):
    leaves, root, path = naive.leaves, naive.root, naive.path
    proof = path(index, 0, size)
    for other_index in range(size):
        if other_index != index:
            with pytest.raises(Refused):
                check_inclusion(other_index, size, leaves[index], proof, root(0, size))
    for other_size in range(1, MOST + 1):
        if root(0, other_size) != root(0, size):
            with pytest.raises(Refused):
                check_inclusion(index, size, leaves[index], proof, root(0, other_size))
    with pytest.raises(Refused):
        check_inclusion(index, size, sha256(b"another").digest(), proof, root(0, size))


def test_constants_of_rfc_6962(naive):
    root = naive.root
    assert root(0, 0).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


SIZES = [1, 255, 256, 511, 512, 513, 600, 1024, 1100, 1536, 2048, 2700]
"""Around whole blocks of hashes, which are kept, and pairs of them, and pairs of pairs."""


@pytest.mark.parametrize("first", [1, 600, 1024])
def test_a_log_that_grew_by_many_blocks_is_proven_to_be_the_one_that_was_signed(first, tmp_path):
    leaves: list[bytes] = []
    with open_log(tmp_path / "log", create=True) as log:
        for number, size in enumerate(size for size in SIZES if size >= first):
            log.append("A", [RawEvent("Counted", f'{{"n":{number}}}')] * (size - len(leaves)), expected=ANY)
            earlier = len(leaves)
            leaves += [digest for batch in log.read(after=earlier) for digest in leaf_hashes(batch)]
            naive, tree = Naive(leaves), LogTree(log)
            if earlier and size > earlier:
                assert tree.hashed_anew(size, after=earlier).root() == naive.root(0, size)
                path = tree.checked_consistency(earlier, naive.root(0, earlier), size, naive.root(0, size))
                assert path == naive.subproof(earlier, 0, size, True)
            index = earlier + (size - earlier) // 2
            assert tree.inclusion(index, size) == naive.path(index, 0, size)
            assert tree.root(size) == naive.root(0, size)
