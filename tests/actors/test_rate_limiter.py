"""The limiter against Reverb's inequalities, and that neither side can wait for the other for ever."""
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.rate_limiter import RateLimiter


@given(
    spi=st.floats(0.1, 8), min_size=st.integers(1, 10), batch=st.integers(1, 6), slack=st.floats(1, 20),
    moves=st.lists(st.booleans(), max_size=80),
)
def test_inequalities(spi: float, min_size: int, batch: int, slack: float, moves: list[bool]) -> None:
    low, high = spi * min_size - slack, spi * min_size + slack
    if high - low < 2 * max(batch, spi):
        with pytest.raises(ValueError, match="would block both sides"):
            RateLimiter(samples_per_insert=spi, min_size=min_size, min_diff=low, max_diff=high, batch=batch)
        return
    limiter = RateLimiter(samples_per_insert=spi, min_size=min_size, min_diff=low, max_diff=high, batch=batch)
    inserts = samples = 0
    for insert in moves:
        may_insert = inserts + 1 <= min_size or (inserts + 1) * spi - samples <= high
        may_sample = inserts >= min_size and inserts * spi - samples - batch >= low
        assert limiter.can_insert(inserts) == may_insert
        assert limiter.can_sample(batch, inserts) == may_sample
        assert may_insert or may_sample     # somebody can always go on
        if insert and may_insert:
            inserts += 1
            limiter.inserts += 1
        elif may_sample:
            samples += batch
            limiter.samples += batch


@given(spi=st.sampled_from([0.5, 1.0, 4.0]), batch=st.integers(1, 4))
def test_the_ratio_holds_over_a_long_run(spi: float, batch: int) -> None:
    slack = 2 * max(batch, spi)
    limiter = RateLimiter(
        samples_per_insert=spi, min_size=2, min_diff=2 * spi - slack, max_diff=2 * spi + slack, batch=batch
    )
    for turn in range(2000):
        if turn % 3 and limiter.can_insert(limiter.inserts):
            limiter.inserts += 1
        elif limiter.can_sample(batch, limiter.inserts):
            limiter.samples += batch
    assert abs(limiter.samples - spi * limiter.inserts) <= 2 * spi + slack
    assert limiter.inserts > 100
