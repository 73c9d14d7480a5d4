import pytest

from orders_es.errors import VersionConflict
from orders_es.log import ANY, NO_STREAM, StreamAppend, open_log
from orders_es.log.duckdb import versions
from orders_es.testing.log_contract.basis import assert_sound, events


@pytest.mark.long_but_first
@pytest.mark.parametrize("few", [-1, 10**6], ids=["asked one by one first", "loaded at once"])
@pytest.mark.parametrize("probes", [0, 3, 100])
def test_a_log_opened_again_knows_where_its_streams_stand(tmp_path, monkeypatch, few, probes):
    monkeypatch.setattr(versions, "_FEW_EVENTS", few)
    monkeypatch.setattr(versions, "_PROBES_MOST", probes)
    with open_log(tmp_path / "log.duckdb", create=True) as log:
        for i in range(8):
            log.append(f"S-{i}", events(i + 1), expected=NO_STREAM)
    with open_log(tmp_path / "log.duckdb") as log:
        for i in range(8):
            with pytest.raises(VersionConflict) as caught:
                log.append(f"S-{i}", events(1), expected=i)
            assert caught.value.actual == i + 1
            log.append(f"S-{i}", events(1), expected=i + 1)
            log.append(f"N-{i}", events(1), expected=NO_STREAM)
        done = log.append_batch([StreamAppend(f"{kind}-{i}", events(1), ANY) for i in range(8) for kind in "SNX"])
        assert done.versions == {f"S-{i}": i + 3 for i in range(8)} | {f"N-{i}": 2 for i in range(8)} | {
            f"X-{i}": 1 for i in range(8)
        }
        assert_sound(log)


@pytest.mark.long_but_first
@pytest.mark.parametrize("after", [0, 5, 999, 1000, 1499, 1500])
def test_the_end_of_a_long_stream_is_loaded_like_the_whole(tmp_path, after):
    with open_log(tmp_path / "log.duckdb", create=True) as log:
        log.append("long", events(1500), expected=NO_STREAM)
        whole = log.load("long")
        assert log.load("long", after_version=after) == whole[after:]
        assert log.load("long", after_version=after, to_version=1200) == whole[after:1200]
