"""Wilson's interval: its definition, published values, its coverage."""
from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from league.statistics import Z_95, wilson


@given(trials=st.integers(1, 500), share=st.floats(0, 1))
def test_limits_are_where_the_score_test_rejects(trials: int, share: float) -> None:
    successes = round(share * trials)
    p = successes / trials
    for limit in wilson(successes, trials):
        # |p - limit| = z * the standard error under `limit`: the definition, with no formula shared
        assert abs(p - limit) == pytest.approx(Z_95 * sqrt(limit * (1 - limit) / trials), abs=1e-7)


def test_published_values() -> None:
    # Newcombe 1998, Statistics in Medicine 17, table I: 81 of 263 and 0 of 20
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)


def test_it_covers() -> None:
    draws = np.random.default_rng(1).binomial(400, 0.9, size=2000)
    covered = np.mean([low <= 0.9 <= high for low, high in (wilson(int(wins), 400) for wins in draws)])
    assert 0.93 < covered < 0.97


def test_edges() -> None:
    assert wilson(0, 0) == (0.0, 1.0)
    with pytest.raises(ValueError, match="5 successes in 4 trials"):
        wilson(5, 4)
