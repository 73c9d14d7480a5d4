"""docs/format.md and its vectors, held to this package's code and to a second reading of the page."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from uuid import UUID

import pyarrow.parquet as pq
import pytest
from xxhash import xxh3_128_hexdigest

from orders_es.log import open_log
from orders_es.log.leaf import leaf_bytes, payload_hash
from orders_es.log.merkle import CompactRange, leaf_hash
from orders_es.log.parquet.footer import parsed_text
from orders_es.log.personal import erased

VECTORS = json.loads((Path(__file__).parents[2] / "docs" / "format-vectors.json").read_text(encoding="utf-8"))
STRINGS = ("stream_id", "type", "actor", "correlation_id", "causation_id")
LEAVES = [bytes.fromhex(event["leaf_hash"]) for event in VECTORS["events"]]


def payload_hash_by_the_page(event: dict) -> bytes:
    payload = event["payload"].encode()
    if "personal" not in event:
        return hashlib.sha256(payload).digest()
    offset, *state, last = event["personal"].split(":")
    public, personal = payload[: int(offset)], payload[int(offset) :]
    tail = bytes.fromhex(last) if state == ["erased"] else hashlib.sha256(bytes.fromhex(last) + personal).digest()
    return hashlib.sha256(hashlib.sha256(public).digest() + tail).digest()


def leaf_by_the_page(event: dict) -> bytes:
    """The page's table, read once more without the package."""
    texts = [None if event[name] is None else event[name].encode() for name in STRINGS]
    entered = event.get("entered_at")
    out: bytes = bytes([1 + (entered is not None) + 2 * ("personal" in event)])
    out += event["position"].to_bytes(8, "big") + event["version"].to_bytes(8, "big")
    out += event["schema_version"].to_bytes(4, "big")
    out += event["occurred_at"].to_bytes(8, "big", signed=True) + event["recorded_at"].to_bytes(8, "big", signed=True)
    out += UUID(event["event_id"]).bytes + payload_hash_by_the_page(event)
    out += b"".join(b"\xff" * 4 if text is None else len(text).to_bytes(4, "big") for text in texts)
    out += b"" if entered is None else entered.to_bytes(8, "big", signed=True)
    return out + b"".join(text or b"" for text in texts)


@pytest.mark.parametrize(
    "event", VECTORS["events"] + VECTORS["personal_events"], ids=lambda event: f"position {event['position']}"
)
def test_a_leaf_has_the_bytes_of_the_page(event):
    hashed = payload_hash(event["payload"].encode(), event.get("personal"))
    leaf = leaf_bytes(
        event["position"],
        event["version"],
        event["schema_version"],
        event["occurred_at"],
        event["recorded_at"],
        UUID(event["event_id"]).bytes,
        hashed,
        *(event[name] for name in STRINGS),
        entered_at=event.get("entered_at"),
        personal="personal" in event,
    )
    assert leaf.hex() == event["leaf"] == leaf_by_the_page(event).hex()
    assert hashed.hex() == event["payload_hash"]
    assert leaf_hash(leaf).hex() == event["leaf_hash"]


def test_an_erased_event_has_the_leaf_that_it_had_and_erasing_gives_that_event():
    for before, after in zip(VECTORS["personal_events"][::2], VECTORS["personal_events"][1::2], strict=True):
        assert before["leaf"] == after["leaf"]
        assert erased(before["payload"], before["personal"], None) == (after["payload"], after["personal"])


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


def test_digests_are_those_of_the_vectors():
    digests = VECTORS["digests"]
    assert xxh3_128_hexdigest(b"") == digests["of_nothing"]
    assert xxh3_128_hexdigest(b"abc") == digests["of_abc"]
    for text, check in (
        (bytes.fromhex(digests["commit"]["file"]), digests["commit"]["check"]),
        (digests["log_json"]["text"].encode(), digests["log_json"]["check"]),
    ):
        assert xxh3_128_hexdigest(text.replace(check.encode(), b"0" * 32)) == check


def test_the_files_of_the_vectors_are_a_log(tmp_path):
    digests = VECTORS["digests"]
    for folder in ("commits", "segments"):
        (tmp_path / folder).mkdir()
    (tmp_path / "log.json").write_text(digests["log_json"]["text"], encoding="utf-8")
    commit = tmp_path / "commits" / f"{1:020d}.parquet"
    commit.write_bytes(bytes.fromhex(digests["commit"]["file"]))
    assert pq.read_table(commit).num_rows == 1
    with open_log(tmp_path) as log:
        [event] = log.load("order-1")
        assert event.payload == VECTORS["events"][0]["payload"]
        assert log.head().root.hex() == VECTORS["events"][0]["leaf_hash"]


@pytest.mark.parametrize("case", VECTORS["footers"])
def test_a_footer_says_what_types_are_in_its_file(case):
    text = json.loads(case["text"])
    assert text["types"] == case["types"]
    assert [list(one) for one in parsed_text("", case["text"].encode()).types or ()] == case["types"]
