"""Sizes 0 to 300, every index and every pair, against RFC 6962's definitions written down word for word."""

from functools import cache
from hashlib import sha256

import pytest

from orders_es.audit.proofs import check_consistency
from orders_es.audit.tree import LogTree
from orders_es.audit.verify_proof import Refused, check_inclusion
from orders_es.log import ANY, RawEvent, open_log
from orders_es.log.leaf import leaf_hashes
from orders_es.log.merkle import CompactRange, leaf_hash

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


def test_published_roots_of_growing_trees():
    # The eight leaves and their roots of the certificate transparency project's own tests.
    leaves = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    roots = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ]
    hashes = [leaf_hash(bytes.fromhex(leaf)) for leaf in leaves]
    assert [CompactRange.of_leaves(0, hashes[:n]).root().hex() for n in range(1, 9)] == roots
