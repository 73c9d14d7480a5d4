import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders_es.orders import evolve, fold, initial_state


@pytest.mark.long
@given(data=st.data())
def test_any_permutation_gives_the_same_order(data, histories):
    history = data.draw(histories)
    shuffled = data.draw(st.permutations(history))

    order, again = fold(history, initial_state("A-1")), fold(shuffled, initial_state("A-1"))

    assert again == order
    assert again.as_dict() == order.as_dict()
    assert repr(again) == repr(order), "figures are written alike too, down to their decimals"


@given(data=st.data())
def test_folding_in_two_halves_equals_folding_once(data, histories):
    history = data.draw(histories)
    cut = data.draw(st.integers(0, len(history)))

    assert fold(history[cut:], fold(history[:cut])) == fold(history)
    assert fold(history[:cut], fold(history[cut:])) == fold(history)


@given(data=st.data())
def test_evolving_event_by_event_equals_folding(data, histories):
    history = data.draw(histories)
    state = initial_state("A-1")
    for event in history:
        state = evolve(state, event)
    assert state == fold(history, initial_state("A-1"))
