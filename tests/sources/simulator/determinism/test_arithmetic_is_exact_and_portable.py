from __future__ import annotations

import math

import numpy as np
import pytest

from orders_es.sources.simulator.draws import Draws, delay_table, exp, ln, thresholds
from orders_es.sources.simulator.settings import SimulatorSettings

INDEX = np.arange(200_000, dtype=np.int64)


def test_logarithm_and_exponential_are_good_to_fourteen_digits():
    x = np.concatenate([np.geomspace(1e-12, 1e12, 5_000), [1.0, 2.0, 0.5, math.sqrt(0.5)]])
    np.testing.assert_allclose(ln(x), [math.log(v) for v in x], rtol=2e-14, atol=2e-15)
    y = np.linspace(-50, 50, 5_001)
    np.testing.assert_allclose(exp(y), [math.exp(v) for v in y], rtol=2e-14)


def test_known_words_of_the_splitmix64_sequence(monkeypatch):
    """The published first words of SplitMix64 from state 1234567."""
    draws = Draws(b"")
    monkeypatch.setattr(draws, "word", lambda _purpose: np.uint64(1234567))
    words = draws.words("any", np.arange(1, 6, dtype=np.int64))
    assert words.tolist() == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]


def test_draws_do_not_depend_on_how_many_are_made_at_a_time():
    draws = Draws(b"key")
    whole = draws.words("purpose", INDEX)
    parts = np.concatenate([draws.words("purpose", INDEX[i : i + 777]) for i in range(0, len(INDEX), 777)])
    assert (whole == parts).all()


def test_purposes_are_independent():
    draws = Draws(b"key")
    a, b = draws.below("a", INDEX, 1_000), draws.below("b", INDEX, 1_000)
    assert abs(np.corrcoef(a, b)[0, 1]) < 0.01


@pytest.mark.parametrize("share", [0.0, 0.001, 0.25, 0.9, 1.0])
def test_a_share_happens_as_often_as_it_says(share):
    happened = Draws(b"key").share("purpose", INDEX, share).mean()
    assert abs(happened - share) <= 5 * math.sqrt(share * (1 - share) / len(INDEX))


def test_choices_come_in_proportion_to_their_weights():
    weights = [1, 2, 3, 4]
    counts = np.bincount(Draws(b"key").choice("purpose", INDEX, thresholds(weights)), minlength=4)
    np.testing.assert_allclose(counts / len(INDEX), np.array(weights) / 10, atol=0.01)


def test_delays_stay_within_their_ends_and_have_their_median():
    for name, delay in {f: getattr(SimulatorSettings(), f) for f in ("shipping_delay", "late_delay")}.items():
        drawn = Draws(b"key").delay(name, INDEX, delay_table(delay))
        ms = [part.total_seconds() * 1_000 for part in (delay.shortest, delay.typical, delay.longest)]
        assert ms[0] * 0.999 <= drawn.min()
        assert drawn.max() <= ms[2] * 1.001
        assert 0.97 < np.median(drawn) / ms[1] < 1.03
