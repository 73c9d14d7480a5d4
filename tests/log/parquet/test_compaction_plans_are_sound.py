import math

from hypothesis import given
from hypothesis import strategies as st

from orders_es.log.event import LogFile
from orders_es.log.parquet.compaction import plan

COUNTS = st.lists(st.one_of(st.integers(1, 3), st.integers(1, 200)), max_size=60)
TARGETS = st.integers(2, 300)


def chain_of(counts):
    chain, first = [], 1
    for count in counts:
        chain.append(LogFile(f"{first}", "commit", first, first + count - 1))
        first += count
    return chain


def merged(chain, runs):
    """The chain after every run has become one segment, and how many events that wrote."""
    starts = {run[0].first: run for run in runs}
    after, covered = [], 0
    for file in chain:
        if file.first in starts:
            run = starts[file.first]
            after.append(LogFile("s", "segment", run[0].first, run[-1].last))
            covered = run[-1].last
        elif file.first > covered:
            after.append(file)
    return after, sum(file.count for run in runs for file in run)


@given(COUNTS, TARGETS)
def test_runs_are_neighbours_in_order_and_never_exceed_the_target(counts, target):
    chain = chain_of(counts)
    places = {file.first: i for i, file in enumerate(chain)}
    end = -1
    for run in plan(chain, target):
        indices = [places[file.first] for file in run]
        assert len(run) >= 2
        assert indices == list(range(indices[0], indices[0] + len(run)))
        assert indices[0] > end
        end = indices[-1]
        assert sum(file.count for file in run) <= target


@given(COUNTS, TARGETS)
def test_compaction_comes_to_an_end(counts, target):
    chain = chain_of(counts)
    for _ in range(len(counts) + 1):
        runs = plan(chain, target)
        if not runs:
            break
        after, _ = merged(chain, runs)
        assert len(after) < len(chain)
        assert sum(file.count for file in after) == sum(counts)
        chain = after
    assert plan(chain, target) == []


@given(COUNTS, TARGETS)
def test_files_of_half_the_target_stay_as_they_are(counts, target):
    assert all(file.count * 2 < target for run in plan(chain_of(counts), target) for file in run)


def test_many_small_commits_become_few_files_and_no_event_is_written_again_and_again():
    chain, written, longest = [], 0, 0
    n, every = 40_000, 50
    for position in range(1, n + 1):
        chain.append(LogFile("c", "commit", position, position))
        if position % every == 0:
            chain, events = merged(chain, plan(chain, 1_000_000))
            written += events
            longest = max(longest, len(chain))
    assert written <= n * math.log2(n)
    assert longest <= 60
