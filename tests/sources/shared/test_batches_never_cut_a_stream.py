import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from orders_es.sources.batches import cut_batches


@given(st.lists(st.integers(1, 30), max_size=60), st.integers(1, 50))
def test_batches_hold_all_streams_in_order_and_no_more_than_they_may(lengths, most):
    starts = np.cumsum([0, *lengths])
    batches = list(cut_batches(starts, most))
    assert [stream for first, end in batches for stream in range(first, end)] == list(range(len(lengths)))
    for first, end in batches:
        assert end - first == 1 or starts[end] - starts[first] <= most


@given(st.lists(st.integers(1, 30), min_size=2, max_size=60), st.integers(1, 50))
def test_a_batch_ends_only_where_the_next_stream_would_be_too_much(lengths, most):
    starts = np.cumsum([0, *lengths])
    for first, end in list(cut_batches(starts, most))[:-1]:
        assert starts[end + 1] - starts[first] > most
