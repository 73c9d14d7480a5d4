"""Tiles, checkpoints, cosignatures and proofs, held to a reader that others wrote from the same documents of C2SP.

`aics-tlog` needs Python 3.12, so on older ones nobody but this project reads them here.
"""

import base64
import platform

import pytest

from orders_es.audit import checkpoint, cosign, generate_key, keep_cosignatures, prove_consistency, publish_tiles
from orders_es.log import ANY, RawEvent, open_log

if tuple(map(int, platform.python_version_tuple()[:2])) < (3, 12):
    pytest.skip("aics-tlog needs Python 3.12", allow_module_level=True)
aics = pytest.importorskip("aics_tlog")
tiles, verified = pytest.importorskip("aics_tlog.tiles"), pytest.importorskip("aics_tlog.verified")

SIZES = (700, 1500)
ORIGIN, WITNESS = "example.com/shop", "witness.example.org/w1"


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """Tiles of a log that grew, both checkpoints, the first of them cosigned, the proof between them, and the keys."""
    place = tmp_path_factory.mktemp("published")
    signer, witness = generate_key(ORIGIN), generate_key(WITNESS, witness=True)
    with open_log(place / "log", create=True) as log:
        notes = []
        for size in SIZES:
            log.append("A", [RawEvent("Counted", "{}")] * (size - log.head().position), expected=ANY)
            signed = checkpoint(log, signer)
            if not notes:
                line = cosign(prove_consistency(log, None, signed), witness, signer.key, memory=place / "seen")
                signed, _ = keep_cosignatures(log, line.encode(), [witness.key])
            publish_tiles(log, place / "tiles")
            notes.append(signed)
        proof = prove_consistency(log, notes[0], notes[1])
    return place / "tiles", notes, proof, signer.key, witness.key


def test_the_checkpoints_are_signed_and_cosigned(published):
    folder, notes, _, key, witness = published
    log_key = aics.parse_vkey(str(key))
    cosigned = aics.verify_checkpoint(
        aics.parse_note(notes[0].note), log_key, [aics.parse_vkey(str(witness))], quorum=1
    )
    assert cosigned.ok, cosigned.error
    assert (cosigned.size, cosigned.root, cosigned.witnesses) == (SIZES[0], notes[0].root, [WITNESS])
    found = aics.verify_checkpoint(aics.parse_note((folder / "checkpoint").read_bytes()), log_key, [], quorum=0)
    assert (found.ok, found.size, found.root) == (True, SIZES[1], notes[1].root)


def test_every_tile_and_entry_leads_to_the_root(published):
    folder, notes, *_ = published
    reader = tiles.FileSystemTileReader(folder)
    assert verified.audit_tiles(reader, SIZES[1], notes[1].root).size == SIZES[1]
    assert tiles.tree_root_from_tiles(reader, SIZES[0], SIZES[1]) == notes[0].root
    broken = bytearray((folder / "tile" / "entries" / "001").read_bytes())
    broken[-1] ^= 1
    (folder / "tile" / "entries" / "001").write_bytes(broken)
    with pytest.raises(tiles.TileVerificationError):
        verified.audit_tiles(reader, SIZES[1], notes[1].root)


def test_the_proof_between_them_is_the_one_that_it_makes_itself(published):
    folder, notes, proof, *_ = published
    theirs = tiles.consistency_proof_from_tiles(tiles.FileSystemTileReader(folder), *SIZES)
    text = proof.decode() if isinstance(proof, bytes) else proof
    assert [base64.b64decode(line) for line in text.split("\n\n")[0].split("\n")[1:]] == list(theirs)
    assert aics.verify_consistency(*SIZES, notes[0].root, notes[1].root, list(theirs))
