"""docs/format.md and its vectors, held to this package's code and to a second reading of the page."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from uuid import UUID

import pytest

from orders_es.log.leaf import leaf_bytes, payload_hash
from orders_es.log.merkle import CompactRange, leaf_hash

VECTORS = json.loads((Path(__file__).parents[2] / "docs" / "format-vectors.json").read_text(encoding="utf-8"))
STRINGS = ("stream_id", "type", "actor", "correlation_id", "causation_id")
LEAVES = [bytes.fromhex(event["leaf_hash"]) for event in VECTORS["events"]]


def leaf_by_the_page(event: dict) -> bytes:
    """The page's table, read once more without the package."""
    texts = [None if event[name] is None else event[name].encode() for name in STRINGS]
    out = b"\x01"
    out += event["position"].to_bytes(8, "big") + event["version"].to_bytes(8, "big")
    out += event["schema_version"].to_bytes(4, "big")
    out += event["occurred_at"].to_bytes(8, "big", signed=True) + event["recorded_at"].to_bytes(8, "big", signed=True)
    out += UUID(event["event_id"]).bytes + hashlib.sha256(event["payload"].encode()).digest()
    out += b"".join(b"\xff" * 4 if text is None else len(text).to_bytes(4, "big") for text in texts)
    return out + b"".join(text or b"" for text in texts)


@pytest.mark.parametrize("event", VECTORS["events"], ids=lambda event: f"position {event['position']}")
def test_a_leaf_has_the_bytes_of_the_page(event):
    hashed = payload_hash(event["payload"].encode())
    leaf = leaf_bytes(
        event["position"],
        event["version"],
        event["schema_version"],
        event["occurred_at"],
        event["recorded_at"],
        UUID(event["event_id"]).bytes,
        hashed,
        *(event[name] for name in STRINGS),
    )
    assert leaf.hex() == event["leaf"] == leaf_by_the_page(event).hex()
    assert hashed.hex() == event["payload_hash"]
    assert leaf_hash(leaf).hex() == event["leaf_hash"]


@pytest.mark.parametrize("case", VECTORS["ranges"], ids=lambda case: f"[{case['begin']}, {case['end']})")
def test_a_compact_range_has_the_hashes_of_the_vectors(case):
    found = CompactRange.of_leaves(case["begin"], LEAVES[case["begin"] : case["end"]])
    assert [digest.hex() for digest in found.hashes] == case["hashes"]


@pytest.mark.parametrize("case", VECTORS["roots"], ids=lambda case: f"size {case['tree_size']}")
def test_a_root_is_that_of_the_vectors(case):
    assert CompactRange.of_leaves(0, LEAVES[: case["tree_size"]]).root().hex() == case["root"]


def test_a_root_is_the_recursive_definition_of_the_rfc():
    def mth(leaves):
        if not leaves:
            return hashlib.sha256(b"").digest()
        if len(leaves) == 1:
            return leaves[0]
        k = 1 << ((len(leaves) - 1).bit_length() - 1)
        return hashlib.sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()

    assert [mth(LEAVES[: case["tree_size"]]).hex() for case in VECTORS["roots"]] == [
        c["root"] for c in VECTORS["roots"]
    ]
