"""What must be true of a log once the dust has settled."""

from collections import Counter, defaultdict

from watching import COLUMNS, columns_of, gapless, whole
from writing import read_acks

from orders_es.log import open_log


def rows_of(folder):
    """Every event of a log, read with a new handle: the columns, and a dictionary from event id to its place."""
    with open_log(folder) as log:
        rows = columns_of(log.read(columns=COLUMNS))
        head = log.head()
    assert head.position == len(rows["position"])
    ids = [event_id.hex for event_id in rows["event_id"]]
    where = dict(zip(ids, zip(rows["stream_id"], rows["version"], rows["position"], strict=True), strict=True))
    assert len(where) == len(ids), "an event is there twice"
    return rows, where


def check_log(folder, ack_paths):
    """Hold the log to its promises and to what the writers were told; the acknowledged facts come back."""
    rows, where = rows_of(folder)
    gapless(rows["position"], 1, "positions")
    whole(rows["correlation_id"])
    versions = Counter()
    for stream, version in zip(rows["stream_id"], rows["version"], strict=True):
        versions[stream] += 1
        assert version == versions[stream], f"{stream}: version {version} where {versions[stream]} is next"
    facts = [fact for path in ack_paths for fact in read_acks(path)]
    for fact in facts:
        for event_id, stream, version, position in fact.get("events", ()):
            assert where.get(event_id) == (stream, version, position), f"acknowledged event {event_id} is elsewhere"
    with open_log(folder) as log:
        for stream in sorted(versions)[:: max(1, len(versions) // 40)]:
            assert [event.version for event in log.load(stream)] == list(range(1, versions[stream] + 1))
            assert log.stream_version(stream) == versions[stream]
    return facts


def check_contests(facts):
    """Exactly one writer won each contested version, and whoever lost was told the truth; how many contests there were."""
    winners = Counter((fact["won"][0], fact["won"][1]) for fact in facts if "won" in fact)
    assert set(winners.values()) <= {1}, f"won twice: {[k for k, n in winners.items() if n > 1]}"
    ends = defaultdict(int)
    for stream, version in winners:
        ends[stream] = max(ends[stream], version + 1)
    for stream, end in ends.items():
        assert [(stream, v) in winners for v in range(end)] == [True] * end, f"{stream}: a version without a winner"
    lost = [fact["lost"] for fact in facts if "lost" in fact]
    for stream, version, actual in lost:
        assert actual > version
        assert (stream, version) in winners
    return len(lost)
